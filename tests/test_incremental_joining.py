"""Edits that need more of objects that have not changed: dropped sections, archive members that waited."""

from __future__ import annotations

from pathlib import Path

import pytest
from editing import Project, initial

pytestmark = pytest.mark.only_wild

MAIN = """\
#include <stdio.h>
int part(int);
int main(void) { printf("part %d\\n", part(3)); return 0; }
"""
PART = "int part(int x) { return x * 3; }\n"
SPARE = """\
#include <stdio.h>
static int calls = 5;
static const char *const names[] = { "zero", "one", "two" };
int unused(int x) { printf("unused %s\\n", names[x % 3]); return x + ++calls; }
int also_unused(int x) { return x - 1; }
int used(int x) { return x + 100; }
"""
GC = {"flags": "-O1 -ffunction-sections -fdata-sections", "link_flags": "-Wl,--gc-sections"}


def project_of(directory: Path, **options: str) -> Project:
    """With something in each part of the output that the edits below need."""
    project = Project(directory / "project", **options)
    project.write("main.c", MAIN)
    project.write(
        "kinds.c",
        "static volatile int one = 1, zero;\nstatic const int numbers[] = { 1, 2, 3 };\n"
        "static volatile int *const pointers[] = { &one, &zero };\n"
        "__attribute__((constructor)) static void use(void) { *pointers[one] += numbers[*pointers[zero]]; }\n",
    )
    return project


def joined(project: Project) -> list[str]:
    found: list[str] = project.last().get("joined", [])  # type: ignore[assignment]
    return [Path(name).name for name in found]


def library(project: Project, name: str, *objects: str, how: str = "rcsD") -> None:
    """An archive of objects that are not named in the link besides."""
    (project.directory / name).unlink(missing_ok=True)
    project.call("ar", how, name, *objects)
    project.objects = [each for each in project.objects if each not in objects]


# --- sections that were dropped ------------------------------------------------------------------------------


@pytest.mark.parametrize("debug", ["", " -g"])
@pytest.mark.parametrize("kind", ["-pie -fPIE", "-no-pie -fno-pie"])
def test_a_function_that_was_dropped_is_called(tmp_path, kind, debug):
    project = project_of(
        tmp_path,
        flags=GC["flags"] + debug + " " + kind.split()[1],
        link_flags=GC["link_flags"] + " " + kind.split()[0],
    )
    project.write("spare.c", SPARE)
    project.write("part.c", "int used(int);\n" + PART.replace("x * 3", "used(x)"))
    assert "part 103" in initial(project)
    project.write("part.c", "int unused(int), used(int);\n" + PART.replace("x * 3", "unused(used(x))"))

    assert "unused one" in project.step("update")
    assert joined(project) == ["spare.o"]

    project.write(
        "part.c", "int also_unused(int), used(int);\n" + PART.replace("x * 3", "also_unused(used(x))")
    )
    assert "part 102" in project.step("update")
    project.write("spare.c", SPARE.replace("x + 100", "x + 200"))
    assert "part 202" in project.step("update")


def test_a_dropped_function_gets_a_slot(tmp_path):
    project = project_of(
        tmp_path, flags=GC["flags"] + " -fPIC", link_flags=GC["link_flags"] + " -Wl,--no-relax -pie"
    )
    project.write("part.c", PART)
    project.write("spare.c", SPARE)
    initial(project)
    project.write(
        "part.c", "int also_unused(int);\nint (*volatile pointer)(int);\n"
        "int part(int x) { pointer = also_unused; return pointer(x); }\n",
    )  # fmt: skip

    assert "part 2" in project.step("update")


def test_a_chain_of_dropped_functions_is_needed(tmp_path):
    project = project_of(tmp_path, **GC)
    project.write("part.c", PART)
    for number in range(5):
        project.write(
            f"link{number}.c",
            f"int link{number + 1}(int); int link{number}(int x) {{ return link{number + 1}(x) + {number}; }}\n",
        )
    project.write("link5.c", "int link5(int x) { return x * 7; }\n")
    initial(project)
    project.write("part.c", "int link0(int);\n" + PART.replace("x * 3", "link0(x)"))

    assert "part 31" in project.step("update")
    assert sorted(joined(project)) == [f"link{number}.o" for number in range(6)]


def test_dropped_data_with_addresses_is_needed(tmp_path):
    project = project_of(
        tmp_path,
        **{**GC, "flags": GC["flags"] + " -fPIE"},
    )
    project.write("part.c", PART)
    project.write(
        "table.c",
        "int part(int);\nint (*const table[])(int) = { part, part };\nint numbers[40] = { 4, 5 };\n",
    )
    initial(project)
    project.write(
        "main.c",
        "int part(int);\nextern int (*const table[])(int); extern int numbers[];\n"
        + MAIN.replace("part(3)", "table[1](numbers[1])"),
    )

    assert "part 15" in project.step("update")
    assert joined(project) == ["table.o"]


def test_an_inline_function_that_every_object_dropped_is_needed(tmp_path):
    inline = "inline int twice(int x) { static int calls; return 2 * x + calls++; }\n"
    project = Project(
        tmp_path / "project", flags="-O0 -ffunction-sections", link_flags="-Wl,--gc-sections", driver="g++"
    )
    caller = inline + "int NAME(int x) { return twice(x); }\n"
    project.write("one.cc", caller.replace("NAME", "one"))
    project.write("two.cc", caller.replace("NAME", "two"))
    main = "int one(int); int two(int);\nint main() { return BODY; }\n"
    project.write("main.cc", main.replace("BODY", "3"))
    initial(project)
    project.write("main.cc", main.replace("BODY", "two(2)"))

    assert project.step("update").startswith("4")
    project.write("main.cc", main.replace("BODY", "one(2) + two(2)"))
    assert project.step("update").startswith("9")


def test_exceptions_pass_through_a_function_that_was_dropped(tmp_path):
    project = Project(
        tmp_path / "project", flags="-O1 -g -ffunction-sections", link_flags="-Wl,--gc-sections", driver="g++"
    )
    project.write(
        "thrower.cc",
        'void thrower(int x) { struct Guard { ~Guard() { __builtin_puts("guard"); } } guard; if (x) throw x; }\n',
    )
    main = (
        "#include <cstdio>\nvoid thrower(int);\nint main() {\n"
        '  try { BODY; } catch (int x) { std::printf("caught %d\\n", x); }\n  return 0;\n}\n'
    )
    project.write("main.cc", main.replace("BODY", "throw 1"))
    assert "caught 1" in initial(project)
    project.write("main.cc", main.replace("BODY", "thrower(7)"))

    assert project.step("update") == "0\nguard\ncaught 7\n"


# --- members of archives -------------------------------------------------------------------------------------


@pytest.mark.parametrize("flags", ["-O1", "-O1 -g", "-O1 -g -ffunction-sections -Wl,--gc-sections"])
@pytest.mark.parametrize("how", ["rcsD", "rcsDT"])
def test_a_member_that_waited_is_loaded(tmp_path, flags, how):
    link = "-Wl,--gc-sections" if "gc" in flags else ""
    project = project_of(
        tmp_path, flags=flags.replace(" -Wl,--gc-sections", ""), link_flags=f"libparts.a {link}"
    )
    for number in range(4):
        project.write(
            f"member{number}.c",
            f"#include <stdio.h>\nstatic int state{number} = {number};\n"
            f'int member{number}(int x) {{ puts("member {number}"); return x + state{number}++; }}\n',
        )
    project.write("deep.c", "int member3(int);\nint deep(int x) { return member3(x) * 2; }\n")
    library(project, "libparts.a", "member0.o", "member1.o", "deep.o", "member2.o", "member3.o", how=how)
    project.write("part.c", "int member0(int);\n" + PART.replace("x * 3", "member0(x)"))
    assert "member 0" in initial(project)
    project.write("part.c", "int member0(int), deep(int);\n" + PART.replace("x * 3", "member0(deep(x))"))

    assert "member 3\nmember 0\npart 12\n" in project.step("update")
    assert sorted(joined(project)) == ["libparts.a(deep.o)", "libparts.a(member3.o)"]
    project.write("part.c", "int member1(int);\n" + PART.replace("x * 3", "member1(x)"))
    assert "member 1" in project.step("update")
    assert joined(project) == ["libparts.a(member1.o)"]


def test_a_member_that_was_loaded_late_is_edited(tmp_path):
    project = project_of(tmp_path, link_flags="libparts.a")
    member = "int member(int x) { return x + 40; }\n"
    project.write("member.c", member)
    library(project, "libparts.a", "member.o")
    project.write("part.c", PART)
    initial(project)
    project.write("part.c", "int member(int);\n" + PART.replace("x * 3", "member(x)"))
    assert "part 43" in project.step("update")
    project.write("member.c", member.replace("40", "50 * x + 7"))
    library(project, "libparts.a", "member.o")

    assert "part 160" in project.step("update")


def test_a_member_of_a_thin_archive_is_edited(tmp_path):
    project = project_of(tmp_path, link_flags="libparts.a")
    member = "int member(int x) { return x + 40; }\n"
    project.write("member.c", member)
    project.write("other.c", "int other;\n")
    library(project, "libparts.a", "other.o", "member.o", how="rcsDT")
    project.write("part.c", "int member(int);\n" + PART.replace("x * 3", "member(x)"))
    initial(project)
    project.write("member.c", member.replace("40", "50"))
    project.objects.remove("member.o")
    assert "part 53" in project.step("update")
    project.write("member.c", member.replace("40", "60"))
    library(project, "libparts.a", "other.o", "member.o", how="rcsDT")

    assert "part 63" in project.step("update")
    library(project, "libparts.a", "member.o", "other.o", how="rcsDT")
    project.step("initial:B7")


def test_the_first_of_two_members_is_loaded(tmp_path):
    project = project_of(tmp_path, link_flags="libone.a libtwo.a")
    for name in ("one", "two"):
        project.write(f"{name}.c", f'#include <stdio.h>\nint member(int x) {{ puts("{name}"); return x; }}\n')
        library(project, f"lib{name}.a", f"{name}.o")
    project.write("part.c", PART)
    initial(project)
    project.write("part.c", "int member(int);\n" + PART.replace("x * 3", "member(x)"))

    assert "one\n" in project.step("update")


def test_a_member_that_defines_what_another_object_defines_is_an_error(tmp_path):
    project = project_of(tmp_path, link_flags="libparts.a")
    project.write("member.c", "int part(int x) { return x; }\nint member(int x) { return part(x); }\n")
    library(project, "libparts.a", "member.o")
    project.write("part.c", PART)
    initial(project)
    project.write("part.c", "int member(int);\n" + PART.replace("x * 3", "member(x)"))
    line = project.link(check=False)

    assert (line["mode"], line["code"]) == ("failed", "E3")
    assert "duplicate" in str(line["messages"]) or "multiple" in str(line["messages"])


def test_a_member_before_a_library_of_the_same_function_is_for_a_full_link(tmp_path):
    project = project_of(tmp_path, link_flags="libparts.a libshared.so -Wl,-rpath,.")
    project.write("member.c", '#include <stdio.h>\nint both(int x) { puts("archive"); return x; }\n')
    library(project, "libparts.a", "member.o")
    project.write(
        "shared.c",
        '#include <stdio.h>\nint both(int x) { puts("library"); return x; }\nint only(int x) { return x; }\n',
    )
    project.call("gcc", "-shared", "-fPIC", "shared.c", "-o", "libshared.so")
    project.objects.remove("shared.o")
    project.write("part.c", "int only(int);\n" + PART.replace("x * 3", "only(x)"))
    initial(project)
    project.write("part.c", "int only(int), both(int);\n" + PART.replace("x * 3", "both(only(x))"))

    assert "archive" in project.step("initial:E6")


def test_a_function_of_a_static_libc_is_used_for_the_first_time(tmp_path):
    project = project_of(tmp_path, link_flags="-static")
    project.write("part.c", PART)
    initial(project)
    project.write(
        "part.c", "#include <stdlib.h>\n" + PART.replace("x * 3", "(int)(labs(-x) + div(x, 2).quot)")
    )

    assert "part 4" in project.step("update")
    assert joined(project)


def test_a_member_that_wants_an_executable_stack_is_for_a_full_link(tmp_path):
    project = project_of(tmp_path, link_flags="libparts.a")
    project.write("part.c", PART)
    stack = '__asm__(".section .note.GNU-stack,\\"x\\",@progbits\\n.text");\n'
    project.write("member.c", stack + "int member(int x) { return x; }\n")
    library(project, "libparts.a", "member.o")
    initial(project)
    project.write("part.c", "int member(int);\n" + PART.replace("x * 3", "member(x)"))

    project.step("initial:E2")


@pytest.mark.parametrize("needed_elsewhere", [False, True])
def test_a_member_with_a_constructor_that_is_not_needed_any_more(tmp_path, needed_elsewhere):
    project = project_of(tmp_path, link_flags="libparts.a")
    project.write(
        "member.c",
        '#include <stdio.h>\n__attribute__((constructor)) static void begin(void) { puts("constructed"); }\n'
        "int member(int x) { return x + 40; }\nint again(int x) { return x; }\n",
    )
    library(project, "libparts.a", "member.o")
    if needed_elsewhere:
        project.write("other.c", "int again(int);\nint other(int x) { return again(x); }\n")
    project.write("part.c", "int member(int);\n" + PART.replace("x * 3", "member(x)"))
    assert "constructed" in initial(project)
    project.write("part.c", PART)

    printed = project.step("update" if needed_elsewhere else "initial:E15")
    assert ("constructed" in printed) == needed_elsewhere


@pytest.mark.parametrize("ring", [False, True])
def test_a_chain_of_members_that_is_not_needed_any_more(tmp_path, ring):
    """The last of them has a constructor, which a full link leaves out with the others."""
    project = project_of(tmp_path, link_flags="libparts.a")
    back = "int middle(int);\nint back(int x) { return middle(x - 1); }\n" if ring else ""
    project.write("member.c", "int middle(int);\nint member(int x) { return middle(x) + 40; }\n")
    project.write("middle.c", "int last(int);\nint middle(int x) { return x > 0 ? last(x) : 0; }\n")
    project.write(
        "last.c",
        '#include <stdio.h>\n__attribute__((constructor)) static void begin(void) { puts("constructed"); }\n'
        "int last(int x) { return x; }\n" + back,
    )
    library(project, "libparts.a", "member.o", "middle.o", "last.o")
    project.write("part.c", "int member(int);\n" + PART.replace("x * 3", "member(x)"))
    assert "constructed" in initial(project)
    project.write("part.c", PART)

    assert "constructed" not in project.step("initial:E15")


def test_a_member_that_is_needed_by_another_one_stays(tmp_path):
    """Which is needed by an object in turn, though not by the one that changed."""
    project = project_of(tmp_path, link_flags="libparts.a")
    project.write("member.c", "int last(int);\nint member(int x) { return last(x) + 40; }\n")
    project.write("last.c", "int seen;\n__attribute__((constructor)) static void begin(void) { seen = 1; }\n"
        "int last(int x) { return seen; }\n")  # fmt: skip
    library(project, "libparts.a", "member.o", "last.o")
    project.write("other.c", "int member(int);\nint other(int x) { return member(x); }\n")
    project.write("part.c", "int last(int);\n" + PART.replace("x * 3", "last(x)"))
    initial(project)
    project.write("part.c", PART)

    project.step("update")


def test_an_exported_member_that_is_not_needed_any_more(tmp_path):
    project = project_of(tmp_path, link_flags="libparts.a -Wl,-E")
    project.write("member.c", "int member(int x) { return x + 40; }\n")
    library(project, "libparts.a", "member.o")
    project.write("part.c", "int member(int);\n" + PART.replace("x * 3", "member(x)"))
    initial(project)
    project.write("part.c", PART)

    project.step("initial:E15")
