"""Incremental links: edits that are updates, edits that are not, and what is published meanwhile."""

from __future__ import annotations

import os
import struct
import subprocess

import pytest
from editing import Project, initial
from linking import linker_under_test
from programs import tool

pytestmark = pytest.mark.only_wild

MAIN = """
#include <stdio.h>
int value(int); extern int table[]; const char *name(void);
static int counter(void) { static int count; return ++count; }
int main(void) { for (int i = 0; i < 3; i++) printf("%d %d %s\\n", value(i), table[i], name()); return counter() - 1; }
"""
PART = """
int table[4] = {{1, 2, {number}}};
static int helper(int x) {{ return x * {number}; }}
int value(int x) {{ {body} return helper(x) + table[0]; }}
const char *name(void) {{ return "{text}"; }}
"""


def part(number: int = 3, body: str = "", text: str = "first") -> str:
    return PART.format(number=number, body=body, text=text)


@pytest.fixture
def project(tmp_path) -> Project:
    made = Project(tmp_path / "project")
    made.write("main.c", MAIN)
    made.write("part.c", part())
    initial(made)
    return made


def test_nothing_changed(project):
    before = os.stat(project.directory / "program")

    assert project.link()["mode"] == "unchanged"

    after = os.stat(project.directory / "program")
    assert after.st_ino == before.st_ino
    assert after.st_mtime_ns > before.st_mtime_ns  # make goes by that


def test_the_dependency_file_is_written_by_every_link(tmp_path):
    """Ninja removes it when it has read it."""
    made = Project(tmp_path / "project", link_flags="-Wl,--dependency-file=program.d")
    made.write("main.c", MAIN)
    made.write("part.c", part())
    initial(made)
    written = (made.directory / "program.d").read_text()
    assert "part.o" in written

    for edit, mode in (("", "unchanged"), ("x++;", "update")):
        (made.directory / "program.d").unlink()
        made.write("part.c", part(body=edit))
        made.step(mode)
        assert (made.directory / "program.d").read_text() == written


def test_a_touched_object_changes_nothing(project):
    (project.directory / "part.o").touch()

    assert project.link()["mode"] == "unchanged"


def test_a_value_is_changed(project):
    project.write("part.c", part(7))

    assert "0 1 first\n" not in project.step("update")
    assert project.step("unchanged")


def test_a_function_grows_and_grows(project):
    for count in range(1, 6):
        project.write("part.c", part(body="x = x * 3 + table[1]; " * count))
        project.step("update")


def test_a_string_is_changed(project):
    project.write("part.c", part(text="a longer one that was not there"))

    assert "a longer one that was not there" in project.step("update")


def test_a_moved_function_is_called_at_its_new_place(project):
    project.write("part.c", "int before(int x) { return x ? before(x - 1) + x : 7; }\n" + part())

    project.step("update")


def test_a_new_function_is_called_by_another_object(project):
    project.write("part.c", part() + "int fresh(int x) { return x + 100; }\n")
    project.write(
        "main.c", MAIN.replace("value(i)", "fresh(i)").replace("int value", "int fresh(int), value")
    )

    assert "100 1 first" in project.step("update")


def test_a_function_moves_to_another_object_and_back(project):
    moved = 'const char *name(void) { return "moved"; }\n'
    without = part().replace("const char *name", "const char *other")
    for _ in range(2):
        project.write("part.c", without)
        project.write("main.c", MAIN + moved)
        assert "moved" in project.step("update")
        project.write("part.c", part())
        project.write("main.c", MAIN)
        assert "first" in project.step("update")


def test_a_removed_function_that_is_called_is_an_error_of_the_full_link(project):
    before = project.run()
    project.write("part.c", part().replace("int value", "int valu"))

    line = project.link(check=False)

    assert line["status"] == 1
    assert "undefined symbol" in str(line["messages"])
    assert "value" in str(line["messages"])
    assert project.run() == before
    project.write("part.c", part(9))
    project.step("update")


def test_a_second_definition_is_an_error_of_the_full_link(project):
    project.write("part.c", part() + "int main(void) { return 1; }\n")

    line = project.link(check=False)

    assert line["status"] == 1
    assert "main" in str(line["messages"])
    project.write("part.c", part())
    assert project.link()["mode"] in ("update", "unchanged")


def test_a_member_of_an_archive_is_changed(tmp_path):
    project = Project(tmp_path / "project", link_flags="libpart.a")
    project.write("main.c", MAIN)

    def archive(text: str) -> None:
        project.write("part.c", text)
        project.write("other.c", "int unused;\n")
        project.objects = ["main.o"]
        project.call(tool("ar"), "rcD", "libpart.a", "other.o", "part.o")

    archive(part())
    initial(project)
    archive(part(8))
    project.step("update")
    archive(part(8, body="x += table[2];" * 20))
    project.step("update")


def test_dropped_sections_stay_dropped_and_needed_ones_come(tmp_path):
    project = Project(tmp_path / "project", "-O1 -ffunction-sections -fdata-sections", "-Wl,--gc-sections")
    project.write("main.c", MAIN)
    project.write("part.c", part() + "int dead(int x) { return missing(x); }\n")
    initial(project)
    project.write("part.c", part(4) + "int dead(int x) { return missing(x) + 1; }\n")
    project.step("update")
    project.write("part.c", part(4, body="x = alive(x);", text="t") + "int alive(int x) { return x - 5; }\n")
    project.step("update")


@pytest.mark.parametrize(
    "flags", ["-static", "-no-pie", "-pie", "-static-pie", "-Wl,-z,now", "-Wl,--build-id=sha1"]
)
def test_kinds_of_output(tmp_path, flags):
    compiler = "-O1 -fno-pie" if flags in ("-no-pie", "-static") else "-O1 -fPIE"
    project = Project(tmp_path / "project", compiler, flags)
    project.write("main.c", MAIN)
    project.write("part.c", part() + "int *pointer = &table[1];\n")
    initial(project)
    project.write("part.c", part(4, body="x += 2;" * 9) + "int *pointer = &table[1], *other = &table[2];\n")
    project.step("update")


def test_exceptions_pass_through_moved_functions(tmp_path):
    project = Project(tmp_path / "project", "-O1", driver="g++")
    main = """
    #include <cstdio>
    int thrower(int);
    int main() { try { thrower(3); } catch (int x) { std::printf("caught %d\\n", x); } return 0; }
    """
    body = 'struct Guard { ~Guard() { std::puts("gone"); } };\nint thrower(int x) { Guard guard; %s throw x + 1; }\n'
    project.write("main.cc", main)
    project.write("part.cc", "#include <cstdio>\n" + body % "")
    initial(project)
    for count in range(1, 4):
        project.write("part.cc", "#include <cstdio>\n" + body % ('std::puts("more"); x += 1; ' * count))
        assert f"caught {4 + count}" in project.step("update")


def test_a_library_is_updated(tmp_path):
    library = Project(tmp_path / "project", "-O1 -fPIC", "-shared", output="libpart.so")
    library.write("part.c", part())
    library.step("initial:A1")
    library.write("part.c", part(6))
    library.step("update")
    library.write("caller.c", "int value(int); int call(int x) { return value(x) + value(x + 1); }\n")
    library.step("initial:C1")
    library.write(
        "part.c",
        "static int before(int x) { return x ? before(x - 1) + x : 7; }\n" + part(6, "x = before(x);"),
    )
    library.step("update")  # `value`, which has a PLT entry, has moved


def test_data_that_need_more_alignment_get_it(project):
    aligned = "_Alignas(%d) char wide[9] = {%d};\nint is_off(void) { return (unsigned long)wide & %d; }\n"
    for align, mode in ((64, "update"), (4096, "update"), (8192, "initial:D8")):
        project.write(
            "part.c", part(body="x += is_off();").replace("int table", "int is_off(void); int table")
        )
        project.write("wide.c", aligned % (1, 1, 0))
        project.link()
        project.write("wide.c", aligned % (align, 2, align - 1))
        project.step(mode)


def test_a_constructor_that_is_gone_leaves_no_hole(project):
    constructor = (
        '#include <stdio.h>\n__attribute__((constructor)) static void before(void) { puts("before"); }\n'
    )
    project.write("part.c", constructor + part())
    assert "before" in project.step("update")
    project.write("part.c", part())
    assert "before" not in project.step("update")


LIBRARY_CALLS = (
    'puts("first use");',
    'std::string text(x + 40, 98); text += "more"; std::puts(text.c_str());',
    'std::vector<int> numbers(x + 1); numbers.push_back(x); std::printf("%d\\n", numbers.back());',
    'std::map<int, std::string> names; names[x] = "name"; std::printf("%zu\\n", names.size());',
    'auto address = &getenv; std::printf("%d\\n", address("NOT_SET") == nullptr);',
    "",
)


@pytest.mark.parametrize("flags", ["-fPIE -pie", "-fno-pie -no-pie", "-fPIE -pie -Wl,-z,ibtplt"])
def test_functions_of_libraries_are_used_for_the_first_time(tmp_path, flags):
    """Each needs dynamic symbols, some of them versions that nothing has required before, and PLT entries."""
    project = Project(tmp_path / "project", f"-O2 {flags.partition(' -Wl')[0]}", flags, driver="g++")
    source = (
        "#include <cstdio>\n#include <cstdlib>\n#include <map>\n#include <string>\n#include <vector>\n"
        "int used(int x) {{ {} return x; }}\n"
    )
    # It unwinds from the beginning: libgcc_s is a library of its own, which others than these need not load.
    main = "int used(int); int main() { try { return used(3) - 3; } catch (int) { return 1; } }\n"
    project.write("main.cc", main)
    project.write("part.cc", source.format(""))
    initial(project)
    for call in LIBRARY_CALLS:
        project.write("part.cc", source.format(call))
        project.step("update")


def test_a_relocation_that_was_dropped_does_not_come_back(tmp_path):
    """The number of a relative relocation that is free must hold one that does no harm, whatever moves later."""
    library = Project(tmp_path / "project", "-O1 -fPIC", "-shared -nostartfiles", output="libpart.so")
    first = "int function(void) { return 0; } static int values[9]; int *chosen = &values[%d];\n"
    library.write("first.c", first % 1)
    library.write("second.c", "static int other; int *one = &other; int *two = &other;\n")
    library.step("initial:A1")
    library.write("second.c", "static int other; int *one = &other; long two = 7;\n")
    library.step("update")
    library.write("first.c", first % 2)
    library.step("update")


# --- what is published -------------------------------------------------------------------------------------


def test_a_running_program_keeps_its_bytes(project):
    project.write(
        "wait.c",
        '#include <stdio.h>\nint pause(void);\nvoid halt(void) { puts("up"); fflush(stdout); pause(); }\n',
    )
    project.write("main.c", "void halt(void);\n" + MAIN.replace("for (", "halt(); for ("))
    project.link()
    running = [start(project)]
    try:
        for number in range(5, 9):
            project.write("part.c", part(number))
            assert project.link()["mode"] == "update"
            running.append(start(project))
        assert all(process.poll() is None for process in running)
    finally:
        for process in running:
            process.kill()
            process.wait()


def start(project: Project) -> subprocess.Popen[bytes]:
    process = subprocess.Popen(["./program"], cwd=project.directory, stdout=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stdout.readline() == b"up\n"
    return process


def test_a_copy_under_another_name_keeps_its_bytes(project):
    os.link(project.directory / "program", project.directory / "kept")
    kept = (project.directory / "kept").read_bytes()
    for number in range(5, 9):
        project.write("part.c", part(number))
        project.step("update")
        assert (project.directory / "kept").read_bytes() == kept


def test_a_removed_output_comes_back(project):
    (project.directory / "program").unlink()

    assert project.link()["mode"] == "unchanged"
    assert project.run() == project.run("full")
    project.write("part.c", part(5))
    (project.directory / "program").unlink()
    project.step("update")


def test_a_modified_output_is_replaced(project):
    with open(project.directory / "program", "r+b") as file:
        file.write(b"\x7fXXX")

    assert project.step("initial:A4")


# --- reasons for full links --------------------------------------------------------------------------------


def test_another_option(project):
    project.step("initial:C1", "-Wl,-z,now")


def test_a_script_changes(tmp_path):
    project = Project(tmp_path / "project", link_flags="-Wl,--version-script=exports")
    (tmp_path / "project" / "exports").write_text("{ local: *; };\n")
    project.write("main.c", MAIN)
    project.write("part.c", part())
    initial(project)
    (tmp_path / "project" / "exports").write_text("{ local: *; };\n")
    assert project.link()["mode"] == "unchanged"
    (tmp_path / "project" / "exports").write_text("{ global: main; local: *; };\n")
    project.step("initial:C2")


def test_a_script_that_a_script_includes_changes(tmp_path):
    project = Project(tmp_path / "project", link_flags="outer.ld")
    (tmp_path / "project" / "outer.ld").write_text("INCLUDE inner.ld\n")
    (tmp_path / "project" / "inner.ld").write_text("INPUT(part.o)\n")
    project.write("main.c", MAIN)
    project.write("part.c", part())
    project.write("other.c", part(4))
    project.objects = ["main.o"]
    initial(project)
    assert project.link()["mode"] == "unchanged"
    (tmp_path / "project" / "inner.ld").write_text("INPUT(other.o)\n")
    project.step("initial:C2")


def test_a_canonical_link_is_asked_for(project):
    project.step("initial:C6", "-Wl,--incremental=canonical")


def test_strict_fails_instead_of_linking_in_full(project):
    before = (project.directory / "program").read_bytes()
    project.write("part.c", part(5))
    project.step("update", "-Wl,--incremental=strict")

    line = project.link("-Wl,--incremental=strict,-z,now", check=False)

    assert (line["status"], line["mode"], line["code"]) == (1, "failed", "C1")
    assert "program: cannot be updated: the command line is another (C1); --incremental=canonical" in str(
        line["messages"]
    )
    assert (project.directory / "program").read_bytes() != before  # of the update
    project.write("part.c", part(6))
    project.step("update")


def test_a_difference_from_a_full_link_is_an_error(project):
    """The saved image is changed behind the linker's back: without the comparison it would be published."""
    image = project.directory / "program.incr" / "image-0"
    status, before = os.stat(image), image.read_bytes()
    with open(image, "r+b") as file:
        file.seek(before.index(struct.pack("<3I", 1, 2, 3)))  # the table of part.c
        file.write(b"\7")
    os.utime(image, ns=(status.st_atime_ns, status.st_mtime_ns))
    del project.environment["WILD_DEBUG"]  # prints a traceback of what is reported as the linker's fault

    line = project.link(check=False)

    assert (line["status"], line["mode"], line["code"]) == (1, "wrong", "V1")
    assert (
        "the update differs from a full link; compare program.incr/verify.full program.incr/verify.update"
        in str(line["messages"])
    )
    project.step("initial:A1")


@pytest.mark.parametrize("name", ["control", "tables", "image-0"])
@pytest.mark.parametrize("damage", ["truncate", "overwrite", "remove"])
def test_a_damaged_state(project, name, damage):
    path = project.directory / "program.incr" / name
    data = path.read_bytes()
    if damage == "remove":
        path.unlink()
    elif damage == "truncate":
        path.write_bytes(data[: len(data) // 2])
    else:
        path.write_bytes(data[:100] + b"damage" + data[106:])
    project.write("part.c", part(5))

    line = project.link()

    assert line["mode"] == "initial"
    assert str(line["code"]).startswith("A")
    project.check()


def test_two_links_at_once(project):
    for number in range(4, 7):
        project.write("part.c", part(number))
        command = project.command("program", "-Wl,--incremental")
        both = [subprocess.Popen(command, cwd=project.directory, env=project.environment) for _ in range(2)]
        assert [process.wait() for process in both] == [0, 0]
        project.check()


@pytest.mark.parametrize("option", ["--icf=all", "--sort-section=name", "--shuffle-sections=1"])
def test_options_that_make_every_link_a_full_one(tmp_path, option):
    """A folded function stands for several, of which one may change; an order has no room between its members."""
    project = Project(tmp_path / "project", link_flags=f"-Wl,{option}")
    project.write("main.c", MAIN)
    project.write("part.c", part())
    project.step("full")
    assert project.last()["code"] == "C3"
    project.write("part.c", part(7))
    project.step("full")


def test_the_log_is_shown(project):
    project.write("part.c", part(5))
    project.link()

    shown = project.call(linker_under_test(), "log")

    assert "initial" in shown.stdout.splitlines()[0]
    assert "A1" in shown.stdout.splitlines()[0]
    assert "update" in shown.stdout.splitlines()[-1]
    assert "part.o" in shown.stdout.splitlines()[-1]
    assert len(project.call(linker_under_test(), "log", "--last", "--json").stdout.splitlines()) == 1
    assert project.call(linker_under_test(), "log", "--output", "other").stdout == ""
