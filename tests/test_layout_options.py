"""Options that say where sections stand and what shares a segment; what they do is what GNU ld does, mostly."""

from __future__ import annotations

import pytest
from elf import PF_R, PF_W, PF_X, PT_GNU_RELRO, PT_GNU_STACK, PT_LOAD, PT_PHDR, SHF_WRITE
from linking import kind_of, linker_under_test
from programs import assemble, compile_c, exit_with

START = """
    .globl _start
    _start: mov value(%rip), %edi
            mov more(%rip), %eax
            add %eax, %edi
            mov $60, %eax
            syscall
"""
DATA = (
    '.data\nvalue: .long 40\n.section .mine,"aw"\nmore: .long 2\n.bss\n.zero 8\n.section .rodata\n.long 1\n'
)
HELLO = '#include <stdio.h>\n__thread int tls = 3; int data = 1, zero; const char text[] = "text";\n'
MAIN = HELLO + "int main(void) { puts(text); return zero + data - 1 + tls - 3; }"


def permissions(program) -> list[int]:
    return [segment.flags for segment in program.segments_of(PT_LOAD)]


# --- what shares a segment


@pytest.mark.unlike("lld", reason="lets segments share pages of the file, and not more")
def test_code_and_constants_share_a_segment(link):
    program = link.raw(assemble(START + DATA), "-z", "noseparate-code")

    program.run(status=42)
    assert permissions(program) == [PF_R | PF_X, PF_R | PF_W]
    assert len(program.data) < 4096


@pytest.mark.parametrize("kind", ["-pie", "-no-pie", "-static", "-static-pie"])
def test_programs_without_separate_code(link, kind):
    program = link(compile_c(MAIN, "-fpie"), kind, "-Wl,-z,noseparate-code")

    assert program.run() == "text\n"


@pytest.mark.parametrize("kind", ["-pie", "-no-pie", "-static", "-shared"])
def test_no_rosegment_puts_constants_into_the_segment_of_the_code(link, kind):
    program = link(compile_c(MAIN, "-fPIC"), kind, "-Wl,--no-rosegment")

    if kind != "-shared":
        assert program.run() == "text\n"
    assert permissions(program) == [PF_R | PF_X, PF_R | PF_W, PF_R | PF_W]
    again = link(compile_c(MAIN, "-fPIC"), kind, "-Wl,--no-rosegment,--rosegment", output="again")
    assert permissions(again)[:2] == [PF_R, PF_R | PF_X]


@pytest.mark.unlike("lld", reason="does not separate code unless it is told to")
def test_segments_are_where_they_were_with_separate_code_undone(link):
    objects = assemble(START + DATA)

    undone = link.raw(objects, "-z", "noseparate-code", "-z", "separate-code", output="undone")

    assert undone.segments == link.raw(objects).segments


@pytest.mark.parametrize("flag", ["-N", "--omagic"])
def test_omagic_makes_one_segment(link, flag):
    """Everything can be written and executed, and nothing is aligned to pages."""
    program = link.raw(assemble(START + DATA), flag)

    program.run(status=42)
    assert permissions(program) == [PF_R | PF_W | PF_X]
    assert program.segments_of(PT_LOAD)[0].alignment < 4096
    assert len(program.data) < 4096
    assert program.sections[".data"].address - program.sections[".text"].end < 64


@pytest.mark.unlike("lld", reason="leaves the section's flags")
def test_omagic_makes_the_code_writable(link):
    assert link.raw(assemble(START + DATA), "-N").sections[".text"].flags & SHF_WRITE


@pytest.mark.unlike("ld", "lld", reason="their outputs overlap in memory, or can be written everywhere")
@pytest.mark.parametrize("flag", ["-n", "--nmagic"])
def test_nmagic_does_not_align_segments(link, flag):
    """Code and constants, then data on the next page of memory, and no hole in the file."""
    program = link.raw(assemble(START + DATA), flag)

    program.run(status=42)
    assert permissions(program) == [PF_R | PF_X, PF_R | PF_W]
    assert all(segment.alignment < 4096 for segment in program.segments_of(PT_LOAD))
    assert len(program.data) < 4096


@pytest.mark.unlike("ld", "lld", reason="do not map the headers, which libc needs")
@pytest.mark.parametrize("flag", ["-N", "-n"])
def test_static_programs_of_the_libc_run_unaligned(link, flag):
    program = link(compile_c(MAIN, "-fno-pie"), "-static", "-no-pie", f"-Wl,{flag}")

    assert program.run() == "text\n"
    assert not program.segments_of(PT_GNU_RELRO)


@pytest.mark.parametrize("flag", ["-N", "-n"])
def test_no_shared_objects_without_pages(link, flag):
    """GNU ld manual: both disable linking against shared libraries."""
    library = link.shared(compile_c("int f(void) { return 1; }", "-fPIC", name="f"), output="libf.so")

    text = link.fails(compile_c("int main(void) { return 0; }", "-fno-pie"), "-no-pie", f"-Wl,{flag}",
                      f"-L{library.path.parent}", "-lf", driver="gcc")  # fmt: skip

    assert "-lf" in text or "libf" in text or "-lgcc_s" in text


# --- addresses


def test_sections_behind_the_text_follow_it(link):
    program = link.raw(assemble(START + DATA), "-Ttext=0x10000000")

    program.run(status=42)
    assert program.sections[".text"].address == 0x10000000
    assert 0x10000000 < program.sections[".rodata"].address < 0x10010000
    assert 0x10000000 < program.sections[".data"].address < 0x10010000


@pytest.mark.unlike("ld", "lld", reason="their segments share a page, or overlap")
@pytest.mark.parametrize("address", [0, 0x7C00, 0x12345678, 0x7FFF00000000])
def test_text_can_stand_anywhere(link, address):
    program = link.raw(assemble(START + DATA), f"-Ttext={address:x}")

    assert program.sections[".text"].address == address
    assert program.entry == address
    if address >= 0x10000:
        program.run(status=42)


def test_text_in_the_upper_half(link):
    """Where kernels are."""
    program = link.raw(assemble(START + DATA), "-Ttext=0xffffffff80000000")

    assert program.sections[".text"].address == 0xFFFFFFFF80000000
    assert program.sections[".data"].address > 0xFFFFFFFF80000000


@pytest.mark.parametrize("kind", ["-pie", "-no-pie"])
def test_addresses_for_a_dynamic_program(link, kind):
    options = "-Wl,-Ttext=0x30000000,-Tdata=0x10000000,-Tbss=0x20000000"

    program = link(compile_c(MAIN, "-fpie"), kind, options)

    assert program.run() == "text\n"
    places = [program.sections[name].address for name in (".text", ".data", ".bss")]
    assert places == [0x30000000, 0x10000000, 0x20000000]


def test_boot_code(link):
    """What boot loaders ask for: one segment from 0x7c00 on, code first."""
    program = link.raw(assemble(START + DATA), "-N", "-Ttext", "0x7c00")

    (segment,) = program.segments_of(PT_LOAD)
    assert segment.address == 0x7C00
    assert segment.address + segment.size < 0x7D00
    assert program.read(0x7C00, 1) == program.contents(".text")[:1]


@pytest.mark.unlike("lld", reason="its headers are at 0x200000")
@pytest.mark.parametrize("address", [0x200000, 0x10000000])
def test_data_below_and_above_the_text(link, address):
    program = link.raw(assemble(START + DATA), f"-Tdata={address:#x}")

    program.run(status=42)
    assert program.sections[".data"].address == address


@pytest.mark.unlike("lld", reason="moves everything behind it")
@pytest.mark.parametrize("address", [0x300000, 0x10000000])
def test_section_of_another_name_is_moved_alone(link, address):
    program = link.raw(assemble(START + DATA), f"--section-start=.mine={address:x}")

    program.run(status=42)
    assert program.sections[".mine"].address == address
    assert 0 < program.sections[".bss"].address - program.sections[".data"].address < 0x10000


def test_several_sections_have_addresses(link):
    options = ["--section-start=.rodata=0x500000", "--section-start=.mine=0x20000000", "-Tbss=0x10000000"]

    program = link.raw(assemble(START + DATA), *options)

    program.run(status=42)
    places = [program.sections[name].address for name in (".rodata", ".mine", ".bss")]
    assert places == [0x500000, 0x20000000, 0x10000000]


@pytest.mark.unlike("lld", reason="leaves them in the order of the sections")
def test_segments_ascend_all_the_same(link):
    """gABI, Program Header: PT_LOAD entries are sorted by address."""
    program = link.raw(assemble(START + DATA), "-Tdata=0x200000", "--section-start=.mine=0x100000")

    addresses = [segment.address for segment in program.segments_of(PT_LOAD)]
    assert addresses == sorted(addresses)


@pytest.mark.unlike("lld", reason="moves the other sections")
def test_overlapping_sections_are_refused(link):
    sections = link.raw(assemble(START + DATA)).sections

    text = link.fails(assemble(START + DATA), f"-Tdata={sections['.text'].address:#x}", driver="raw")

    assert ".data" in text
    assert "overlap" in text


@pytest.mark.only_wild
def test_section_on_the_headers_is_refused(link):
    text = link.fails(assemble(START + DATA), "-Tdata=0x400000", driver="raw")

    assert "section .data at 0x400000 overlaps the program headers" in text


@pytest.mark.only_wild
def test_overlap_is_allowed_when_asked(link):
    link.attempt(
        assemble(START + DATA),
        "-Tdata=0x400000",
        "--no-check-sections",
        driver="raw",
        output="program",
        linker=None,
    )

    assert (link.directory / "program").exists()


@pytest.mark.unlike("ld", reason="protects nothing then")
@pytest.mark.unlike("lld", reason="refuses")
def test_relro_is_one_piece_of_memory(link):
    """A part of RELRO that was moved away is not protected, rather than the hole between."""
    program = link(compile_c(MAIN, "-fpie"), "-pie", "-Wl,--section-start=.got=0x1000000,-z,now")

    assert program.run() == "text\n"
    (relro,) = program.segments_of(PT_GNU_RELRO)
    assert any(
        load.address <= relro.address and relro.end <= load.end for load in program.segments_of(PT_LOAD)
    )


@pytest.mark.unlike("ld", reason="2.40 does not know --image-base")
@pytest.mark.parametrize(("code", "kind"), [("-fno-pie", "-no-pie"), ("-fpie", "-pie")])
def test_image_base_of_every_kind(link, code, kind):
    program = link(compile_c(MAIN, code), kind, "-Wl,--image-base=0x5000000")

    assert program.run() == "text\n"
    assert program.segments_of(PT_LOAD)[0].address == 0x5000000
    assert program.segments_of(PT_PHDR)[0].address == 0x5000040


@pytest.mark.only_wild
@pytest.mark.parametrize("option", ["--image-base", "-Ttext-segment"])
def test_image_base_inside_a_page_is_refused(link, option):
    text = link.fails(assemble(START + DATA), f"{option}=0x400010", driver="raw")

    assert "0x400010: must be a multiple of the page size 0x1000" in text


@pytest.mark.unlike("ld", reason="provides it only where it is used")
def test_symbol_of_the_headers_is_where_they_are(link):
    start = ".globl _start\n_start: lea __ehdr_start(%rip), %rax\n mov (%rax), %edi\n and $0x7f, %edi\n"
    code = start + " mov $60, %eax\n syscall\n"

    for options in ([], ["-Ttext=0x10000000"], ["-N"]):
        link.raw(assemble(code), *options, output="program").run(status=0x7F)


# --- pages, stack, names


def test_relro_ends_on_a_common_page(link):
    """With pages of up to 64 KiB, what is read-only still ends where pages usually end."""
    program = link(
        compile_c(MAIN, "-fpie"), "-pie", "-Wl,-z,max-page-size=0x10000,-z,common-page-size=0x1000"
    )

    assert program.run() == "text\n"
    (relro,) = program.segments_of(PT_GNU_RELRO)
    assert relro.size < 0x10000


@pytest.mark.unlike("lld", reason="counts pages of 64 KiB")
def test_common_page_size_is_the_unit_of_relro(link):
    sizes = "-Wl,-z,max-page-size=0x10000,-z,common-page-size=0x4000"

    program = link(compile_c(MAIN, "-fpie"), "-pie", sizes)

    assert program.run() == "text\n"


@pytest.mark.unlike("ld", reason="2.40 does not know it")
def test_no_stack_segment_when_asked(link):
    program = link.raw(assemble(START + DATA), "-z", "nognustack")

    program.run(status=42)
    assert not program.segments_of(PT_GNU_STACK)


@pytest.mark.parametrize("size", ["0x100000", "8388608"])
def test_stack_size(link, size):
    program = link.raw(assemble(START + DATA), "-z", f"stack-size={size}")

    program.run(status=42)
    assert program.segments_of(PT_GNU_STACK)[0].size == int(size, 0)


PREFIXES = [".text.unlikely", ".text.exit", ".text.startup", ".text.hot", ".text.unknown", ".text.split"]
PARTS = ".globl _start\n_start:" + exit_with("$42") + "".join(
    f'.section {prefix}.f,"ax"\n.globl f{number}\nf{number}: ret\n' for number, prefix in enumerate(PREFIXES)
)  # fmt: skip


@pytest.mark.unlike("ld", reason="2.40 does not know it")
def test_text_prefixes_are_kept(link):
    program = link.raw(assemble(PARTS), "-z", "keep-text-section-prefix")

    program.run(status=42)
    assert {".text", *PREFIXES} <= program.sections.keys()
    assert [program.symbols[f"f{n}"].section for n in range(len(PREFIXES))] == PREFIXES


def test_text_prefixes_are_not_kept_unasked(link):
    program = link.raw(assemble(PARTS))

    program.run(status=42)
    assert not set(PREFIXES) & program.sections.keys()
    assert {program.symbols[f"f{n}"].section for n in range(len(PREFIXES))} == {".text"}


PT_NULL, PT_OPENBSD_WXNEEDED, PT_OPENBSD_NOBTCFI = 0, 0x65A3DBE7, 0x65A3DBE8


@pytest.mark.only_wild
@pytest.mark.parametrize("mode", ["-pie", "-no-pie", "-static"])
def test_program_headers_can_be_kept_free_at_the_end(link, mode):
    program = link(compile_c("int main(void) { return 42; }"), mode, "-Wl,--spare-program-headers=3")

    program.run(status=42)
    assert [each.type for each in program.segments[-3:]] == [PT_NULL] * 3
    assert sum(each.type == PT_NULL for each in program.segments) == 3


@pytest.mark.only_wild
def test_a_section_can_be_aligned(link):
    source = compile_c("int data = 42; int main(void) { return data; }")

    program = link(source, "-Wl,--section-align=.data=0x10000,--section-align=.none=64")

    program.run(status=42)
    assert program.sections[".data"].alignment == 0x10000
    assert program.sections[".data"].address % 0x10000 == 0


@pytest.mark.only_wild
@pytest.mark.parametrize(
    ("option", "message"),
    [
        ("--section-align=.data", "must be NAME=SIZE"),
        ("--section-align=.data=3", "the size must be a power of two below 2^32"),
        ("--spare-program-headers=100", "at most 32"),
    ],
)
def test_bad_alignments_and_counts_are_errors(link, option, message):
    assert f"{option}: {message}" in link.fails(option, driver="raw")


@pytest.mark.parametrize(
    ("keyword", "type"), [("wxneeded", PT_OPENBSD_WXNEEDED), ("nobtcfi", PT_OPENBSD_NOBTCFI)]
)
def test_programs_can_be_marked_for_openbsd(link, keyword, type):
    if kind_of(linker_under_test()) in ("ld", "mold"):
        pytest.skip("knows no such keyword")
    program = link(compile_c("int main(void) { return 42; }"), f"-Wl,-z,{keyword}")

    program.run(status=42)
    assert [each.flags for each in program.segments if each.type == type] == [PF_X]
