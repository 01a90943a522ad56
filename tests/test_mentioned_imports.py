"""Undefined symbols of an object's symbol table that no relocation refers to: who asks the loader for them."""

from __future__ import annotations

import pytest
from programs import assemble, pic_c

LIBRARY = "int there(void) { return 1; } int also(void) { return 2; }"


def mention(*names: str, weak: bool = False) -> object:
    """An object whose code uses nothing; a common assembler writes no weak symbol that it has no use for."""
    entry = ".globl _start\n.text\n_start: ret\n"
    if weak:
        # A relocation of type R_X86_64_NONE needs nothing.
        return assemble(entry + "".join(f".weak {n}\n.reloc 0, R_X86_64_NONE, {n}\n" for n in names))
    return assemble(entry + "".join(f".globl {name}\n" for name in names))


@pytest.mark.parametrize("weak", [False, True])
def test_shared_object_imports_what_its_objects_mention(link, weak):
    library = link.shared(mention("nowhere", weak=weak), driver="raw")

    assert library.dynamic_symbols["nowhere"].section == "UNDEF"
    assert library.dynamic_symbols["nowhere"].binding == ("WEAK" if weak else "GLOBAL")


@pytest.mark.parametrize("kind", ["-shared", "-pie", "-no-pie"])
def test_library_that_defines_a_mentioned_name_is_needed(link, kind):
    library = link.shared(pic_c(LIBRARY))

    output = link.raw(kind, mention("there"), "--as-needed", library)

    assert output.dynamic_symbols["there"].section == "UNDEF"
    assert output.tag_strings("NEEDED") == ["libshared.so"]


def test_weak_mention_does_not_make_a_library_needed(link):
    library = link.shared(pic_c(LIBRARY))

    output = link.raw("-shared", mention("there", weak=True), "--as-needed", library)

    assert output.dynamic_symbols["there"].binding == "WEAK"
    assert output.tag_strings("NEEDED") == []


@pytest.mark.parametrize("kind", ["-shared", "-pie"])
def test_garbage_collection_imports_only_what_live_code_uses(link, kind):
    library = link.shared(pic_c(LIBRARY))

    output = link.raw(kind, "--gc-sections", mention("there"), library)

    assert "there" not in output.dynamic_symbols


def test_program_does_not_import_what_nothing_defines(link):
    library = link.shared(pic_c(LIBRARY))

    output = link.raw("-pie", mention("nowhere"), mention_elsewhere(), library)

    assert "nowhere" not in output.dynamic_symbols
    assert "also" in output.dynamic_symbols


def mention_elsewhere() -> object:
    return assemble(".globl also\n.text\nnop\n")


def test_hidden_mention_is_not_imported(link):
    library = link.shared(assemble(".globl nowhere\n.hidden nowhere\n.globl f\n.text\nf: ret"), driver="raw")

    assert "nowhere" not in library.dynamic_symbols


def test_code_that_lost_with_its_group_mentions_names(link):
    """The other copy of an inline function may call something else; GNU ld and lld import that nevertheless."""
    copy = '.section .text.f,"axG",@progbits,f,comdat\n.weak f\nf: {}\n'

    library = link.shared(assemble(copy.format("ret")), assemble(copy.format("call nowhere")), driver="raw")

    assert "nowhere" in library.dynamic_symbols
