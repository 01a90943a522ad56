"""Scripts of the kinds that people have: what they make is what GNU ld makes of them, byte for byte."""

from __future__ import annotations

from pathlib import Path

import pytest
from elf import SHF_ALLOC, SHF_WRITE
from linking import Output
from programs import archive, assemble, compile_c, exit_with, tool, write
from scripts import by, by_ld, same_as_ld, values, with_script

pytestmark = pytest.mark.only_wild

PT_LOAD, SHT_NOBITS, SHF_EXECINSTR = 1, 8, 4
LAYOUTS = Path(__file__).parent / "layouts"
FLAGS = (
    "-O1", "-ffreestanding", "-fno-pic", "-mno-red-zone", "-fno-stack-protector", "-fno-asynchronous-unwind-tables",
    "-fcf-protection=none", "-fcommon",
)  # fmt: skip
BY_SECTION = ("-ffunction-sections", "-fdata-sections")
SCRIPTS = {
    "microcontroller": ("-mcmodel=large", *BY_SECTION),
    "kernel": ("-mcmodel=kernel", "-fno-common"),
    "bootloader": ("-mcmodel=large", *BY_SECTION),
}
# .comment names the linker; the others have no address, and linkers may put what they like into them.
LINKERS_OWN = (".comment", ".symtab", ".strtab", ".shstrtab", "")
# What differs, and why that is no matter.
DIFFERENT = {
    "microcontroller": {
        ("symbol", "__exidx_start"), ("symbol", "__exidx_end"),  # in a section that is left out: ld names the next one
        ("symbol", "_estack"),  # a number, to which ld gives the first section
    },
    "kernel": {
        # With --gc-sections, what nothing refers to: ld leaves the offset in the section that is gone.
        ("symbol", "init_per_cpu__gdt"), ("symbol", "const_pcpu_hot"),
        ("section", ".data..percpu"), ("contents", ".data..percpu"), ("segment", 2),  # empty then
        ("symbol", "phys_startup_64"),  # of the type of the symbol in its expression
        ("symbol", "__init_begin"),  # between two sections: ld names the next one
    },
    "bootloader": set(),
}  # fmt: skip


def described(output: Output) -> dict[tuple[str, object], object]:
    """All that is loaded, and the symbols."""
    found: dict[tuple[str, object], object] = {}
    sections = [each for each in output.section_list if each.name not in LINKERS_OWN]
    found["order", ""] = [each.name for each in sections]
    for each in sections:
        found["section", each.name] = each._replace(offset=0, index=0, name="", link=0)
        if each.type != SHT_NOBITS and not each.flags & SHF_EXECINSTR:
            found["contents", each.name] = output.contents(each.name)
    for number, segment in enumerate(output.segments):
        found["segment", number] = segment._replace(offset=0)
    for symbol in output.symbol_list:
        if symbol.name and symbol.type != "FILE":
            found["symbol", symbol.name] = symbol
        if symbol.type == "FUNC" and symbol.section != "ABS":  # between functions, GNU ld has long NOPs
            found["code", symbol.name] = output.read(symbol.value, symbol.size)
    found["entry", ""] = int.from_bytes(output.data[24:32], "little")
    return found


@pytest.mark.parametrize("flags", [(), ("--gc-sections",)], ids=["all", "gc"])
@pytest.mark.parametrize("name", SCRIPTS)
def test_the_output_is_that_of_gnu_ld(link, name, flags):
    tool("ld")
    objects = [
        compile_c((LAYOUTS / f"{name}_{part}.c").read_text(), *FLAGS, *SCRIPTS[name], name=f"{name}_{part}")
        for part in (1, 2)
    ]
    text = (LAYOUTS / f"{name}.ld").read_text()

    theirs = described(by("ld", link, text, *objects, *flags))
    ours = described(by(None, link, text, *objects, *flags))

    different = {key for key in theirs.keys() | ours.keys() if theirs.get(key) != ours.get(key)}
    assert {key: (theirs.get(key), ours.get(key)) for key in different - DIFFERENT[name]} == {}
    assert different <= DIFFERENT[name]


def test_symbols_of_discarded_sections_are_gone(link):
    """GNU ld leaves no undefined symbol behind for what nothing refers to."""
    source = (
        '.globl _start, lost, weak\n.weak weak\n_start: call weak\n.section .lost,"a"\nlost: weak: .quad 1\n'
    )

    program = same_as_ld(link, "SECTIONS { . = 0x10000; .text : { *(.text) } /DISCARD/ : { *(.lost) } }",
                         assemble(source.replace("call weak", "nop")))  # fmt: skip

    assert "lost" not in program.symbols


def test_a_reference_to_a_discarded_section_is_an_error(link):
    source = '.globl _start, lost\n_start: call lost\n.section .lost,"ax"\nlost: ret\n'
    path = write(link.directory / "x.ld", "SECTIONS { .text : { *(.text) } /DISCARD/ : { *(.lost) } }")

    assert "lost" in link.fails(assemble(source), "-T", path, driver="raw")


@pytest.mark.parametrize("scripted", [True, False])
def test_links_to_other_sections_stay(link, scripted):
    source = ".globl _start\n_start:" + exit_with("$42") + '.section .meta,"ao",@progbits,.text\n.long 5\n'
    args = [assemble(source)]
    if scripted:
        args += [
            "-T",
            write(
                link.directory / "x.ld", "SECTIONS { . = 0x10000; .text : { *(.text) } .m : { *(.meta) } }"
            ),
        ]

    program = link.raw(*args)

    meta = program.sections[".m" if scripted else ".meta"]
    assert meta.flags == 0x82
    assert program.section_name(meta.link) == ".text"


def test_sections_of_which_only_some_are_linked_to_others(link):
    linked = assemble(
        '.globl _start\n_start: nop\n.section .meta,"ao",@progbits,.text\n.long 5\n', name="one"
    )
    plain = assemble('.section .meta,"a"\n.long 6\n', name="two")

    assert link.raw(linked, plain).sections[".meta"].flags == 2


def test_a_file_that_only_the_script_names(link):
    start = assemble(".globl _start\n_start:" + exit_with("$42"), name="start")
    (link.directory / "start.o").write_bytes(start.read_bytes())
    other = assemble(".globl f\nf: ret\n", name="f")
    text = "SECTIONS { . = 0x10000; .text : { start.o(.text) *(.text) } }"

    program = same_as_ld(link, text, other)

    assert {"_start", "f"} <= values(program).keys()


def test_a_file_that_the_script_names_and_nobody_has(link):
    path = write(link.directory / "x.ld", "SECTIONS { .text : { nowhere.o(.text) *(.text) } }")

    assert "x.ld:1:12: cannot find nowhere.o" in link.fails(
        assemble(".globl _start\n_start: ret\n"), "-T", path, driver="raw"
    )


@pytest.mark.parametrize(
    "statement", ["*(.rela.data*) *(.rela.got)", "*(.rela.dyn)", "*(.rela.*)", "*(.rela.bss .rela.got)"]
)
def test_dynamic_relocations_by_each_of_their_names(link, statement):
    """The scripts of EFI programs, whose start code applies them, have the names that GNU ld sorts them by."""
    start = assemble(
        ".globl _start\n_start: mov g@GOTPCREL(%rip), %rax\n ret\n"
        ".data\n.globl g\n.hidden g\ng: .quad g\n.quad _start\n"
    )
    text = (
        "SECTIONS { . = 0x1000; .text : { *(.text) } . = ALIGN(4096); .data : { *(.got) *(.data) } . = ALIGN(4096);"
        " .dynamic : { *(.dynamic) } . = ALIGN(4096); .rela : { %s } . = ALIGN(4096); .dynsym : { *(.dynsym) } }"
    )

    program = with_script(link, text % statement, start, "-shared", "-Bsymbolic")

    assert ".rela.dyn" not in program.sections
    assert program.sections[".rela"].address % 4096 == 0
    assert program.tag("RELA") == [program.sections[".rela"].address]


@pytest.mark.parametrize(
    "start",
    [
        "0x60000000 + SIZEOF_HEADERS; . = ALIGN(4096)",
        "0x60000000 + SIZEOF_HEADERS",
        "0x60001100",
        "SIZEOF_HEADERS; . = 0x60000800",
        "SIZEOF_HEADERS; . = 0x60000020",
        "SIZEOF_HEADERS + 1; . = ALIGN(0x10000)",
    ],
)
def test_headers_are_loaded_where_a_script_leaves_room_for_them(link, start):
    """User-mode Linux asks for their size, then goes on to the next page; libc's start code reads them."""
    text = f"SECTIONS {{ . = {start}; .text : {{ *(.text) }} .data : {{ *(.data) }} }}"
    source = assemble(
        ".globl _start\n_start: ret\n.data\n.hidden __ehdr_start\n.globl to_file\nto_file: .quad __ehdr_start\n"
    )

    ours, theirs = by(None, link, text, source), by_ld(link, text, source)

    at = ours.symbols["to_file"].value
    assert at == theirs.symbols["to_file"].value
    assert ours.word(at) == theirs.word(at) == ours.segments_of(PT_LOAD)[0].address
    assert ours.read(ours.word(at), 4) == b"\x7fELF"


def test_an_empty_section_without_contents_does_not_begin_a_segment(link):
    """User-mode Linux has one for variables of each processor, and a table of functions at the same address."""
    source = assemble(
        '.globl _start\n_start: ret\n.data\n.quad 1\n.section .calls,"aw"\n.quad 2\n.section .more,"aw"\n.quad 3\n'
    )
    text = (
        "SECTIONS { . = 0x10000; .text : { *(.text) } . = ALIGN(4096); .data : { *(.data) } . = ALIGN(4096);"
        " .percpu : { per_cpu_load = .; *(.percpu) . = ALIGN(64); per_cpu_end = .; }"
        " .calls : { *(.calls) } .more : { *(.more) } }"
    )

    program = with_script(link, text, source)

    assert len(program.segments_of(PT_LOAD)) == 2
    assert program.read(program.sections[".calls"].address, 16) == bytes([2, *bytes(7), 3, *bytes(7)])


def test_assertions_behind_the_sections(link):
    """As the Linux kernel writes them."""
    start = assemble(
        ".globl _start\n_start: ret\n.data\n.globl alias_of\n.type alias_of,@object\nalias_of: .quad 1\n"
    )
    text = (
        "alias = alias_of; SECTIONS { . = 0x10000; .text : { *(.text) } .data : { *(.data) } _end = .; } "
        '. = ASSERT(_end - 0x10000 < SIZE, "too large");'
    )

    program = same_as_ld(link, text.replace("SIZE", "0x1000"), start)
    assert program.symbols["alias"].type == "OBJECT"
    assert program.symbols["_end"].section == ".data"
    path = write(link.directory / "x.ld", text.replace("SIZE", "1"))
    assert "assertion failed: too large" in link.fails(start, "-T", path, driver="raw")


def test_merged_strings_stand_behind_sorted_sections(link):
    source = '.globl _start\n_start: nop\n.section .rodata.s,"aMS",@progbits,1\n.asciz "text"\n.section .rodata.b,"a"\n'
    source += '.globl b\nb: .long 1\n.section .rodata.a,"a"\n.globl a\na: .quad 2\n'

    program = same_as_ld(
        link,
        "SECTIONS { . = 0x10000; .text : { *(.text) } .rodata : { *(SORT(.rodata*)) } }",
        assemble(source),
    )

    assert values(program)["a"] < values(program)["b"]


@pytest.mark.parametrize(
    ("statements", "flags"),
    [
        ("LONG(1)", SHF_ALLOC),
        ("*(.nosuch) QUAD(. - ADDR(.text)) . = ALIGN(8);", SHF_ALLOC),
        ("a = .; LONG(5)", SHF_ALLOC | SHF_WRITE),
        ("FILL(1) LONG(5)", SHF_ALLOC | SHF_WRITE),
        (". += 4; LONG(5)", SHF_ALLOC | SHF_WRITE),
    ],
)
def test_the_first_statement_says_whether_a_section_without_inputs_is_writable(link, statements, flags):
    text = f"SECTIONS {{ . = 0x10000; .text : {{ *(.text) }} .d : {{ {statements} }} }}"

    program = with_script(link, text, assemble(".globl _start\n_start: ret\n"))

    assert program.sections[".d"].flags == flags


def test_a_common_symbol_in_an_expression(link):
    main = compile_c("int first[3], second; extern char there[]; void _start(void) { second = there[0]; }",
                     "-fcommon", "-ffreestanding", "-fno-pic", "-fcf-protection=none")  # fmt: skip
    text = "there = second + 1; SECTIONS { . = 0x10000; .text : { *(.text) } .bss : { *(.bss) *(COMMON) } }"

    program = with_script(link, text, main)

    assert program.symbols["there"].value == program.symbols["second"].value + 1


def test_garbage_collection_keeps_what_an_alias_stands_for(link):
    source = (
        ".globl _start\n_start: mov two(%rip), %edi\nmov $60, %eax\nsyscall\n"
        '.section .data.b,"aw"\n.globl b\nb: .long 7\n.section .data.unused,"aw"\n.globl u\nu: .long 8\n'
        '.section .data.c,"aw"\n.globl c\nc: .long 42\n'
    )
    text = (
        "two = one; one = c; other = u; SECTIONS { . = 0x10000; .text : { *(.text) } .data : { *(.data*) } }"
    )

    program = with_script(link, text, assemble(source), "--gc-sections")

    program.run(status=42)
    assert "c" in program.symbols
    assert not {"b", "u"} & program.symbols.keys()


def test_common_symbols_of_some_files(link):
    objects = [
        compile_c(f"int {name}[3]; int use_{name}(void) {{ return {name}[1]; }}", *FLAGS, name=name)
        for name in ("alpha", "beta", "gamma", "delta")
    ]
    start = assemble(".globl _start\n_start: call use_alpha\ncall use_beta\ncall use_gamma\ncall use_delta\n")
    text = """
        SECTIONS {
          . = 0x10000; .text : { *(.text) }
          .fast 0x20000 : { *beta.o(COMMON) fast_end = .; }
          .lib 0x30000 : { *libgamma.a:(.bss COMMON) }
          .most 0x40000 : { *(EXCLUDE_FILE(*delta.o) COMMON) }
          .bss 0x50000 : { *(.bss) *(COMMON) }
        }
    """

    program = same_as_ld(link, text.replace("*(EXCLUDE_FILE(*delta.o) COMMON)", "EXCLUDE_FILE(*delta.o) *(COMMON)"),
                         start, objects[0], objects[1], archive([objects[2]], "libgamma.a"), objects[3])  # fmt: skip

    found = {name: program.symbols[name].section for name in ("alpha", "beta", "gamma", "delta")}
    assert found == {"alpha": ".most", "beta": ".fast", "gamma": ".lib", "delta": ".bss"}
    assert program.symbols["fast_end"].value == program.symbols["beta"].value + 12


@pytest.mark.only_wild
@pytest.mark.parametrize(
    ("pattern", "order"),
    [
        ("REVERSE(.m.*)", "24 21 03 01 02"),
        ("REVERSE(SORT(.m.*))", "24 03 02 21 01"),
        ("SORT(REVERSE(.m.*))", "21 01 02 03 24"),
        ("REVERSE(SORT_BY_INIT_PRIORITY(.m.*))", "24 03 02 21 01"),
        ("SORT_BY_ALIGNMENT(REVERSE(.m.*))", "24 21 03 01 02"),
    ],
)
def test_an_order_can_be_reversed(link, pattern, order):
    """The orders are those of lld 22; GNU ld has REVERSE since 2.43."""
    one = assemble(
        ".globl _start\n_start: ret\n"
        + "".join(f'.section .m.{n},"a"\n.byte {n}\n' for n in (2, 1, 3)), name="one"
    )  # fmt: skip
    two = assemble("".join(f'.section .m.{n},"a"\n.byte {0x20 + n}\n' for n in (1, 4)), name="two")
    text = f"SECTIONS {{ .text : {{ *(.text) }} .m : {{ *({pattern}) }} }}"

    program = with_script(link, text, one, two)

    assert program.contents(".m").hex(" ") == order
