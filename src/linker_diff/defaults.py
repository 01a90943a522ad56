"""Differences from GNU ld and lld that wild has on purpose: glob of keys -> the reason.

Only what is right in either way belongs here. Anything that one reference shares with wild needs no entry when that
reference is given too; those marked (ld) or (lld) matter where the other one is missing.
"""

from __future__ import annotations

DEFAULTS: dict[str, str] = {
    # Choices that the psABI leaves to the linker.
    "relax.got": "a load from the GOT may become a lea, a mov of an immediate, or stay",
    "relax.plt": "a call of something that is bound now needs no PLT entry; one through the PLT is right too",
    "relax.tls": "any TLS model that the output allows is right",
    "relax.pointer": "a pointer to something that is bound now needs no symbolic relocation",
    # How tables are cut into sections.
    "section.plt*.missing": "wild makes only the PLT sections that it has entries for, with one form of entry",
    "section.plt*.extra": "see above",
    "section.iplt*.*": "entries of ifuncs are part of .plt",
    "section.got*.missing": "an empty .got.plt, or a .got that only has reserved words, is left out",
    "section.got*.extra": "see above",
    "section.rela.plt.*": "with -z now GLOB_DAT can do what JUMP_SLOT does",
    "section.rela.dyn.*": "see above; and in static outputs ifuncs have them in .rela.plt or here",
    "section.rela.iplt.*": "see above",
    "section.relro_padding.*": "(lld) fills the last page that is read-only after relocation; wild aligns instead",
    "section.got*.entsize": "8 or, in static outputs of others, 0; nobody counts by it",
    "section.plt*.entsize": "16 or, in static outputs of others, 0; nobody counts by it",
    # Linkers align tables of their own making more or less; the alignment of inputs is kept.
    "section.got*.alignment": "a table of the linker's own making",
    "section.plt*.alignment": "a table of the linker's own making",
    "section.iplt.alignment": "a table of the linker's own making",
    "section.eh_frame*.alignment": "a table of the linker's own making",
    "section.dynamic.alignment": "a table of the linker's own making",
    "section.dynsym.alignment": "a table of the linker's own making",
    "section.rela.*.alignment": "a table of the linker's own making",
    "section.gnu.hash.alignment": "a table of the linker's own making",
    "section.hash.alignment": "a table of the linker's own making",
    "section.init_array.alignment": "a table of the linker's own making",
    "section.fini_array.alignment": "a table of the linker's own making",
    "section.note.gnu.property.*": "(lld) writes it only if it says something that lld knows",
    "segment.GNU_PROPERTY": "see above",
    "note.GNU.PROPERTY": "see above",
    "section.eh_frame.type": "PROGBITS or X86_64_UNWIND; the psABI allows both",
    "section.gnu.version*.alignment": "(lld) 4 instead of 8 bytes",
    "version.weak.*": "a version that only weak references need is marked as such; other linkers mark none",
    # Symbols.
    "symbol.missing.*_edata": "(ld) defines it always; wild, like lld, only if something refers to it",
    "symbol.missing.edata": "see above",
    "symbol.missing._end": "see above",
    "symbol.missing.end": "see above",
    "symbol.missing.*etext": "see above",
    "symbol.missing.__bss_start": "see above",
    "symbol.missing.__*_array_*": "see above",
    "dynsym.missing._edata": "(ld) exports these three from programs too",
    "dynsym.missing._end": "see above",
    "dynsym.missing.__bss_start": "see above",
    "dynsym.missing._ITM_*": "(lld) keeps undefined weak symbols that nothing can bind",
    "dynsym.missing.__gmon_start__": "see above",
    "dynsym.missing.__tls_get_addr": "nothing calls it once all TLS accesses are relaxed",
    "dynsym.extra._environ": "all names of a copied variable are exported, so that they stay one variable",
    "version.needed.ld-linux-x86-64.so.2.GLIBC_2.3": "see __tls_get_addr",
    ".dynamic.DT_NEEDED.ld-linux-x86-64.so.2": "see __tls_get_addr",
    "symbol.local.*": "names of local symbols that linkers define, or that stand in sections they rewrite",
    # Order.
    "order.*": "members of archives are loaded in another order",
    ".dynamic.DT_RELACOUNT": "only a hint for the loader",
}
