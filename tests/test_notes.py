"""Notes: .note.gnu.property merged over all inputs, .note.GNU-stack, ABI tags, package metadata, PT_NOTE."""

from __future__ import annotations

import json

import pytest
from elf import PF_X, PT_GNU_PROPERTY, PT_GNU_STACK, PT_NOTE
from programs import assemble, compile_c, exit_with

START = ".globl _start\n_start:" + exit_with("$42")
FEATURE_1_AND, ISA_NEEDED, ISA_USED = 0xC0000002, 0xC0008002, 0xC0010002
IBT, SHSTK = 1, 2


def property_note(*properties: tuple[int, int]) -> str:
    """Assembly of one .note.gnu.property section with 4-byte properties (x86-64 psABI, Program Property)."""
    words = "".join(f".long {kind:#x}, 4, {value}, 0\n" for kind, value in properties)
    return (
        f'\n.section .note.gnu.property,"a",@note\n.balign 8\n.long 4, {16 * len(properties)}, 5\n'
        f'.asciz "GNU"\n{words}'
    )


def properties(program) -> dict[int, int]:
    """The merged properties of an output."""
    if ".note.gnu.property" not in program.sections:
        return {}
    (note,) = program.notes(".note.gnu.property")
    words = [
        int.from_bytes(note.description[n : n + 4], "little") for n in range(0, len(note.description), 4)
    ]
    return {words[n]: words[n + 2] for n in range(0, len(words), 4)}


def linked(link, *notes: str, arguments: tuple[str, ...] = ()):
    objects = [assemble((START if n == 0 else "") + note, name=f"object{n}") for n, note in enumerate(notes)]
    return link.raw(*objects, *arguments)


def test_feature_is_kept_when_every_input_has_it(link):
    note = property_note((FEATURE_1_AND, IBT | SHSTK))

    assert properties(linked(link, note, note)) == {FEATURE_1_AND: IBT | SHSTK}


def test_feature_is_the_intersection(link):
    program = linked(link, property_note((FEATURE_1_AND, IBT | SHSTK)), property_note((FEATURE_1_AND, SHSTK)))

    assert properties(program) == {FEATURE_1_AND: SHSTK}


def test_input_without_the_note_removes_the_feature(link):
    assert FEATURE_1_AND not in properties(linked(link, property_note((FEATURE_1_AND, IBT)), ""))


def test_empty_intersection_removes_the_property(link):
    program = linked(link, property_note((FEATURE_1_AND, IBT)), property_note((FEATURE_1_AND, SHSTK)))

    assert FEATURE_1_AND not in properties(program)


@pytest.mark.unlike("lld", reason="merges only the features")
def test_note_that_is_not_loaded_does_not_reach_the_output(link):
    """rustc writes one that would claim more than what is true of the whole output."""
    unloaded = property_note((FEATURE_1_AND, IBT | SHSTK)).replace('"a"', '""')

    program = linked(link, unloaded, "")

    assert ".note.gnu.property" not in program.sections
    assert not program.segments_of(PT_GNU_PROPERTY)


def test_needed_instruction_sets_are_united(link):
    program = linked(link, property_note((ISA_NEEDED, 1)), property_note((ISA_NEEDED, 4)), "")

    assert properties(program)[ISA_NEEDED] == 5


@pytest.mark.unlike("lld", reason="merges only the features")
def test_used_instruction_sets_count_only_if_all_say_so(link):
    program = linked(link, property_note((ISA_USED, 1)), property_note((ISA_USED, 4)))

    assert properties(program)[ISA_USED] == 5
    assert ISA_USED not in properties(linked(link, property_note((ISA_USED, 1)), ""))


def test_merged_note_has_its_segment(link):
    program = linked(link, property_note((FEATURE_1_AND, IBT)))

    section = program.sections[".note.gnu.property"]
    segment = program.segments_of(PT_GNU_PROPERTY)[0]
    assert (section.address, section.size, 8) == (segment.address, segment.size, segment.alignment)


def test_there_is_one_note_for_many_inputs(link):
    note = property_note((FEATURE_1_AND, IBT))

    assert linked(link, note, note, note).sections[".note.gnu.property"].size == 32


@pytest.mark.unlike("lld", reason="-z force-ibt is its own")
def test_ibt_can_be_forced(link):
    assert properties(linked(link, "", arguments=("-z", "ibt")))[FEATURE_1_AND] == IBT


def test_shstk_can_be_forced(link):
    assert properties(linked(link, "", arguments=("-z", "shstk")))[FEATURE_1_AND] == SHSTK


@pytest.mark.parametrize("level", ["warning", "error"])
def test_inputs_without_the_feature_are_reported_when_asked(link, level):
    objects = [
        assemble(START + property_note((FEATURE_1_AND, IBT | SHSTK)), name="marked"),
        assemble("", name="unmarked"),
    ]
    arguments = (*objects, "-z", f"cet-report={level}")

    message = link.raw(*arguments).messages if level == "warning" else link.fails(*arguments, driver="raw")

    assert "unmarked.o" in message
    assert "/marked.o" not in message


def test_stack_is_not_executable_by_default(link):
    program = link(compile_c("int main(void) { return 42; }"))

    assert not program.segments_of(PT_GNU_STACK)[0].flags & PF_X


def test_execstack_makes_it_executable(link):
    source = (
        "int main(void) { unsigned char code[] = {0xb8, 42, 0, 0, 0, 0xc3}; return ((int (*)(void))code)(); }"
    )

    program = link(compile_c(source), "-Wl,-z,execstack")

    assert program.segments_of(PT_GNU_STACK)[0].flags & PF_X
    program.run(status=42)


def test_noexecstack_overrides_an_object(link):
    executable = assemble('.section .note.GNU-stack,"x",@progbits\n', name="executable")

    program = link(compile_c("int main(void) { return 42; }"), executable, "-Wl,-z,noexecstack")

    assert not program.segments_of(PT_GNU_STACK)[0].flags & PF_X


def test_stack_notes_do_not_reach_the_output(link):
    assert ".note.GNU-stack" not in link(compile_c("int main(void) { return 42; }")).sections


def test_stack_size(link):
    """-z stack-size is PT_GNU_STACK's size; musl gives threads that much."""
    program = link(compile_c("int main(void) { return 42; }"), "-Wl,-z,stack-size=0x123000")

    assert program.segments_of(PT_GNU_STACK)[0].size == 0x123000


def test_abi_tag_is_kept(link):
    program = link(compile_c("int main(void) { return 42; }"))

    (note,) = program.notes(".note.ABI-tag")
    assert (note.name, note.type) == ("GNU", 1)


def test_notes_of_one_alignment_share_a_segment(link):
    """A PT_NOTE is read as one run of notes: 4- and 8-byte aligned ones must not be mixed."""
    program = link(compile_c("int main(void) { return 42; }", "-fcf-protection=full"), "-Wl,--build-id")

    for segment in program.segments_of(PT_NOTE):
        inside = [
            s for s in program.section_list if s.type == 7 and segment.address <= s.address < segment.end
        ]
        assert {section.alignment for section in inside} == {segment.alignment}
        assert sum(section.size for section in inside) == segment.size
        assert segment.size


def test_custom_notes_of_all_files_are_joined(link):
    note = '.section .note.mine,"a",@note\n.balign 4\n.long 3, 4, {}\n.asciz "Me"\n.balign 4\n.long 42\n'
    program = linked(link, note.format(1), note.format(2))

    assert [entry.type for entry in program.notes(".note.mine")] == [1, 2]


DECODED = {"type": "deb", "name": "wild"}
ENCODED = "%7B%22type%22:%22deb%22%2C%22name%22:%22wild%22%7D"


@pytest.mark.parametrize("text", [json.dumps(DECODED), pytest.param(ENCODED, marks=pytest.mark.only_wild)])
def test_package_metadata(link, text):
    """The FDO packaging note, type 0xcafe1a7e; the JSON may be percent-encoded."""
    program = link.raw(assemble(START), f"--package-metadata={text}")

    (note,) = program.notes(".note.package")
    assert (note.name, note.type) == ("FDO", 0xCAFE1A7E)
    assert json.loads(note.description.rstrip(b"\0")) == DECODED


def test_stack_size_is_a_property_too(link):
    """GNU ld writes it beside properties of the inputs, and not for its sake alone."""
    program = link(compile_c("int main(void) { return 0; }"), "-Wl,-z,stack-size=0x200000")

    properties = [line for line in program.readelf("-n").splitlines() if "Properties" in line]
    assert not properties or "stack size: 0x200000" in properties[0]
