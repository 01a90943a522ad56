"""Scripts that add to a layout (INSERT, OVERWRITE_SECTIONS, scripts among the inputs), and what else they can ask."""

from __future__ import annotations

import subprocess

import pytest
from elf import PT_GNU_RELRO, PT_NOTE
from linking import linker_under_test
from programs import assemble, compile_c, compile_cxx, exit_with, tool, write
from scripts import by_ld, same_as_ld, script, with_script

pytestmark = pytest.mark.unlike("lld", "mold", "gold", reason="have other rules for scripts")

PROGRAM = """
    .globl _start, special
    .text
    _start: call special
    """ + exit_with("%eax") + """
    .section .text.special,"ax"
    special: mov $7, %eax
    ret
    .data
    .quad 1
    .section .mine,"aw"
    .long 2
    .section .more,"a"
    .long 3
    .bss
    .skip 64
"""  # fmt: skip
RUNNING = """
    #include <iostream>
    #include <vector>
    thread_local int local = 3; int zero; const char *text = "text"; static std::vector<int> numbers{1, 2};
    int main() { try { throw local; } catch (int caught) { std::cout << caught << numbers.size() << text << zero; } }
"""
NOTHING = "SECTIONS { marked = .; } INSERT AFTER .bss;"
CROSSING = """
    NOCROSSREFS(.text .special)
    SECTIONS { .text : { *(.text) } .special : { *(.text.special) } .rest : { *(.data .bss .m*) } }
"""


def fails(link, text: str, *args: object) -> str:
    return link.fails("-T", script(link, text), assemble(PROGRAM), *args, driver="raw")


def names(output) -> list[str]:
    return [section.name for section in output.section_list if section.flags & 2]


@pytest.mark.parametrize("kind", ["-pie", "-static", "-shared"])
def test_a_layout_that_is_added_to_is_the_usual_one(link, kind):
    inputs = compile_cxx(RUNNING, "-O1", "-fPIC")
    usual = link(inputs, kind, driver="g++", output="usual")
    added = link(inputs, kind, f"-Wl,-T,{script(link, NOTHING)}", driver="g++", output="added")

    if kind != "-shared":
        assert added.run() == usual.run()
    assert "marked" in added.symbols
    orphans = (
        ".stapsdt.base",
        "__libc_freeres_fn",
        "__libc_freeres_ptrs",
        "__libc_IO_vtables",
        "__libc_atexit",
        "__libc_subfreeres",
    )
    assert [n for n in names(added) if n not in orphans] == [n for n in names(usual) if n not in orphans]
    assert [s.type for s in added.segments].count(PT_NOTE) == [s.type for s in usual.segments].count(PT_NOTE)
    assert PT_GNU_RELRO in [s.type for s in added.segments]


@pytest.mark.parametrize("where", ["AFTER .data", "BEFORE .data"])
def test_insert(link, where):
    text = f"SECTIONS {{ .own : {{ begin = .; *(.mine .text.special) end_of_own = .; }} }} INSERT {where};"
    program = with_script(link, text, assemble(PROGRAM))

    program.run(status=7)
    found = names(program)
    assert abs(found.index(".own") - found.index(".data")) == 1
    assert (found.index(".own") > found.index(".data")) == where.startswith("AFTER")
    assert (
        program.symbols["end_of_own"].value - program.symbols["begin"].value == program.sections[".own"].size
    )
    assert names(by_ld(link, text, assemble(PROGRAM))).index(".own") > 0


def test_insert_into_another_script(link):
    base = write(
        link.directory / "base.ld", "SECTIONS { . = 0x400000; .text : { *(.text*) } .data : { *(.data) } }"
    )
    inserted = write(link.directory / "more.ld", "SECTIONS { .own : { *(.mine) } } INSERT BEFORE .data;")
    program = link.raw("-T", base, "-T", inserted, assemble(PROGRAM))

    assert [name for name in names(program) if name in (".text", ".own", ".data")] == [
        ".text",
        ".own",
        ".data",
    ]


def test_insert_needs_its_section(link):
    text = "SECTIONS { .own : { *(.mine) } } INSERT AFTER .nowhere;"

    assert "there is no output section .nowhere" in fails(link, text)


def test_a_script_among_the_inputs_adds(link):
    text = "SECTIONS { .own : { *(.mine .text.special) } own_end = .; }"
    program = link.raw(assemble(PROGRAM), script(link, text))

    program.run(status=7)
    assert "layout.ld: has output sections, which are added; was -T forgotten?" in program.messages
    assert ".own" in names(program)
    assert program.sections[".own"].size == 4  # the usual layout has taken .text.special


def test_overwrite_sections(link):
    text = "OVERWRITE_SECTIONS { .text : { *(.text.special) first = .; *(.text) } .own : { *(.mine .more) } }"
    program = with_script(link, text, assemble(PROGRAM))

    program.run(status=7)
    assert program.symbols["first"].value == program.sections[".text"].address + 6
    assert program.sections[".own"].size == 8
    theirs = link.raw("-T", script(link, text), assemble(PROGRAM), linker=tool("ld.lld"), output="lld")
    assert (theirs.sections[".text"].size, theirs.sections[".own"].size) == (
        program.sections[".text"].size,
        8,
    )


def test_cross_references_are_errors(link):
    assert "(.text+0x1): prohibited cross reference from .text to special in .special" in fails(
        link, CROSSING
    )


@pytest.mark.parametrize(("names", "allowed"), [(".text .special", True), (".special .text", False)])
def test_cross_references_to_the_first(link, names, allowed):
    text = CROSSING.replace("NOCROSSREFS(.text .special)", f"NOCROSSREFS_TO({names})")

    if allowed:
        with_script(link, text, assemble(PROGRAM)).run(status=7)
    else:
        assert "prohibited cross reference" in fails(link, text)


def test_members_of_an_overlay_must_not_refer_to_each_other(link):
    text = """
        SECTIONS {
            OVERLAY 0x1000 : NOCROSSREFS AT (0x4000) { .text { *(.text) } .special { *(.text.special) } }
            .rest 0x8000 : { *(.data .bss .m*) }
        }
    """

    assert "prohibited cross reference" in fails(link, text)


def test_output_and_startup(link):
    first = assemble('.section .order,"a"\n.byte 1\n', name="first")
    second = assemble('.section .order,"a"\n.byte 2\n.globl _start\n.text\n_start: ret\n', name="second")
    text = f'OUTPUT("{link.directory}/named")\nSTARTUP("{first}")\n'
    write(link.directory / "layout.ld", text)
    subprocess.run([linker_under_test(), "-T", "layout.ld", second], cwd=link.directory, check=True)

    assert b"\1\2" in (link.directory / "named").read_bytes()


def test_the_command_line_names_the_output(link):
    program = with_script(link, "OUTPUT(elsewhere)", assemble(PROGRAM))

    program.run(status=7)
    assert not (link.directory / "elsewhere").exists()


def test_load_addresses_are_aligned_with_addresses(link):
    text = """
        MEMORY { ROM (rx) : ORIGIN = 0x10004, LENGTH = 256K
                 RAM (rw) : ORIGIN = 0x200000, LENGTH = 64K }
        SECTIONS {
            .text : { *(.text .text.*) } >ROM
            .mine : { *(.mine) } >RAM AT>ROM
            .data : ALIGN_WITH_INPUT { *(.data) } >RAM AT>ROM
            .more : ALIGN_WITH_INPUT { *(.more) } >RAM AT>ROM
            .bss : { *(.bss) } >RAM
        }
    """
    same_as_ld(link, text, assemble(PROGRAM.replace(".quad 1", ".balign 32\n.quad 1")))


def test_two_alignments_exclude_each_other(link):
    text = "SECTIONS { .data : ALIGN(8) ALIGN_WITH_INPUT { *(.data) } }"

    assert "ALIGN and ALIGN_WITH_INPUT exclude each other" in fails(link, text)


def test_segment_starts(link):
    text = """
        SECTIONS {
            . = SEGMENT_START("text-segment", 0x400000); .text : { *(.text*) }
            . = SEGMENT_START("rodata-segment", 0x500000); .more : { *(.more) }
            . = SEGMENT_START("ldata-segment", 0x600000); .data : { *(.data .mine) } .bss : { *(.bss) }
        }
    """
    same_as_ld(link, text, assemble(PROGRAM))
    same_as_ld(link, text, assemble(PROGRAM), "-Ttext-segment=0x800000", "-Tldata-segment=0xa00000")
    same_as_ld(link, text, assemble(PROGRAM), "-Trodata-segment=0x900000")


def test_start_of_read_only_data_without_a_script(link):
    program = link.raw(assemble(PROGRAM.replace(".more", ".rodata.more")), "-Trodata-segment=0x700000")

    program.run(status=7)
    assert program.sections[".rodata"].address == 0x700000


def test_a_default_script_gives_way(link):
    default = write(link.directory / "default.ld", "SECTIONS { . = 0x500000; .all : { *(.*) } }")
    alone = link.raw(assemble(PROGRAM), "-dT", default, output="alone")
    beside = with_script(link, "SECTIONS { .text : { *(.text*) } }", assemble(PROGRAM), "-dT", str(default))

    alone.run(status=7)
    assert ".all" in names(alone)
    assert ".all" not in names(beside)


ORPHANS = "SECTIONS { . = 0x400000; .text : { *(.text .text.*) } .data : { *(.data) } .bss : { *(.bss) } }"


def test_orphans_are_mentioned(link):
    program = with_script(link, ORPHANS, assemble(PROGRAM), "--orphan-handling=warn")

    program.run(status=7)
    assert ".o:(.mine): the linker script does not say where this section goes" in program.messages
    assert "(.data)" not in program.messages


@pytest.mark.parametrize("text", [ORPHANS, None])
def test_orphans_can_be_errors(link, text):
    arguments = ["-T", script(link, text)] if text else []
    messages = link.fails(*arguments, assemble(PROGRAM), "--orphan-handling=error", driver="raw")

    assert "(.mine): the linker script does not say where this section goes" in messages


@pytest.mark.parametrize("text", [ORPHANS, None])
def test_orphans_can_be_dropped(link, text):
    arguments = ["-T", script(link, text)] if text else []
    program = link.raw(*arguments, assemble(PROGRAM), "--orphan-handling=discard")

    program.run(status=7)
    assert ".mine" not in names(program)
    assert ".data" in names(program)


def test_usage_of_memory(link):
    text = """
        MEMORY { ROM (rx) : ORIGIN = 0x10000, LENGTH = 256K
                 RAM (rw) : ORIGIN = 0x200000, LENGTH = 0x2001 }
        SECTIONS {
            .text : { *(.text .text.* .more) } >ROM
            .data : { *(.data .mine) } >RAM AT>ROM
            .bss : { *(.bss) } >RAM
        }
    """
    arguments = ["-T", script(link, text), assemble(PROGRAM), "--print-memory-usage"]
    ours = link.attempt(*arguments, driver="raw", linker=None, output="program")
    theirs = link.attempt(*arguments, driver="raw", linker=tool("ld"), output="ld")

    assert ours.stdout == theirs.stdout
    assert "Memory region         Used Size  Region Size  %age Used" in ours.stdout


def test_properties_are_joined_where_a_script_places_notes(link):
    inputs = [
        compile_c("int main(void) { return 0; }", "-fcf-protection"),
        compile_c("int other;", "-fcf-protection"),
    ]
    text = "SECTIONS { .notes : { *(.note.gnu.p*) } } INSERT BEFORE .text;"
    program = link(*inputs, f"-Wl,-T,{script(link, text)}")

    assert program.readelf("-n").count("NT_GNU_PROPERTY_TYPE_0") == 1


# --- sections that are not loaded, and those of one kind only

KINDS = """
.globl _start
_start: ret
.section .one,"a"
.globl one
one: .long 1
.section .two,"aw"
.globl two
two: .long 2
.section .three,"ax"
.globl three
three: .long 3
.data
.long 4
"""


def headers(output) -> list[tuple[str, int, int, int]]:
    """Name, address, size and flags of what `KINDS` has, loaded or not."""
    return sorted(
        (section.name, section.address, section.size, section.flags)
        for section in output.section_list
        if section.name in {".x", ".y", ".one", ".two", ".three", ".data"}
    )


def same_headers_as_ld(link, text: str) -> None:
    object_file = assemble(KINDS)

    assert headers(by_ld(link, text, object_file)) == headers(same_as_ld(link, text, object_file))


@pytest.mark.parametrize(
    "text",
    [
        ".one (COPY) : { a = .; *(.one) } .two (DSECT) : { *(.two) b = .; } .three (INFO) : { *(.three) } end = .;",
        ".one (OVERLAY) : { *(.one) } .two 0x30000 (COPY) : { *(.two) } .three : { c = .; *(.three) } end = .;",
        ".one (INFO) : AT(0x50000) { *(.one) } .two : { *(.two) } a = LOADADDR(.one); b = LOADADDR(.two);",
    ],
)
def test_sections_that_are_not_loaded_take_addresses(link, text):
    same_headers_as_ld(
        link, f"SECTIONS {{ . = 0x10000; .text : {{ *(.text) }} {text} .data : {{ *(.data) }} }}"
    )


def test_sections_that_are_not_loaded_use_the_regions_of_memory(link):
    text = """
    MEMORY { ram : ORIGIN = 0x1000, LENGTH = 0x100 rom : ORIGIN = 0x8000, LENGTH = 0x100 }
    SECTIONS {
      .text : { *(.text) } >rom
      .one (COPY) : { *(.one) } >ram
      .two (INFO) : { *(.two) } >rom AT>ram
      .three : { *(.three) } >ram AT>rom
      .data : { *(.data) } >ram
      a = LOADADDR(.two); b = LOADADDR(.three); c = LOADADDR(.data);
    }
    """
    same_headers_as_ld(link, text)


@pytest.mark.parametrize(
    "body",
    [
        ".x : ONLY_IF_RO { *(.one) } .x : ONLY_IF_RW { *(.two) }",
        ".x : ONLY_IF_RO { *(.one) *(.three) } .y : ONLY_IF_RW { *(.one) *(.three) } .x : ONLY_IF_RW { *(.two) }",
        ".x : ONLY_IF_RO { *(.one) *(.two) } .y : { *(.three) } .x : ONLY_IF_RW { *(.one) *(.two) }",
        ".x : ONLY_IF_RW { *(.one) } .y : ONLY_IF_RO { *(.one) }",
    ],
)
def test_only_statements_about_the_same_inputs_are_alternatives(link, body):
    same_headers_as_ld(
        link, f"SECTIONS {{ . = 0x10000; .text : {{ *(.text) }} {body} .data : {{ *(.data) }} }}"
    )
