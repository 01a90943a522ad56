"""Libraries that objects ask for (.deplibs): clang's `#pragma comment(lib, "name")`."""

from __future__ import annotations

import pytest
from programs import archive, assemble, exit_with, pic_c

ASKS = '.section .deplibs,"MS",@llvm_dependent_libraries,1\n.asciz "{}"\n.text\n'
MAIN = ".globl _start\n_start: call answer\n mov %eax, %edi\n mov $60, %eax\n syscall\n"
ANSWER = ".globl answer\nanswer: mov $42, %eax\n ret\n"


def asking(name: str, code: str = MAIN, more: str = ""):
    return assemble(ASKS.format(name) + code + more, compiler="clang")


def library(link, name: str, member) -> None:
    """An archive with one member, in a directory of its own."""
    directory = link.directory / "lib"
    directory.mkdir(exist_ok=True)
    (directory / name).write_bytes(archive([member], name).read_bytes())


@pytest.fixture
def answer(link):
    library(link, "libanswer.a", assemble(ANSWER))


@pytest.mark.parametrize("name", ["answer", "libanswer.a", "lib/libanswer.a"])
def test_a_library_is_found_by_any_of_its_names(link, answer, name):
    link.raw(asking(name), "-Llib").run(status=42)


def test_what_a_member_asks_for_is_linked(link, answer):
    library(link, "libmiddle.a", asking("answer", ".globl middle\nmiddle: jmp answer\n"))

    link.raw(asking("middle", MAIN.replace("answer", "middle")), "-Llib").run(status=42)


def test_a_shared_library_is_needed(link):
    shared = link.shared(pic_c("int answer(void) { return 42; }"), output="libanswer.so")
    program = link.raw(
        asking("answer"), f"-L{shared.path.parent}", "-dynamic-linker", "/lib64/ld-linux-x86-64.so.2"
    )

    assert "libanswer.so" in program.readelf("-d")
    program.run(status=42)


def test_nothing_is_linked_with_no_dependent_libraries(link, answer):
    assert "answer" in link.fails(asking("answer"), "-Llib", "--no-dependent-libraries", driver="raw")


def test_a_missing_library_is_an_error(link):
    message = link.fails(asking("nowhere"), driver="raw")

    assert "nowhere" in message
    assert "main.o" in message


def test_what_a_member_that_is_not_linked_asks_for_may_be_missing(link, answer):
    library(link, "libmore.a", asking("nowhere", ".globl other\nother: ret\n"))

    link.raw(asking("answer"), "-Llib", "-lmore").run(status=42)


@pytest.mark.only_wild
def test_what_a_linked_member_asks_for_must_be_there(link, answer):
    library(link, "libmore.a", asking("nowhere", ".globl other\nother: ret\n"))

    assert "cannot find the library nowhere" in link.fails(
        asking("answer"), "-u", "other", "-Llib", "-lmore", driver="raw"
    )


def test_an_object_keeps_asking(link, answer):
    joined = link.raw("-r", asking("answer"), output="joined.o")

    link.raw(joined, "-Llib").run(status=42)


@pytest.mark.only_wild
def test_a_table_without_an_end_is_an_error(link):
    bad = assemble(
        '.section .deplibs,"MS",@llvm_dependent_libraries,1\n.ascii "x"\n.text\n' + MAIN, compiler="clang"
    )

    assert "does not end with NUL" in link.fails(bad, driver="raw")


def test_an_ordinary_link_has_no_such_libraries(link):
    link.raw(assemble(".globl _start\n_start:" + exit_with("$42"))).run(status=42)


@pytest.mark.only_wild
def test_a_saved_link_has_the_libraries_too(link, answer):
    link.raw(asking("answer"), "-Llib", WILD_SAVE_DIR=str(link.directory / "saved"))

    assert list((link.directory / "saved" / "root").rglob("libanswer.a"))
