"""Segments and addresses: page alignment, separated code, where things stand, and options that move them."""

from __future__ import annotations

import pytest
from elf import PF_R, PF_W, PF_X, PT_LOAD, PT_NOTE
from programs import assemble, compile_c, exit_with

MAIN = (
    '#include <stdio.h>\nint data = 1; int zero; const char text[] = "text"; int main(void) { '
    "puts(text); return zero; }"
)
START = ".globl _start\n_start:" + exit_with("$42")
KINDS = {
    "exec": ("-fno-pie", "-no-pie"),
    "pie": ("-fpie", "-pie"),
    "static": ("-fno-pie", "-static"),
    "static_pie": ("-fpie", "-static-pie"),
}


@pytest.mark.parametrize("kind", KINDS)
def test_code_shares_no_page_with_data(link, kind):
    """-z separate-code: no byte of a read-only or writable section is mapped executable."""
    code, flag = KINDS[kind]
    program = link(compile_c(MAIN, code), flag, "-Wl,-z,separate-code")

    for segment in program.segments_of(PT_LOAD):
        if segment.flags & PF_X:
            first, last = segment.offset // 4096, (segment.offset + segment.file_size - 1) // 4096
            others = [
                s for s in program.section_list if s.flags & 2 and not s.flags & 4 and s.type != 8 and s.size
            ]
            assert not any(first <= s.offset // 4096 <= last for s in others)


def test_code_may_share_the_first_segment_when_asked(link):
    program = link.raw(assemble(START + ".section .rodata\n.long 1\n"), "-z", "noseparate-code")

    program.run(status=42)


@pytest.mark.parametrize("size", [0x1000, 0x4000, 0x10000, 0x200000])
def test_page_size_option_aligns_the_segments(link, size):
    program = link(compile_c(MAIN), f"-Wl,-z,max-page-size={size:#x}")

    assert program.run() == "text\n"
    assert {segment.alignment for segment in program.segments_of(PT_LOAD)} == {size}


def test_default_page_size_keeps_the_file_small(link):
    program = link(compile_c(MAIN))

    assert {segment.alignment for segment in program.segments_of(PT_LOAD)} == {0x1000}
    assert len(program.data) < 30000


def test_common_page_size_is_accepted(link):
    assert link(compile_c(MAIN), "-Wl,-z,common-page-size=0x1000,-z,max-page-size=0x10000").run() == "text\n"


@pytest.mark.parametrize("kind", KINDS)
def test_program_starts_where_programs_start(link, kind):
    """Position-independent files begin at 0, others at 0x400000 or 0x200000."""
    code, flag = KINDS[kind]
    first = link(compile_c(MAIN, code), flag).segments_of(PT_LOAD)[0]

    assert first.address in ({0} if "pie" in kind else {0x400000, 0x200000})
    assert first.offset == 0


def test_zero_initialised_data_comes_last(link):
    program = link(compile_c(MAIN))

    last = program.segments_of(PT_LOAD)[-1]
    assert program.sections[".bss"].end == last.end
    assert last.size > last.file_size


def test_segment_with_zeros_is_zero_behind_its_file_part(link):
    """The kernel clears from the end of the file part to the end of the page: nothing else may live there."""
    source = (
        "char big[8192]; int data = 7; int main(void) { for (int n = 0; n < 8192; "
        "n++) if (big[n]) return 1; return data + 35; }"
    )

    for kind in ("-pie", "-static"):
        link(compile_c(source, "-fpie"), kind).run(status=42)


@pytest.mark.parametrize(
    "option",
    [
        "--section-start=.mine=0x10000000",
        "--section-start",
        "-Ttext=0x10000000",
        "-Tdata=0x10000000",
        "-Tbss=0x10000000",
    ],
)
def test_section_address_by_option(link, option):
    arguments = (option, ".mine=0x10000000") if option == "--section-start" else (option,)
    section = {"-Tt": ".text", "-Td": ".data", "-Tb": ".bss"}.get(option[:3], ".mine")
    source = START + '.section .mine,"aw"\n.long 1\n.data\n.long 1\n.bss\n.zero 4\n'

    program = link.raw(assemble(source), *arguments)

    program.run(status=42)
    assert program.sections[section].address == 0x10000000


@pytest.mark.unlike("lld", reason="does not know it")
@pytest.mark.parametrize("address", [0x10000, 0x7F0000000000])
def test_text_segment_by_option(link, address):
    program = link.raw(assemble(START), f"-Ttext-segment={address:#x}")

    assert program.segments_of(PT_LOAD)[0].address == address
    program.run(status=42)


@pytest.mark.unlike("ld", reason="2.40 does not know it")
def test_image_base_by_option(link):
    program = link.raw(assemble(START), "--image-base=0x800000")

    program.run(status=42)
    assert program.segments_of(PT_LOAD)[0].address == 0x800000


def test_sections_stand_in_the_order_of_their_segments(link):
    """Read-only data, code, then writable data; in each the sections follow each other without a hole of a
    page.
    """
    program = link(compile_c(MAIN), "-Wl,-z,relro,-z,now")

    flags = [segment.flags for segment in program.segments_of(PT_LOAD)]
    assert flags[0] & PF_R
    assert not flags[0] & PF_W
    writable = [flag & PF_W for flag in flags]
    assert writable == sorted(writable)


def test_large_zero_section(link):
    """3 GiB of zeros: addresses beyond 2^31 are fine as long as nothing refers to them with 32 bits."""
    source = (
        ".globl _start\n_start: movabs $far, %rax\n movl $42, (%rax)\n mov (%rax), %edi\n mov $60, %eax\n"
        ' syscall\n.section .lbss,"awl",@nobits\n.zero 0xc0000000\n.globl far\nfar: .zero 8\n'
    )

    program = link.raw(assemble(source))

    program.run(status=42)
    assert len(program.data) < 100000


def test_large_code_model_sections_do_not_push_small_ones_away(link):
    """.ldata, .lrodata and .lbss stand apart so that ordinary data stays within 2 GiB of the code."""
    large = assemble(
        (
            '.section .lbss,"awl",@nobits\n.zero 0x90000000\n.section .lrodata,"al"\n.globl constant\n'
            "constant: .long 20\n"
        ),
        name="large",
    )
    main = (
        'int small = 22; extern const int constant __attribute__((section(".lrodata"))); '
        "int main(void) { return small + *(const int *)({ const int *p; "
        '__asm__("movabs $constant, %0" : "=r"(p)); p; }); }'
    )

    link(compile_c(main, "-fno-pie"), large, "-no-pie").run(status=42)


def test_notes_are_gathered_in_their_segment(link):
    program = link(compile_c(MAIN), "-Wl,--build-id")

    notes = program.segments_of(PT_NOTE)
    covered = [
        s.name
        for s in program.section_list
        if s.type == 7 and any(n.offset <= s.offset < n.offset + n.file_size for n in notes)
    ]
    assert covered == [s.name for s in program.section_list if s.type == 7]


def test_program_without_data_has_no_writable_segment(link):
    program = link.raw(assemble(START))

    program.run(status=42)
    assert not any(segment.flags & PF_W for segment in program.segments_of(PT_LOAD))


def test_header_is_mapped(link):
    """The first segment maps the ELF header and the program headers (the loader and libunwind read them)."""
    program = link(compile_c(MAIN))

    first = program.segments_of(PT_LOAD)[0]
    assert first.offset == 0
    assert first.file_size >= program.phoff + 56 * program.phnum


def test_no_section_headers_are_needed_to_run(link):
    program = link(compile_c(MAIN))
    data = bytearray(program.data)
    data[40:48] = bytes(8)
    data[60:64] = bytes(4)
    stripped = link.directory / "headless"
    stripped.write_bytes(data)
    stripped.chmod(0o755)

    type(program)(stripped).run()
