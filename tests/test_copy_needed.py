"""--copy-dt-needed-entries, --undefined-glob and --ignore-unresolved-symbol: what takes part without being named."""

from __future__ import annotations

import pytest
from programs import archive, assemble, compile_c, exit_with, pic_c

START = ".globl _start\n_start:" + exit_with("$42")


@pytest.fixture
def top(link):
    """A library that needs another one, which is in the same directory."""
    deep = link.shared(pic_c("int deep(void) { return 20; }", name="deep"), output="libdeep.so")
    return link.shared(
        pic_c("int deep(void); int top(void) { return deep() + 2; }", name="top"), deep, output="libtop.so"
    )


@pytest.fixture
def main():
    return compile_c("int deep(void), top(void); int main(void) { return deep() + top(); }")


@pytest.mark.unlike("ld.lld-19", reason="ignores the option")
def test_a_library_that_a_library_needs_takes_part(link, top, main):
    program = link(main, "-Wl,--copy-dt-needed-entries,-rpath=.", top)

    program.run(status=42)
    assert {"libtop.so", "libdeep.so"} <= set(program.tag_strings("NEEDED"))


@pytest.mark.only_wild
def test_the_option_is_about_the_libraries_behind_it(link, top, main):
    message = link.fails(main, top, "-Wl,--copy-dt-needed-entries,-rpath=.")

    assert "undefined symbol: deep" in message


@pytest.mark.parametrize("flag", ["--no-copy-dt-needed-entries", "--no-add-needed"])
def test_it_can_be_switched_off(link, top, main, flag):
    assert "deep" in link.fails(main, f"-Wl,--copy-dt-needed-entries,{flag},-rpath=.", top)


@pytest.mark.unlike("ld.lld-19", reason="ignores the option")
def test_libraries_that_nothing_uses_are_not_recorded(link, top):
    main = compile_c("int top(void); int main(void) { return top() + 20; }")

    program = link(main, "-Wl,--copy-dt-needed-entries,-rpath=.", top)

    program.run(status=42)
    assert "libdeep.so" not in program.tag_strings("NEEDED")


@pytest.mark.only_wild
@pytest.mark.parametrize("flags", [(), ("--gc-sections",)])
def test_undefined_glob_loads_members(link, flags):
    members = [
        assemble(f'.section .text.{name},"ax"\n.globl {name}\n{name}: ret\n', name=name)
        for name in ("plugin_a", "plugin_b", "other")
    ]

    program = link.raw(
        assemble(START), archive(members, "libplugins.a"), "--undefined-glob=plugin_[a-z]", *flags
    )

    program.run(status=42)
    assert program.symbols.keys() & {"plugin_a", "plugin_b", "other"} == {"plugin_a", "plugin_b"}


@pytest.mark.only_wild
def test_undefined_glob_that_nothing_matches(link):
    link.raw(assemble(START), "--undefined-glob=plugin_*").run(status=42)


@pytest.mark.unlike("ld.lld-19", reason="does not know the option")
def test_one_symbol_may_be_undefined(link):
    main = compile_c("extern int lacking[]; int main(void) { return lacking[1]; }", "-O1")

    link(main, "-Wl,--ignore-unresolved-symbol=lacking")

    assert "other" in link.fails(
        compile_c("int other(void); int main(void) { return other(); }"),
        "-Wl,--ignore-unresolved-symbol=lacking",
    )
