"""Updates of outputs that export what they define: symbols come and go in .dynsym and its hash tables."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from editing import Project, initial
from elf import Elf
from programs import tool

pytestmark = pytest.mark.only_wild

PART = "int value(int x) { return x + 1; }\nint table[2] = {1, 2};\n"
MAIN = """
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
int value(int);
int main(int count, char **names) {
    for (int i = 1; i < count; i++) {
        int (*function)(int) = dlsym(RTLD_DEFAULT, names[i]);
        printf("%s %d\\n", names[i], function ? function(5) : -1);
    }
    return value(3) - 4;
}
"""


def library(directory: Path, style: str, *sources: str) -> Project:
    """A shared object, and a program that calls functions of it by name."""
    made = Project(
        directory / "project", "-O1 -fPIC", f"-shared -Wl,--hash-style={style}", output="libown.so"
    )
    for number, source in enumerate(sources or (PART,)):
        made.write(f"part{number or ''}.c", source)
    initial(made)
    (made.directory / "caller.c").write_text(MAIN)
    made.call(tool("gcc"), "caller.c", "libown.so", "-Wl,-rpath,.", "-o", "caller")
    return made


def called(made: Project, *names: str) -> dict[str, int]:
    """What the loader finds under these names, and what the functions return for 5."""
    words = made.call("./caller", *names).stdout.split()
    return dict(zip(words[::2], map(int, words[1::2]), strict=True))


@pytest.mark.parametrize("style", ["gnu", "both"])
def test_exports_come_and_go(tmp_path, style):
    made = library(tmp_path, style)
    assert called(made, "value", "fresh") == {"value": 6, "fresh": -1}

    for number in (2, 7):
        made.write(
            "part.c",
            PART + f"int fresh(int x) {{ return x * {number}; }}\nint other(int x) {{ return x; }}\n",
        )
        made.step("update")
        assert called(made, "value", "fresh", "other") == {"value": 6, "fresh": 5 * number, "other": 5}
    made.write("part.c", PART + "int other(int x) { return x; }\n")
    made.step("update")
    assert called(made, "value", "fresh", "other") == {"value": 6, "fresh": -1, "other": 5}
    made.write("part.c", PART)
    made.step("update")
    assert called(made, "value", "fresh", "other") == {"value": 6, "fresh": -1, "other": -1}


def test_a_new_export_is_called_through_the_plt(tmp_path):
    """So that a program's own function of that name goes before it."""
    made = library(tmp_path, "gnu", PART, "int caller(int x) { return x; }\n")
    made.write("part.c", PART + "int fresh(int x) { return x * 3; }\n")
    made.write(
        "part1.c",
        "int fresh(int); int (*pointer)(int) = fresh; int caller(int x) { return fresh(x) + pointer(x); }\n",
    )

    made.step("update")

    assert called(made, "caller") == {"caller": 30}
    (made.directory / "caller.c").write_text(MAIN + "int fresh(int x) { return 100; }\n")
    made.call(tool("gcc"), "caller.c", "libown.so", "-Wl,-rpath,.", "-Wl,-E", "-o", "caller")
    assert called(made, "caller") == {"caller": 200}


def test_many_exports_until_a_bucket_is_full(tmp_path):
    made = library(tmp_path, "gnu")
    made.environment.pop("WILD_VERIFY_INCREMENTAL")
    names = []
    while made.last()["mode"] == "update" or not names:
        names += [f"more{len(names) + step}" for step in range(8)]
        made.write(
            "part.c", PART + "".join(f"int {name}(int x) {{ return x + {name[4:]}; }}\n" for name in names)
        )
        made.link()
        assert called(made, *names) == {name: 5 + int(name[4:]) for name in names}
        assert len(names) < 600
    assert made.last()["code"] == "D2"
    assert len(names) > 40


def test_a_program_that_exports_all(tmp_path):
    made = Project(tmp_path / "project", "-O1", "-Wl,-E -ldl")
    made.write("main.c", MAIN)
    made.write("part.c", PART)
    initial(made)
    made.write("part.c", PART + "int fresh(int x) { return x * 2; }\n")
    made.step("update")
    assert made.call("./program", "fresh").stdout == "fresh 10\n"
    made.write("part.c", PART)
    made.step("update")
    assert made.call("./program", "fresh").stdout == "fresh -1\n"


def test_what_others_need_is_still_exported(tmp_path):
    """A linker that links with the updated library finds its symbols, each once."""
    made = library(tmp_path, "both")
    made.write("part.c", PART + "int fresh(int x) { return x * 2; }\nint weak(int x) __attribute__((weak));\n"
               "int weak(int x) { return x; }\nint variable = 3;\n")  # fmt: skip
    made.step("update")
    (made.directory / "user.c").write_text(
        "extern int variable; int fresh(int), weak(int);\n"
        "int main(void) { return fresh(4) + weak(1) + variable - 12; }\n"
    )
    for linker in ("", "-fuse-ld=lld", "-fuse-ld=gold"):
        words = [tool("gcc"), "user.c", "libown.so", "-Wl,-rpath,.", linker or "-O1", "-o", "user"]
        done = subprocess.run(words, cwd=made.directory, capture_output=True, text=True, check=False)
        if linker and "cannot find" in done.stderr:
            continue
        assert done.returncode == 0, done.stderr
        made.call("./user")
    names = [symbol.name for symbol in Elf((made.directory / "libown.so").read_bytes()).dynamic_symbol_list]
    assert sorted(name for name in names if name in ("fresh", "weak", "variable", "value")) == [
        "fresh", "value", "variable", "weak",
    ]  # fmt: skip


def test_what_is_said_of_an_export_changes(tmp_path):
    """Its section, its type, its size; a thread-local variable stays at its offset."""
    text = "_Thread_local int local = 5; int variable = 1; int thing(int x) { return x; }\n"
    made = library(tmp_path, "gnu", PART + text, "int own(int x) { return x; } int zero, one = 1;\n")

    made.write("part.c", PART + "_Thread_local int local = 7; int variable; int thing[3] = {1};\n")
    made.step("update")

    symbols = Elf((made.directory / "libown.so").read_bytes()).dynamic_symbols
    assert symbols["variable"].section == ".bss"
    assert (symbols["thing"].section, symbols["thing"].size, symbols["thing"].type) == (".data", 12, "OBJECT")
    assert (symbols["local"].value, symbols["local"].type) == (0, "TLS")


VERSIONS = 'V1 { value; fresh*; extern "C++" { "other()"; }; local: own*; };\nV2 { later; } V1;\n'
CHOSEN = {
    "versions": f"-Wl,--version-script=chosen -Wl,--hash-style=both|{VERSIONS}",
    "symbolic": "-Wl,-Bsymbolic|",
    "symbolic functions": "-Wl,-Bsymbolic-functions|",
    "list": "-Wl,--dynamic-list=chosen|{ value; };",
}


@pytest.mark.parametrize("how", CHOSEN)
def test_exports_that_are_chosen_come_and_go(tmp_path, how):
    """By version scripts, lists and -Bsymbolic; what is bound to itself is called without the PLT."""
    flags, _, text = CHOSEN[how].partition("|")
    made = Project(tmp_path / "project", "-O1 -fPIC", f"-shared {flags}", output="libown.so")
    made.directory.joinpath("chosen").write_text(text)
    made.write("part.c", PART)
    made.write("part1.c", "int caller(int x) { return x; }\n")
    initial(made)
    (made.directory / "caller.c").write_text(MAIN)
    made.call(tool("gcc"), "caller.c", "libown.so", "-Wl,-rpath,.", "-o", "caller")

    functions = "".join(
        f"int {name}(int x) {{ return x * 7; }}\n" for name in ("fresh", "later", "own", "any")
    )
    made.write("part.c", PART + functions)
    made.step("update")
    names = ("value", "fresh", "later", "own", "any")
    found = {"value": 6, "fresh": 35, "later": 35, "own": -1 if how == "versions" else 35, "any": 35}
    assert called(made, *names) == found
    made.write("part.c", PART)
    made.step("update")
    assert called(made, *names) == {name: 6 if name == "value" else -1 for name in names}
    made.write("part.c", PART + functions)
    made.write(
        "part1.c",
        "int fresh(int), own(int); int (*pointer)(int) = fresh;\n"
        "int caller(int x) { return fresh(x) + pointer(x) + own(x); }\n",
    )
    made.step("update")
    assert called(made, "caller") == {"caller": 105}


def test_an_update_gives_versions(tmp_path):
    made = Project(
        tmp_path / "project", "-O1 -fPIC", "-shared -Wl,--version-script=chosen", output="libown.so"
    )
    made.directory.joinpath("chosen").write_text(VERSIONS)
    made.write("part.c", PART)
    initial(made)
    made.write("part.c", PART + "int fresh(int x) { return x; }\nint later(int x) { return x; }\n")
    made.step("update")
    listed = made.call(tool("readelf"), "-W", "--dyn-syms", "libown.so").stdout.split()
    assert {"value@@V1", "fresh@@V1", "later@@V2"} <= set(listed)


def test_names_that_a_version_script_demands(tmp_path):
    """--no-undefined-version: that they are all there is seen by a full link."""
    flags = "-shared -Wl,--version-script=chosen -Wl,--no-undefined-version"
    made = Project(tmp_path / "project", "-O1 -fPIC", flags, output="libown.so")
    made.directory.joinpath("chosen").write_text("V1 { value; fresh; };\n")
    made.write("part.c", PART + "int fresh(int x) { return x; }\n")
    initial(made)
    made.write("part.c", PART)
    assert made.link(check=False)["mode"] == "failed"


def test_a_protected_definition_is_exported(tmp_path):
    made = library(tmp_path, "gnu", PART, "int caller(int x) { return x; }\n")
    made.write(
        "part.c", PART + '__attribute__((visibility("protected"))) int fresh(int x) { return x * 2; }\n'
    )
    made.write("part1.c", "int fresh(int); int caller(int x) { return fresh(x); }\n")
    made.step("update")
    assert called(made, "fresh", "caller") == {"fresh": 10, "caller": 10}


def test_a_program_exports_what_libraries_mention(tmp_path):
    """The library calls the program's function, as it would after a full link, and its own when that is gone."""
    made = Project(tmp_path / "project", "-O1", "libother.so -Wl,-rpath,.")
    (made.directory / "other.c").write_text(
        "int called(int x) { return x; }\nint other(int x) { return called(x); }\n"
    )
    made.call(tool("gcc"), "-shared", "-fPIC", "other.c", "-o", "libother.so")
    made.write(
        "main.c",
        '#include <stdio.h>\nint other(int); int main(void) { printf("%d\\n", other(4)); return 0; }\n',
    )
    made.write("part.c", PART)
    assert "4" in initial(made)
    made.write("part.c", PART + "int called(int x) { return x * 100; }\n")
    assert "400" in made.step("update")
    made.write("part.c", PART + "int called(int x) { return x * 200; }\n")
    assert "800" in made.step("update")
    made.write("part.c", PART)
    assert "0\n4\n" in made.step("update")
    made.write("part.c", PART + "int called(int); int more(int x) { return called(x); }\n")
    assert "0\n4\n" in made.step("update")


def test_a_program_hides_what_a_library_mentions(tmp_path):
    made = Project(tmp_path / "project", "-O1 -fvisibility=hidden", "-Wl,--dynamic-list=chosen -ldl")
    made.directory.joinpath("chosen").write_text("{ fresh; };\n")
    made.write("main.c", MAIN.replace("int value", '__attribute__((visibility("default"))) int value'))
    shown = '__attribute__((visibility("default"))) '
    made.write("part.c", shown + PART)
    initial(made)
    made.write(
        "part.c",
        f"{shown}{PART}\n{shown}int fresh(int x) {{ return x; }}\n{shown}int own(int x) {{ return x; }}\n",
    )
    made.step("update")
    assert made.call("./program", "fresh", "own").stdout == "fresh 5\nown -1\n"


def test_templates_that_the_library_of_cxx_has_too(tmp_path):
    made = Project(tmp_path / "project", "-O0", driver="g++")
    part = "int part(int x) { return x + 1; }\n"
    made.write(
        "main.cc",
        '#include <stdio.h>\nint part(int); int main(void) { printf("%d\\n", part(3)); return 0; }\n',
    )
    made.write("catch.cc", "int caught(int x) { try { throw x; } catch (int y) { return y; } }\n")
    made.write("part.cc", part)
    initial(made)
    text = '#include <string>\nstatic std::string name = "name%s";\nint part(int x) { return x + name.size(); }\n'
    for length in (1, 30):
        made.write("part.cc", text % ("n" * length))
        assert f"{7 + length}" in made.step("update")
    made.write("part.cc", part)
    made.step("update")
