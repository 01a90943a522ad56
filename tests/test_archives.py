"""Which archive members are loaded: those that define something undefined, wherever the archive stands."""

from __future__ import annotations

import subprocess

import pytest
from programs import archive, assemble, compile_c, exit_with, pic_c

CALL_F = "int f(void); int main(void) { return f(); }"
F = "int f(void) { return 42; }"
POSITIONAL = "resolves archives in the order of the command line"


def test_only_needed_members_are_loaded(link):
    library = archive([compile_c(F, name="f"), compile_c("int g(void) { return 1; }", name="g")])

    program = link(compile_c(CALL_F), library)

    program.run(status=42)
    assert "g" not in program.symbols


@pytest.mark.unlike("ld", reason=POSITIONAL)
def test_archive_may_stand_before_its_user(link):
    link(archive([compile_c(F, name="f")]), compile_c(CALL_F)).run(status=42)


@pytest.mark.unlike("ld", reason=POSITIONAL)
def test_archives_may_need_each_other(link):
    """Cycles need no --start-group: f -> g (other archive) -> h (first archive)."""
    f = compile_c("int g(void); int f(void) { return g(); }", name="f")
    g = compile_c("int h(void); int g(void) { return h(); }", name="g")
    h = compile_c("int h(void) { return 42; }", name="h")

    link(compile_c(CALL_F), archive([f, h], "libone.a"), archive([g], "libtwo.a")).run(status=42)


@pytest.mark.parametrize("group", [("-Wl,--start-group", "-Wl,--end-group"), ("-Wl,-(", "-Wl,-)")])
def test_groups_are_accepted(link, group):
    f = compile_c("int g(void); int f(void) { return g(); }", name="f")
    g = compile_c("int h(void); int g(void) { return h(); }", name="g")
    h = compile_c("int h(void) { return 42; }", name="h")
    libraries = archive([f, h], "libone.a"), archive([g], "libtwo.a")

    link(compile_c(CALL_F), group[0], *libraries, group[1]).run(status=42)


def test_first_archive_on_the_line_provides_a_symbol(link):
    first = archive([compile_c(F, name="f")], "libone.a")
    second = archive([compile_c("int f(void) { return 1; }", name="f")], "libtwo.a")

    link(compile_c(CALL_F), first, second).run(status=42)


def test_first_member_that_defines_a_symbol_is_taken(link):
    library = archive([compile_c(F, name="one"), compile_c("int f(void) { return 1; }", name="two")])

    link(compile_c(CALL_F), library).run(status=42)


def test_object_after_an_archive_still_beats_its_member(link):
    """In a global resolution an object always provides its symbols; the member is not even loaded."""
    library = archive([compile_c("int f(void) { return 1; }", name="f")])
    main, f = compile_c("int g(void); int main(void) { return g(); }"), compile_c(F, name="f")
    g = compile_c("int f(void); int g(void) { return f(); }", name="g")

    link(main, g, f, library).run(status=42)


def test_whole_archive_loads_every_member(link):
    library = archive([compile_c("int unused(void) { return 1; }", name="unused"), compile_c(F, name="f")])

    program = link(compile_c(CALL_F), "-Wl,--whole-archive", library, "-Wl,--no-whole-archive")

    assert "unused" in program.symbols


def test_no_whole_archive_ends_whole_archive(link):
    one = archive([compile_c("int one(void) { return 1; }", name="one")], "libone.a")
    two = archive([compile_c("int two(void) { return 1; }", name="two")], "libtwo.a")
    main = compile_c("int main(void) { return 0; }")

    program = link(main, "-Wl,--whole-archive", one, "-Wl,--no-whole-archive", two)

    assert "one" in program.symbols
    assert "two" not in program.symbols


def test_pop_state_ends_whole_archive(link):
    one = archive([compile_c("int one(void) { return 1; }", name="one")], "libone.a")
    two = archive([compile_c("int two(void) { return 1; }", name="two")], "libtwo.a")
    main = compile_c("int main(void) { return 0; }")

    program = link(main, "-Wl,--push-state,--whole-archive", one, "-Wl,--pop-state", two)

    assert "one" in program.symbols
    assert "two" not in program.symbols


@pytest.mark.unlike("ld", reason="2.40 has no --start-lib")
def test_objects_in_a_lib_are_lazy(link):
    unused = compile_c("int unused(void) { return 1; }", name="unused")

    program = link(compile_c(CALL_F), "-Wl,--start-lib", compile_c(F, name="f"), unused, "-Wl,--end-lib")

    program.run(status=42)
    assert "unused" not in program.symbols


@pytest.mark.unlike("ld", reason="2.40 has no --start-lib")
def test_objects_after_end_lib_are_loaded(link):
    unused = compile_c("int unused(void) { return 1; }", name="unused")

    program = link(compile_c(CALL_F), "-Wl,--start-lib", compile_c(F, name="f"), "-Wl,--end-lib", unused)

    assert "unused" in program.symbols


def test_member_that_only_a_library_needs_is_loaded(link):
    """An undefined symbol of a shared object makes an archive member load and be exported."""
    library = link.shared(pic_c("int f(void); int g(void) { return f(); }"))
    main = compile_c("int g(void); int main(void) { return g(); }")

    program = link(main, library, archive([compile_c(F, name="f")]))

    program.run(status=42)
    assert "f" in program.exports


def test_member_order_in_the_output_follows_the_archive(link):
    """Members stand in the order of the archive, not of loading, so that outputs are stable."""
    members = [assemble(f".data\n.globl {n}\n{n}: .byte 1", name=n) for n in "cab"]
    main = assemble(
        ".globl _start\n_start: lea a(%rip), %rax\n lea b(%rip), %rax\n lea c(%rip), %rdi" + exit_with()
    )

    program = link.raw(main, archive(members))

    assert sorted("abc", key=lambda name: program.symbols[name].value) == ["c", "a", "b"]


def test_member_with_only_a_common_symbol_is_loaded(link):
    library = archive([compile_c("int value; int other(void) { return 0; }", "-fcommon", name="value")])

    program = link(compile_c("extern int value; int main(void) { return value; }"), library)

    program.run()
    assert "other" in program.symbols


def test_member_with_only_a_weak_definition_is_loaded(link):
    library = archive([compile_c("__attribute__((weak)) int f(void) { return 42; }", name="f")])

    link(compile_c(CALL_F), library).run(status=42)


def test_member_loaded_for_one_symbol_may_define_another_twice(link):
    """A member brings all its symbols: a clash with an object's is an error naming archive and member."""
    library = archive([compile_c(F + "int g(void) { return 1; }", name="member")], "libclash.a")
    main = compile_c("int g(void) { return 2; }" + CALL_F)

    message = link.fails(main, library)

    assert "member.o" in message
    assert "libclash.a" in message
    assert "g" in message


def test_two_members_of_equal_name_are_told_apart(link):
    """An archive may hold two members of one name (ar q); each is its own file."""
    one = archive([compile_c(F, name="same")], "lib.a", "rcS").read_bytes()
    two = archive([compile_c("int g(void) { return 0; }", name="same")], "lib.a", "rcS").read_bytes()
    both = link.directory / "libboth.a"
    both.write_bytes(one + two.removeprefix(b"!<arch>\n"))
    subprocess.run(["ranlib", both], check=True)
    main = compile_c("int f(void); int g(void); int main(void) { return f() + g(); }")

    link(main, both).run(status=42)


def test_empty_archive_is_accepted(link):
    link(compile_c("int main(void) { return 42; }"), archive([])).run(status=42)


def test_undefined_option_loads_a_member(link):
    library = archive([compile_c("int wanted(void) { return 1; }", name="wanted")])

    for form in (("-Wl,-u,wanted",), ("-Wl,-uwanted",), ("-Wl,--undefined=wanted",), ("-u", "wanted")):
        program = link(compile_c("int main(void) { return 0; }"), *form, library)
        assert "wanted" in program.symbols
