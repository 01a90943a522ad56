"""Sections that no input brings: loader tables, GOT and PLT, unwinding index, notes, symbol tables.

`Synthetic` is told the results of the passes, gives every such section its size before the layout, and writes them all
into the output after it.
"""

from __future__ import annotations

from wild import elf
from wild.dynamic import ENTRY_SIZE, DynamicSection
from wild.errors import InternalError, LinkError
from wild.kernels.dynsyms import DynamicSymbols
from wild.kernels.fill import fill_slots
from wild.kernels.notes import NoteTable
from wild.kernels.relr import RelrTable
from wild.kernels.symtab import SymbolTable
from wild.kernels.views import Views
from wild.kernels.writers import locator, write_frames
from wild.mode import packs_all, packs_relative
from wild.notes import (
    GNU_PROPERTY_1_NEEDED,
    GNU_PROPERTY_MEMORY_SEAL,
    GNU_PROPERTY_STACK_SIZE,
    GNU_PROPERTY_X86_FEATURE_1_AND,
    GNU_PROPERTY_X86_ISA_1_NEEDED,
    BuildId,
    package_metadata_note,
    property_note,
)
from wild.output_sections import TYPES as ARRAYS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from wild.android_relocations import AndroidRelocations
    from wild.compose import Composition
    from wild.emit_sections import EmittedSections
    from wild.exports import Exports
    from wild.kernels.frames import FrameTable
    from wild.kernels.measure import Layout
    from wild.kernels.output import Output
    from wild.kernels.pool import Pool
    from wild.kernels.reach import Reach
    from wild.kernels.slots import Slots
    from wild.layout import Placement
    from wild.mode import Kind
    from wild.options import Options
    from wild.output_sections import OutputSection

RELA_SIZE, RELR_SIZE, SYM_SIZE, PLT_ENTRY, GOT_WORD, GOT_PLT_RESERVED = 24, 8, 24, 16, 8, 3
DYNAMIC_TABLES = (
    # name, type, alignment, entry size, sh_link
    (".gnu.hash", elf.SHT_GNU_HASH, 8, 0, ".dynsym"),
    (".hash", elf.SHT_HASH, 4, 4, ".dynsym"),
    (".dynsym", elf.SHT_DYNSYM, 8, SYM_SIZE, ".dynstr"),
    (".dynstr", elf.SHT_STRTAB, 1, 0, None),
    (".gnu.version", elf.SHT_GNU_VERSYM, 2, 2, ".dynsym"),
    (".gnu.version_d", elf.SHT_GNU_VERDEF, 8, 0, ".dynstr"),
    (".gnu.version_r", elf.SHT_GNU_VERNEED, 8, 0, ".dynstr"),
)
DISCARD = {"none": 0, "default": 1, "locals": 2, "all": 3}
ALLOC, WRITE, EXEC = elf.SHF_ALLOC, elf.SHF_ALLOC | elf.SHF_WRITE, elf.SHF_ALLOC | elf.SHF_EXECINSTR


class Synthetic:
    """The sections of the linker's own making; `dynamic` says whether the output has a dynamic section."""

    def __init__(
        self, pool: Pool, options: Options, composition: Composition, views: Views, kind: Kind
    ) -> None:
        self.pool = pool
        self.options = options
        self.composition = composition
        self.views = views
        self.kind = kind
        self.dynamic = kind.dynamic
        self.notes = NoteTable(pool, views)
        self.build_id = build_id(options)
        features = {kind: value for kind, _, value in self.notes.properties}.get(
            GNU_PROPERTY_X86_FEATURE_1_AND, 0
        )
        self.split_plt = bool(options.z_ibtplt or options.z_ibt or features & FEATURE_IBT)
        self.contents: dict[str, bytes] = {}
        self.dynsyms: DynamicSymbols | None = None
        self.entries: DynamicSection | None = None
        self.symtab: SymbolTable | None = None
        self.emitted: EmittedSections | None = None
        self.relr: RelrTable | None = None
        self.packed: AndroidRelocations | None = None
        self.has_hdr = False

    # Before the layout: sizes.

    def add_all(
        self,
        libraries: list[tuple[bytes, bool]],
        exported: Exports,
        functions: tuple[int | None, int | None],
        reach: Reach,
        slots: Slots,
        layout: Layout,
        frames: FrameTable,
    ) -> None:
        """Every section, in an order in which each finds what its size depends on."""
        self.add_notes(self.kind.interp)
        if packs_relative(self.options, self.kind):
            table = RelrTable(layout, reach, slots)
            self.relr = table if table.count else None
        if self.dynamic:
            self.add_dynamic(libraries, exported.nodes, functions)
        self.note_reach(reach)
        self.add_slots(slots, layout)
        self.add_frames(frames)
        self.add_symbol_table(layout, frames)
        self.size_dynamic()

    def add_notes(self, has_interp: bool) -> None:
        """.interp and the notes."""
        if has_interp:
            self.add_content(
                ".interp",
                elf.SHT_PROGBITS,
                (self.options.dynamic_linker or DEFAULT_LOADER).encode() + b"\0",
                1,
            )
        properties = property_note(self.notes.properties, self.forced_properties(), self.plain_properties())
        if properties:
            self.add_content(".note.gnu.property", elf.SHT_NOTE, properties, 8)
        if self.build_id is not None:
            self.add_content(".note.gnu.build-id", elf.SHT_NOTE, self.build_id.note(), 4)
        if self.options.package_metadata:
            self.add_content(
                ".note.package", elf.SHT_NOTE, package_metadata_note(self.options.package_metadata), 4
            )

    def forced_properties(self) -> dict[int, int]:
        """Bits that -z ibt, -z shstk, -z lam-u48, … and -z x86-64-v2 … set whatever the inputs say."""
        bits = (1 if self.options.z_ibt else 0) | (2 if self.options.z_shstk else 0) | self.options.z_lam
        return {
            GNU_PROPERTY_1_NEEDED: int(self.options.z_indirect_extern_access),
            GNU_PROPERTY_X86_FEATURE_1_AND: bits,
            GNU_PROPERTY_X86_ISA_1_NEEDED: self.options.z_isa,
        }

    def plain_properties(self) -> dict[int, tuple[int, int]]:
        """-z stack-size and -z memory-seal, whose properties have no bits."""
        found = {GNU_PROPERTY_MEMORY_SEAL: (0, 0)} if self.options.z_memory_seal else {}
        if self.options.z_stack_size and self.notes.properties:  # as in GNU ld, not for its sake alone
            found[GNU_PROPERTY_STACK_SIZE] = (8, self.options.z_stack_size)
        return found

    def add_content(self, name: str, type: int, data: bytes, align: int) -> None:
        self.contents[name] = data
        self.composition.add(name, type, ALLOC, len(data), align)

    def add_dynamic(
        self,
        libraries: list[tuple[bytes, bool]],
        nodes: list[tuple[bytes, list[bytes], bool]],
        functions: tuple[int | None, int | None],
    ) -> None:
        """The loader's tables and the dynamic section; `nodes` are the versions the output defines, `functions` those
        of DT_INIT and DT_FINI."""
        needed = [name for name, is_needed in libraries if is_needed]
        style = self.options.hash_style
        self.dynsyms = DynamicSymbols(
            self.pool, self.views, style in ("gnu", "both"), style in ("sysv", "both")
        )
        self.entries = DynamicSection(self.options, self.dynsyms, needed)
        self.entries.init, self.entries.fini = functions
        if nodes:
            base = self.options.soname or self.options.output.rpartition("/")[2]
            self.dynsyms.define_versions(base.encode("utf-8", "surrogateescape"), nodes)
        if self.relr is not None:
            # A loader that does not know DT_RELR has to refuse the output (generic rule of GNU ld and lld).
            self.dynsyms.imply_version(b"libc.so.", b"GLIBC_2.", b"GLIBC_ABI_DT_RELR")
        if self.composition.room is not None:
            self.composition.room.give_dynamic(self.dynsyms)
        self.dynsyms.prepare([name for name, _ in libraries])
        for name, type, align, entry, link in DYNAMIC_TABLES:
            size = self.dynsyms.size_of(name)
            if size:
                section = self.composition.add(name, type, ALLOC, size, align, entry)
                section.link = link
        infos = {".dynsym": 1}  # the first symbol that is not local
        infos[".gnu.version_d"] = self.dynsyms.defined_versions
        infos[".gnu.version_r"] = self.dynsyms.required_files
        for name, info in infos.items():
            if name in self.composition.made:
                self.composition.made[name].info = info

    def add_slots(self, slots: Slots, layout: Layout) -> None:
        """GOT, PLT and the dynamic relocations."""
        add = self.composition.add
        plt, iplt = slots.plt_entries
        relative, symbolic, irelative = slots.dynamic
        relative += layout.section_relatives
        symbolic += layout.section_symbolics
        got_slots = slots.got_slots
        self.used_relocations = relative, symbolic
        if self.composition.room is not None:
            more = self.composition.room.of_relocations(relative, symbolic)
            relative += more[0] if self.kind.pic else 0
            symbolic += more[1] if self.kind.pic or self.dynamic else 0
            got_slots += self.composition.room.of_slots(got_slots)
        self.relatives, self.symbolics = relative, symbolic
        rela = relative + symbolic
        if rela:
            section = add(".rela.dyn", elf.SHT_RELA, ALLOC, rela * RELA_SIZE, 8, RELA_SIZE)
            if packs_all(self.options, self.kind):
                from wild.android_relocations import AndroidRelocations

                self.packed = AndroidRelocations(layout, section, rela)
            section.link = ".dynsym" if self.dynamic else None
        if self.relr is not None:
            type = elf.SHT_ANDROID_RELR if self.options.use_android_relr_tags else elf.SHT_RELR
            add(".relr.dyn", type, ALLOC, RELR_SIZE, RELR_SIZE, RELR_SIZE)  # it will grow
        jumps = plt + iplt + irelative
        if jumps:
            section = add(
                ".rela.plt", elf.SHT_RELA, ALLOC | elf.SHF_INFO_LINK, jumps * RELA_SIZE, 8, RELA_SIZE
            )
            section.link, section.info = ".dynsym" if self.dynamic else None, ".got.plt"
        header = PLT_ENTRY if plt else 0
        split = self.split_plt
        called = plt + iplt  # entries that code may call, with those that later imports may get
        if self.composition.room is not None and self.dynamic:
            called += self.composition.room.of_imports(plt)
        self.plt_room = (plt + iplt, called)
        if plt or (called and not split):
            add(
                ".plt", elf.SHT_PROGBITS, EXEC, header + (plt if split else called) * PLT_ENTRY, 16, PLT_ENTRY
            )
        if called and split:
            add(".plt.sec", elf.SHT_PROGBITS, EXEC, called * PLT_ENTRY, 16, PLT_ENTRY)
        if got_slots:
            add(".got", elf.SHT_PROGBITS, WRITE, got_slots * GOT_WORD, 8, GOT_WORD)
        if plt + iplt or self.dynamic or self.needs_got_base:
            words = GOT_PLT_RESERVED + plt + iplt
            add(".got.plt", elf.SHT_PROGBITS, WRITE, words * GOT_WORD, 8, GOT_WORD)
        relro_size, relro_align = slots.copies[1]
        if relro_size:
            add(".bss.rel.ro", elf.SHT_PROGBITS, WRITE, relro_size, relro_align)

    def note_reach(self, reach: Reach) -> None:
        """What the scan found that concerns the whole output."""
        self.needs_got_base = reach.needs_got_base
        if self.entries is not None:
            self.entries.textrel = reach.textrel
            self.entries.static_tls = reach.static_tls

    def add_frames(self, frames: FrameTable) -> None:
        """.eh_frame and its index."""
        if self.composition.room is not None:
            self.composition.room.give_frames(frames)
        if frames.size:
            self.composition.add(".eh_frame", elf.SHT_PROGBITS, ALLOC, frames.size, 8)
            if self.options.eh_frame_hdr:
                self.has_hdr = True
                self.composition.add(".eh_frame_hdr", elf.SHT_PROGBITS, ALLOC, frames.hdr_size, 4)

    def add_symbol_table(self, layout: Layout, frames: FrameTable) -> None:
        """.symtab and .strtab, unless stripped."""
        if self.options.strip == "all" and not self.options.retain_symbols_file:
            return
        if self.options.emit_relocs:
            from wild.emit_sections import EmittedSections

            self.emitted = EmittedSections(self.composition, layout, frames)
        numbered = len(self.emitted.numbered) if self.emitted else 0
        self.symtab = SymbolTable(
            self.pool,
            self.views,
            DISCARD[self.options.discard],
            retained(self.options),
            numbered,
            self.options.z_unique_symbol,
        )
        self.symtab.locate_with(*locator(layout))
        if self.options.gdb_index and (".debug_info", False) in self.composition.sections:
            self.composition.add(".gdb_index", elf.SHT_PROGBITS, 0, 1, 4)  # its size is found at the end
        if self.options.separate_debug_file is not None:
            from wild.separate_debug import add_link

            add_link(self.options, self.composition)
        if self.composition.room is not None:
            self.composition.room.give_symbols(self.symtab)
        section = self.composition.add(".symtab", elf.SHT_SYMTAB, 0, self.symtab.size, 8, SYM_SIZE)
        section.link, section.info = ".strtab", self.symtab.first_global
        self.composition.add(".strtab", elf.SHT_STRTAB, 0, self.symtab.string_size)

    def add_section_indices(self) -> None:
        """.symtab_shndx, if section indices are too large for st_shndx (gABI, "Sections", SHN_XINDEX)."""
        if self.symtab is not None and self.composition.section_count() >= SHN_LORESERVE:
            section = self.composition.add(
                ".symtab_shndx", elf.SHT_SYMTAB_SHNDX, 0, self.symtab.count * WORD32, WORD32, WORD32
            )
            section.link = ".symtab"

    def size_dynamic(self) -> None:
        """The dynamic section, once all others are there."""
        if self.entries is None:
            return
        sections = self.by_name()
        self.entries.relative_count, _ = self.used_relocations
        section = self.composition.add(
            ".dynamic", elf.SHT_DYNAMIC, ALLOC if self.options.z_rodynamic else WRITE, 0, 8, ENTRY_SIZE
        )
        section.link = ".dynstr"
        section.size = len(self.entries.entries(sections)) * ENTRY_SIZE

    def by_name(self) -> dict[str, OutputSection]:
        """The sections of the linker's own, and those of inputs that the loader is told about."""
        made = {name: found for name, found in self.composition.made.items() if found.size}
        parts = self.composition.sections
        return made | {
            name: parts[name, True] for name in ARRAYS if (name, True) in parts and parts[name, True].parts
        }

    def outgrows_layout(self, layout: Layout) -> bool:
        """Do the packed relocations, for the addresses of this layout, need more room than they have in it?"""
        if self.relr is None:
            return False
        got, section = self.composition.made.get(".got"), self.composition.made[".relr.dyn"]
        size = self.relr.encode(layout, got.address if got else 0)
        if size <= section.size:
            return False
        section.size = size
        return True

    # After the layout: contents.

    def places(self, placement: Placement, slots: Slots, copies: int) -> dict[str, int]:
        """The addresses that relocations ask for (kernels/image.pxd)."""
        sections = self.by_name()
        self.sections = sections

        def address(name: str) -> int:
            return sections[name].address if name in sections else 0

        plt, _ = slots.plt_entries
        first_entry = address(".plt") + (PLT_ENTRY if plt else 0)
        if self.split_plt:
            first_entry = address(".plt.sec")
        self.plt_start = first_entry
        rela = sections[".rela.dyn"].offset if ".rela.dyn" in sections and not self.packed else 0
        self.got_base = got_base = address(".got.plt") or address(".got")
        return {
            "got": address(".got"),
            "got_plt": address(".got.plt"),
            "plt": first_entry,
            "iplt": first_entry + plt * PLT_ENTRY,
            "plt_entry": PLT_ENTRY,
            "got_base": got_base,
            "eh_frame": address(".eh_frame"),
            "tls_start": placement.tls_start,
            "tls_end": placement.tls_end,
            "copies": copies,
            "relro_copies": address(".bss.rel.ro"),
            "rela_relative": rela,
            "rela_symbolic": rela + self.relatives * RELA_SIZE,
            "rela_plt": sections[".rela.plt"].offset if ".rela.plt" in sections else 0,
        }

    def write(self, output: Output, layout: Layout, frames: FrameTable) -> None:
        """Write everything but the input sections and the headers."""
        sections = self.sections
        for name, data in self.contents.items():
            output.write(sections[name].offset, data)
        self.write_slots(layout, sections)
        if self.relr is not None:
            relr = sections[".relr.dyn"]
            self.relr.write(layout, relr.offset, relr.size)
        if self.packed is not None:
            self.packed.write(output)
        if frames.size:
            at = sections[".eh_frame"]
            hdr = sections.get(".eh_frame_hdr") if self.has_hdr else None
            header = (hdr.offset, hdr.address) if hdr else None
            write_frames(self.pool, frames, layout, output, (at.offset, at.address), header)
        if self.dynsyms is not None and self.entries is not None:
            for name, *_ in DYNAMIC_TABLES:
                if name in sections:
                    self.dynsyms.write(name, output.address + sections[name].offset, output)
            content = self.entries.content(sections)
            if len(content) != sections[".dynamic"].size:
                raise InternalError(
                    f".dynamic has {len(content)} bytes and room for {sections['.dynamic'].size}"
                )
            output.write(sections[".dynamic"].offset, content)
        if self.symtab is not None:
            made = self.composition.made
            extended = output.address + made[".symtab_shndx"].offset if ".symtab_shndx" in made else 0
            self.symtab.write(
                output.address + made[".symtab"].offset,
                output.address + made[".strtab"].offset,
                extended,
                output,
            )
            if self.emitted is not None:
                self.symtab.write_sections(self.emitted.symbols())
                self.emitted.write(self.pool, self.symtab)

    def write_slots(self, layout: Layout, sections: dict[str, OutputSection]) -> None:
        def offset(name: str) -> int:
            return sections[name].offset if name in sections else 0

        files = {
            "got": offset(".got"),
            "got_plt": offset(".got.plt"),
            "plt": offset(".plt"),
            "plt_sec": offset(".plt.sec"),
        }
        files["plt_start"] = sections[".plt"].address if ".plt" in sections else 0
        dynamic = sections[".dynamic"].address if ".dynamic" in sections else 0
        fill_slots(layout, files, self.split_plt, dynamic, ".got.plt" in sections)


def retained(options: Options) -> list[bytes] | None:
    """The names that --retain-symbols-file lists, one a line; None keeps all."""
    path = options.retain_symbols_file
    if path is None:
        return None
    try:
        with open(path, "rb") as file:
            return file.read().split()
    except OSError as error:
        raise LinkError(f"{path}: cannot open: {error.strerror}") from None


SHN_LORESERVE = 0xFF00  # of section indices: from here on they are not in st_shndx
WORD32 = 4
FEATURE_IBT = 1  # a bit of GNU_PROPERTY_X86_FEATURE_1_AND (psABI "Program Property")


def build_id(options: Options) -> BuildId | None:
    """What --build-id asks for."""
    if options.build_id is None:
        return None
    if isinstance(options.build_id, bytes):
        return BuildId("0x" + options.build_id.hex())
    return BuildId(options.build_id)


DEFAULT_LOADER = "/lib64/ld-linux-x86-64.so.2"
