"""The dynamic section: what the loader has to know (gABI "Dynamic Section", and its GNU extensions).

`DynamicSection.entries` is evaluated twice with the same answers: for the size before the layout, with addresses after
it.  An entry whose value is a section's address is a pair (tag, name of the section).
"""

from __future__ import annotations

from wild import elf

TYPE_CHECKING = False
if TYPE_CHECKING:
    from wild.kernels.dynsyms import DynamicSymbols
    from wild.options import Options
    from wild.output_sections import OutputSection

ENTRY_SIZE = 16
ANDROID_RELR = elf.DT_ANDROID_RELR, elf.DT_ANDROID_RELRSZ, elf.DT_ANDROID_RELRENT


class DynamicSection:
    """The entries, in GNU ld's order."""

    def __init__(self, options: Options, symbols: DynamicSymbols, needed: list[bytes]) -> None:
        self.options = options
        self.symbols = symbols
        self.strings: list[tuple[int, int]] = []
        self.add_strings(needed)
        self.relative_count = 0
        self.textrel = False
        self.static_tls = False
        self.init: int | None = None
        self.fini: int | None = None
        self.spare = options.spare_dynamic_tags

    def add_strings(self, needed: list[bytes]) -> None:
        """Entries whose values are strings; they must be known before .dynstr has its size."""
        options = self.options
        for soname in needed:
            self.strings.append((elf.DT_NEEDED, self.symbols.add_string(soname)))
        if options.soname:
            self.add_text(elf.DT_SONAME, options.soname)
        if options.rpath:
            self.add_text(elf.DT_RUNPATH if options.new_dtags else elf.DT_RPATH, options.rpath)
        for tag, texts in (
            (elf.DT_FILTER, options.filter),
            (elf.DT_AUXILIARY, options.auxiliary),
            (elf.DT_AUDIT, [":".join(options.audit)] if options.audit else []),
            (elf.DT_DEPAUDIT, [":".join(options.depaudit)] if options.depaudit else []),
        ):
            for text in texts:
                self.add_text(tag, text)

    def add_text(self, tag: int, text: str) -> None:
        self.strings.append((tag, self.symbols.add_string(text.encode("utf-8", "surrogateescape"))))

    def entries(self, sections: dict[str, OutputSection]) -> list[tuple[int, int]]:
        """(tag, value) of every entry; values are final once the sections have their addresses."""
        found = list(self.strings)
        if is_symbolic(self.options):
            found.append((elf.DT_SYMBOLIC, 0))
        if self.init is not None:
            found.append((elf.DT_INIT, self.init))
        if self.fini is not None:
            found.append((elf.DT_FINI, self.fini))
        for name, start, size in (
            (".preinit_array", elf.DT_PREINIT_ARRAY, elf.DT_PREINIT_ARRAYSZ),
            (".init_array", elf.DT_INIT_ARRAY, elf.DT_INIT_ARRAYSZ),
            (".fini_array", elf.DT_FINI_ARRAY, elf.DT_FINI_ARRAYSZ),
        ):
            if name in sections and sections[name].size:
                found += [(start, sections[name].address), (size, sections[name].size)]
        for name, tag in ((".hash", elf.DT_HASH), (".gnu.hash", elf.DT_GNU_HASH), (".dynstr", elf.DT_STRTAB),
                          (".dynsym", elf.DT_SYMTAB)):  # fmt: skip
            if name in sections:
                found.append((tag, sections[name].address))
        found += [(elf.DT_STRSZ, sections[".dynstr"].size), (elf.DT_SYMENT, 24)]
        if self.options.kind != "shared" and not self.options.z_rodynamic:
            found.append((elf.DT_DEBUG, 0))  # the loader writes there
        found += self.relocation_entries(sections)
        found += self.flag_entries()
        found += self.version_entries(sections)
        return found + [(elf.DT_NULL, 0)] * (1 + self.spare)

    def relocation_entries(self, sections: dict[str, OutputSection]) -> list[tuple[int, int]]:
        """Where the dynamic relocations are."""
        found = []
        if ".got.plt" in sections:
            found.append((elf.DT_PLTGOT, sections[".got.plt"].address))
        if ".rela.plt" in sections:
            plt = sections[".rela.plt"]
            found += [(elf.DT_PLTRELSZ, plt.size), (elf.DT_PLTREL, elf.DT_RELA), (elf.DT_JMPREL, plt.address)]
        if ".rela.dyn" in sections:
            rela = sections[".rela.dyn"]
            packed = rela.type == elf.SHT_ANDROID_RELA
            start, size = (
                (elf.DT_ANDROID_RELA, elf.DT_ANDROID_RELASZ) if packed else (elf.DT_RELA, elf.DT_RELASZ)
            )
            found += [(start, rela.address), (size, rela.size), (elf.DT_RELAENT, 24)]
            if self.relative_count and self.options.z_combreloc and not packed:
                found.append((elf.DT_RELACOUNT, self.relative_count))
        if ".relr.dyn" in sections:
            relr = sections[".relr.dyn"]
            tags = (
                ANDROID_RELR
                if self.options.use_android_relr_tags
                else (elf.DT_RELR, elf.DT_RELRSZ, elf.DT_RELRENT)
            )
            found += zip(tags, (relr.address, relr.size, 8), strict=True)
        return found

    def flag_entries(self) -> list[tuple[int, int]]:
        """DT_FLAGS, DT_FLAGS_1, and the older tags that mean the same."""
        options = self.options
        flags = elf.DF_ORIGIN if options.z_origin else 0
        flags |= elf.DF_SYMBOLIC if is_symbolic(options) else 0
        flags |= elf.DF_TEXTREL if self.textrel else 0
        flags |= elf.DF_BIND_NOW if options.z_now else 0
        flags |= elf.DF_STATIC_TLS if self.static_tls else 0
        flags_1 = 0
        for wanted, bit in (
            (options.z_now, elf.DF_1_NOW),
            (options.z_global, elf.DF_1_GLOBAL),
            (options.z_nodelete, elf.DF_1_NODELETE),
            (options.z_loadfltr, elf.DF_1_LOADFLTR),
            (options.z_initfirst, elf.DF_1_INITFIRST),
            (options.z_nodlopen, elf.DF_1_NOOPEN),
            (options.z_origin, elf.DF_1_ORIGIN),
            (options.z_interpose, elf.DF_1_INTERPOSE),
            (options.z_nodefaultlib, elf.DF_1_NODEFLIB),
            (options.z_nodump, elf.DF_1_NODUMP),
            (options.group, elf.DF_1_GROUP),
            (options.z_globalaudit, elf.DF_1_GLOBAUDIT),
            (options.kind == "pie", elf.DF_1_PIE),
        ):
            flags_1 |= bit if wanted else 0
        found = [(elf.DT_TEXTREL, 0)] if self.textrel else []
        found += [(elf.DT_FLAGS, flags)] if flags else []
        found += [(elf.DT_GNU_FLAGS_1, elf.DF_GNU_1_UNIQUE)] if options.z_unique else []
        return found + ([(elf.DT_FLAGS_1, flags_1)] if flags_1 else [])

    def version_entries(self, sections: dict[str, OutputSection]) -> list[tuple[int, int]]:
        """Where the versions of the dynamic symbols are."""
        found = []
        if ".gnu.version_d" in sections:
            found.append((elf.DT_VERDEF, sections[".gnu.version_d"].address))
            found.append((elf.DT_VERDEFNUM, self.symbols.defined_versions))
        if ".gnu.version_r" in sections:
            found.append((elf.DT_VERNEED, sections[".gnu.version_r"].address))
            found.append((elf.DT_VERNEEDNUM, self.symbols.required_files))
        if ".gnu.version" in sections:
            found.append((elf.DT_VERSYM, sections[".gnu.version"].address))
        return found

    def content(self, sections: dict[str, OutputSection]) -> bytes:
        """The section's bytes."""
        return b"".join(
            tag.to_bytes(8, "little") + (value & 0xFFFFFFFFFFFFFFFF).to_bytes(8, "little")
            for tag, value in self.entries(sections)
        )


def is_symbolic(options: Options) -> bool:
    """Does the dynamic linker look into the shared object itself first? Not with a dynamic list: what that names
    is to be found elsewhere.
    """
    listed = options.dynamic_lists or options.builtin_lists
    return options.bsymbolic == "all" and options.kind == "shared" and not listed
