"""The layout without a script, as a script: the base of scripts that add to it.

It places what wild.output_sections places, in that order, with the segments that belong to it.
"""

from __future__ import annotations

from wild.script import parse_script

TYPE_CHECKING = False
if TYPE_CHECKING:
    from wild.options import Options
    from wild.scripted.tree import LayoutScript

NAME = "the linker's own script"
EXECUTABLE_BASE = 0x400000
TEXT = """
SECTIONS
{
  PROVIDE(__executable_start = SEGMENT_START("text-segment", BASE));
  . = SEGMENT_START("text-segment", BASE) + SIZEOF_HEADERS;
  .interp : { *(.interp) }
  .note.gnu.property : { *(.note.gnu.property) }
  .note.gnu.build-id : { *(.note.gnu.build-id) }
  .note.package : { *(.note.package) }
  .note.ABI-tag : { *(.note.ABI-tag) }
  .hash : { *(.hash) }
  .gnu.hash : { *(.gnu.hash) }
  .dynsym : { *(.dynsym) }
  .dynstr : { *(.dynstr) }
  .gnu.version : { *(.gnu.version) }
  .gnu.version_d : { *(.gnu.version_d) }
  .gnu.version_r : { *(.gnu.version_r) }
  .rela.dyn : { *(.rela.dyn) }
  .rela.plt : {
    *(.rela.plt)
    PROVIDE_HIDDEN(__rela_iplt_start = .);
    *(.rela.iplt)
    PROVIDE_HIDDEN(__rela_iplt_end = .);
  }
  .relr.dyn : { *(.relr.dyn) }
  . = SEGMENT_START("rodata-segment", .);
  .rodata : { *(.rodata .rodata.* .gnu.linkonce.r.*) }
  .eh_frame_hdr : { *(.eh_frame_hdr) }
  .eh_frame : ONLY_IF_RO { KEEP(*(.eh_frame)) }
  .gcc_except_table : ONLY_IF_RO { *(.gcc_except_table .gcc_except_table.*) }
  CODE_PAGE
  .init : { KEEP(*(SORT_NONE(.init))) }
  .plt : { *(.plt) *(.iplt) }
  .plt.got : { *(.plt.got) }
  .plt.sec : { *(.plt.sec) }
  .text : {
    *(.text.unlikely .text.*_unlikely .text.unlikely.*)
    *(.text.exit .text.exit.*)
    *(.text.startup .text.startup.*)
    *(.text.hot .text.hot.*)
    *(SORT(.text.sorted.*))
    *(.text .text.* .gnu.linkonce.t.*)
  }
  .fini : { KEEP(*(SORT_NONE(.fini))) }
  PROVIDE(__etext = .);
  PROVIDE(_etext = .);
  PROVIDE(etext = .);
  . = DATA_SEGMENT_ALIGN(CONSTANT(MAXPAGESIZE), CONSTANT(COMMONPAGESIZE));
  .eh_frame : ONLY_IF_RW { KEEP(*(.eh_frame)) }
  .gcc_except_table : ONLY_IF_RW { *(.gcc_except_table .gcc_except_table.*) }
  .tdata : { *(.tdata .tdata.* .gnu.linkonce.td.*) }
  .tbss : { *(.tbss .tbss.* .gnu.linkonce.tb.*) *(.tcommon) }
  .preinit_array : {
    PROVIDE_HIDDEN(__preinit_array_start = .);
    KEEP(*(.preinit_array))
    PROVIDE_HIDDEN(__preinit_array_end = .);
  }
  .init_array : {
    PROVIDE_HIDDEN(__init_array_start = .);
    KEEP(*(SORT_BY_INIT_PRIORITY(.init_array.*) SORT_BY_INIT_PRIORITY(.ctors.*)))
    KEEP(*(.init_array EXCLUDE_FILE(*crtbegin.o *crtbegin?.o *crtend.o *crtend?.o) .ctors))
    PROVIDE_HIDDEN(__init_array_end = .);
  }
  .fini_array : {
    PROVIDE_HIDDEN(__fini_array_start = .);
    KEEP(*(SORT_BY_INIT_PRIORITY(.fini_array.*) SORT_BY_INIT_PRIORITY(.dtors.*)))
    KEEP(*(.fini_array EXCLUDE_FILE(*crtbegin.o *crtbegin?.o *crtend.o *crtend?.o) .dtors))
    PROVIDE_HIDDEN(__fini_array_end = .);
  }
  .data.rel.ro : { *(.data.rel.ro.local* .gnu.linkonce.d.rel.ro.local.*) *(.data.rel.ro .data.rel.ro.*) }
  .dynamic : { *(.dynamic) }
  .got : { *(.got) *(.igot) }
  . = DATA_SEGMENT_RELRO_END(RELRO_SIZE, .);
  .got.plt : { *(.got.plt) *(.igot.plt) }
  .data : { *(.data .data.* .gnu.linkonce.d.*) }
  .tm_clone_table : { *(.tm_clone_table) }
  PROVIDE(_edata = .);
  PROVIDE(edata = .);
  PROVIDE(__bss_start = .);
  .bss : { *(.dynbss) *(.bss .bss.* .gnu.linkonce.b.*) *(COMMON) }
  . = ALIGN(8);
  . = SEGMENT_START("ldata-segment", .);
  .lbss : { *(.dynlbss) *(.lbss .lbss.* .gnu.linkonce.lb.*) *(LARGE_COMMON) }
  .lrodata ALIGN(CONSTANT(MAXPAGESIZE)) + (. & (CONSTANT(MAXPAGESIZE) - 1)) : {
    *(.lrodata .lrodata.* .gnu.linkonce.lr.*)
  }
  .ldata ALIGN(CONSTANT(MAXPAGESIZE)) + (. & (CONSTANT(MAXPAGESIZE) - 1)) : {
    *(.ldata .ldata.* .gnu.linkonce.l.*)
  }
  PROVIDE(_end = .);
  PROVIDE(end = .);
  . = DATA_SEGMENT_END(.);
  .comment 0 (INFO) : { *(.comment) }
  DEBUG
}
"""
DEBUG = (
    "aranges pubnames pubtypes info abbrev line line_str frame str str_offsets loc loclists ranges rnglists addr macro"
    " macinfo types names weaknames funcnames typenames varnames cu_index tu_index sup gnu_pubnames gnu_pubtypes"
).split()


def own_script(options: Options) -> LayoutScript:
    """The script for a kind of output."""
    text = TEXT.replace("BASE", hex(0 if options.kind in ("pie", "shared") else EXECUTABLE_BASE))
    page = "ALIGN(CONSTANT(MAXPAGESIZE))" if options.z_separate_code else "."
    text = text.replace("CODE_PAGE", f". = {page};")
    text = text.replace("RELRO_SIZE", "SIZEOF(.got.plt) >= 24 ? 24 : 0" if not options.z_now else "0")
    text = text.replace("DEBUG", "\n".join(f"  .debug_{name} 0 : {{ *(.debug_{name}) }}" for name in DEBUG))
    layout = parse_script(text, NAME).layout
    assert layout is not None
    return layout
