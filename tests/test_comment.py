"""`.comment`: who compiled and who linked, each text once."""

from __future__ import annotations

import pytest
from elf import SHF_MERGE, SHF_STRINGS
from programs import assemble, compile_c

MAIN = "int f(void); int main(void) { return f(); }"


def comments(program) -> list[str]:
    return [text.decode() for text in program.contents(".comment").split(b"\0") if text]


def test_equal_comments_are_merged(link):
    objects = [
        compile_c("int f(void) { return 42; }", name="f"),
        *(compile_c(f"int g{n};", name=f"g{n}") for n in range(5)),
    ]

    found = comments(link(compile_c(MAIN), *objects))

    assert len(found) == len(set(found))
    assert any(text.startswith("GCC: ") for text in found)


def test_comments_of_different_compilers_are_all_kept(link):
    clang = compile_c("int f(void) { return 42; }", name="f", compiler="clang")

    found = comments(link(compile_c(MAIN), clang))

    assert any(text.startswith("GCC: ") for text in found)
    assert any("clang" in text for text in found)


@pytest.mark.only_wild
def test_linker_signs_with_its_name_and_version(link):
    assert any(text.startswith("Linker: Wild ") for text in comments(link(compile_c("int main(void) {}"))))


def test_section_is_not_allocated_and_stays_mergeable(link):
    section = link(compile_c("int main(void) { return 0; }")).sections[".comment"]

    assert section.flags == SHF_MERGE | SHF_STRINGS
    assert (section.address, section.entry_size) == (0, 1)


def test_ident_directive_of_assembly(link):
    program = link(compile_c("int main(void) { return 42; }"), assemble('.ident "hand-made"', name="hand"))

    assert "hand-made" in comments(program)


def test_stripped_program_keeps_its_comment(link):
    """-s removes symbols and debug information, not .comment (as GNU ld and lld do)."""
    assert comments(link(compile_c("int main(void) { return 0; }"), "-s"))
