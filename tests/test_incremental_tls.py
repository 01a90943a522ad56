"""Edits of thread-local variables: they come, go and move, and code reaches them in every way."""

from __future__ import annotations

from pathlib import Path

import pytest
from editing import Project, initial
from test_incremental_libraries import library

pytestmark = pytest.mark.only_wild

KINDS = {
    "pie": ("-O1 -fPIE", "-pie"),
    "position-dependent": ("-O1 -fno-pie", "-no-pie"),
    "static": ("-O1 -fno-pie", "-static"),
    "debug": ("-O0 -g -fPIE", "-pie"),
    "sections": ("-O1 -fPIE -ffunction-sections -fdata-sections", "-pie -Wl,--gc-sections"),
    "debug-sections": ("-O1 -g -fPIE -ffunction-sections -fdata-sections", "-pie -Wl,--gc-sections"),
    "unrelaxed": ("-O1 -fPIC", "-pie -Wl,--no-relax"),
    "descriptors": ("-O1 -fPIC -mtls-dialect=gnu2", "-pie"),
}
MAIN = """
#include <pthread.h>
#include <stdio.h>
int part(int); int other(int);
static void *run(void *argument) { printf("%d %d\\n", part(3), other(4)); return argument; }
int main(void) { pthread_t thread; pthread_create(&thread, 0, run, 0); pthread_join(thread, 0); run(0); return 0; }
"""
OTHER = """
__thread int first = 7, zero[8]; extern __thread int second;
int other(int x) { return first + zero[x] + second++; }
"""
PART = "__thread int second = 9;\nint part(int x) { return x + second++; }\n"
MODELS = ["local-exec", "initial-exec", "local-dynamic", "global-dynamic"]


def project_of(directory: Path, flags: str, link_flags: str) -> Project:
    made = Project(directory / "project", flags, link_flags)
    made.write("main.c", MAIN)
    made.write("part.c", PART)
    made.write("other.c", OTHER)
    initial(made)
    return made


@pytest.mark.parametrize("kind", KINDS)
def test_a_variable_moves(tmp_path, kind):
    made = project_of(tmp_path, *KINDS[kind])
    for add in (1, 2):
        before = "".join(f"__thread int before{each} = {each};\n" for each in range(add))
        made.write("part.c", before + PART.replace("return x", "return before0 + x"))
        made.step("update")
    made.write("part.c", PART)
    made.step("update")


@pytest.mark.parametrize("kind", KINDS)
def test_a_variable_comes_and_goes(tmp_path, kind):
    made = project_of(tmp_path, *KINDS[kind])
    more = "static __thread int own = 100; __thread int more = 30; int *last(void) { return &own; }\n"
    with_more = more + PART.replace("return x", "return more++ + ++*last() + x")
    for text in (with_more, PART) * 2:
        made.write("part.c", text)
        made.step("update")


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("kind", KINDS)
def test_every_model(tmp_path, kind, model):
    """Code that is relaxed still mentions __tls_get_addr, of a library that is needed for it only, or of no library."""
    made = project_of(tmp_path, *KINDS[kind])
    reads = f'extern __thread int first __attribute__((tls_model("{model}")));\n'
    reads += PART.replace("return x", "return ++first + x")
    edits = (
        ("part.c", reads),
        ("other.c", "__thread int early = 1; " + OTHER.replace("return", "return early++ +")),
        ("part.c", PART),
        ("part.c", reads),
    )
    for name, text in edits:
        made.write(name, text)
        line = made.link()
        may_mention = model.endswith("-dynamic") and line["code"] in ("E2", "E7")
        assert line["mode"] == "update" or may_mention, line
        made.check()


@pytest.mark.parametrize("model", MODELS)
def test_a_variable_of_a_library(tmp_path, model):
    made = Project(tmp_path / "project", "-O1 -fPIE", "-pie libown.so -Wl,-rpath,.")
    library(made, "own", "__thread int own = 5; int count(void) { return ++own; }\n")
    made.write(
        "main.c", MAIN.replace("part(3)", "part(3) + count()").replace("int other", "int count(void), other")
    )
    made.write("part.c", PART)
    made.write("other.c", OTHER)
    initial(made)
    made.write("part.c", "extern __thread int own;\n" + PART.replace("return x", "return own + x"))
    line = made.link()
    assert line["mode"] == "update" or line["code"] in ("D2", "E7"), line
    made.check()


@pytest.mark.parametrize("options", ["", "-Wl,-Bsymbolic", "-fvisibility=hidden"])
@pytest.mark.parametrize("dialect", ["gnu", "gnu2"])
def test_a_shared_object(tmp_path, options, dialect):
    flags = f"-O1 -fPIC -mtls-dialect={dialect}" + (f" {options}" if options.startswith("-f") else "")
    link_flags = "-shared" + (f" {options}" if options.startswith("-W") else "")
    made = Project(tmp_path / "project", flags, link_flags, output="libown.so")
    export = '__attribute__((visibility("default"))) int '
    part, other = PART.replace("int part", export + "part"), OTHER.replace("int other", export + "other")
    made.write("part.c", part)
    made.write("other.c", other)
    (made.directory / "use.c").write_text(MAIN)
    initial(made)

    def relink() -> None:
        """A library does the same after an update as after a full link."""
        line = made.link()
        assert line["mode"] == "update" or line["code"] in ("E2", "E7"), (
            line
        )  # the module's address is a name, too
        made.check_library()

    made.write("part.c", "__thread int before = 3; " + part.replace("return x", "return before + x"))
    relink()
    reads = "static __thread int own[2], also[2]; int *last(int x) { also[x]++; return own + x; }\n"
    made.write("other.c", reads + other.replace("return first", "return ++*last(1) + first"))
    relink()
    made.write("part.c", part)
    made.write("other.c", other)
    relink()


@pytest.mark.parametrize("kind", ["pie", "debug"])
def test_a_variable_becomes_an_ordinary_one(tmp_path, kind):
    made = project_of(tmp_path, *KINDS[kind])
    made.write("part.c", PART.replace("__thread ", ""))
    made.link(check=False)
    made.write("other.c", OTHER.replace("extern __thread", "extern"))
    made.link()
    made.check()


@pytest.mark.parametrize("binding", ["", "static "])
@pytest.mark.parametrize("user", ["part.c", "other.c"])
def test_debug_information_of_a_variable_that_nothing_uses_any_more(tmp_path, binding, user):
    """It keeps its place, of which a full link says that it is the place of another variable: 0."""
    made = Project(tmp_path / "project", *KINDS["debug-sections"])
    more = f"{binding}__thread int more = 4; int *get_more(void) {{ return &more; }}\n"
    use = "int *get_more(void);\n"
    made.write("main.c", MAIN)
    made.write(
        "third.c",
        "__thread int unused = 3; static __thread int more = 1; int third(void) { return ++more; }\n",
    )
    texts = {
        "part.c": more + PART,
        "other.c": OTHER.replace("return first", "int third(void); return third() + first"),
    }
    used = texts[user].replace("return ", "return ++*get_more() + ").replace("int other(", use + "int other(")
    made.write("part.c", texts["part.c"])
    made.write("other.c", texts["other.c"])
    made.write(user, used)
    initial(made)
    for text in (texts[user], used) * 2:
        made.write(user, text)
        made.step("update")
