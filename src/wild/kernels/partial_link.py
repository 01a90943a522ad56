"""The steps of a partial link as the policy calls them; partial_sections.py has the essay."""

import cython
from cython.cimports.libc.stdint import int64_t, uint32_t, uint64_t
from cython.cimports.libc.string import memset
from cython.cimports.wild.kernels.elf import *
from cython.cimports.wild.kernels.files import Inputs
from cython.cimports.wild.kernels.glob import GlobPattern
from cython.cimports.wild.kernels.image import PartRow
from cython.cimports.wild.kernels.map_tables import MapTables
from cython.cimports.wild.kernels.names import NameTable
from cython.cimports.wild.kernels.output import Output
from cython.cimports.wild.kernels.partial import *
from cython.cimports.wild.kernels.partial_groups import measure_groups, number_groups, write_groups
from cython.cimports.wild.kernels.partial_headers import (
    name_groups,
    number_headers,
    place_contents,
    write_headers,
)
from cython.cimports.wild.kernels.partial_marks import mark_files, mark_signatures
from cython.cimports.wild.kernels.partial_places import place_symbol
from cython.cimports.wild.kernels.partial_sections import (
    Joining,
    Statement,
    intern,
    join_sections,
    measure_rows,
)
from cython.cimports.wild.kernels.partial_symbols import (
    NAME_BLOCK,
    count_locals,
    measure_names,
    number_locals,
    number_symbols,
    write_globals,
    write_locals,
    write_section_symbols,
)
from cython.cimports.wild.kernels.partial_write import fill_gaps, write_files
from cython.cimports.wild.kernels.pool import Arena, Pool
from cython.cimports.wild.kernels.resolve import COMMON_DROPPED, COMMON_LARGE, COMMON_TLS, Resolution
from cython.cimports.wild.kernels.sections import SectionTable
from cython.cimports.wild.kernels.tables import *
from cython.cimports.wild.kernels.unique_names import number_partial
from cython.cimports.wild.kernels.views import Chosen, Tables, Views, names_in_order

from wild.errors import LinkError

LARGEST_NAMES = cython.declare(cython.const[uint64_t], 0xFFFFFFFF)


@cython.final
@cython.cclass
class PartialLink:
    """One object made of all live ones; `strip` is one of STRIP_*."""

    arena: Arena
    owners: object
    own: list
    common_count: int64_t
    unique_names: cython.bint
    view: Partial
    joining: Joining

    def __cinit__(
        self,
        inputs: Inputs,
        names: NameTable,
        resolution: Resolution,
        sections: SectionTable,
        strip: int,
        common_type: int,
    ):
        arena = inputs.arena
        self.arena = arena
        self.owners = (inputs, names, resolution, sections)
        self.own = []
        view = cython.address(self.view)
        view.files = cython.address(inputs.view)
        view.sections = cython.address(sections.view)
        view.names = cython.address(names.view)
        view.symbols = resolution.view.row
        view.commons = resolution.commons
        self.common_count = resolution.common_count
        view.strip = strip
        view.common_type = common_type
        view.group_count = 1
        files = cython.address(inputs.view)
        view.used_local = cython.cast(MutableBytes, arena.array(files.locals, 1))
        view.local_index = cython.cast(U32, arena.array(files.locals, 4))
        view.name_index = cython.cast(U32, arena.array(names.view.capacity, 4))
        view.run = cython.cast(cython.pointer[LocalRun], arena.array(files.count, cython.sizeof(LocalRun)))

    def place(self, statements: list):
        """Before `join`: (name of the output section, its alignment, are sections sorted by name?, alignment in front
        of them) by the numbers of a script's input statements."""
        rows = cython.cast(
            cython.pointer[Statement], self.arena.array(len(statements), cython.sizeof(Statement))
        )
        self.view.start_align = cython.cast(U64, self.arena.array(len(statements), 8))
        i: int64_t = 0
        for name, align, by_name, start_align in statements:
            self.own.append(name)
            rows[i].name = cython.cast(Bytes, cython.cast(cython.p_const_char, cython.cast(bytes, name)))
            rows[i].align = align
            rows[i].by_name = by_name
            self.view.start_align[i] = start_align
            i += 1
        self.joining.statement = rows

    def join(self, sections: SectionTable, keep_groups: bool, unique: list):
        """Decide which sections become one; those whose names match one of the globs `unique` stay alone."""
        self.own += unique
        patterns = cython.cast(
            cython.pointer[GlobPattern], self.arena.array(len(unique), cython.sizeof(GlobPattern))
        )
        i: int64_t = 0
        for text in unique:
            patterns[i].text = cython.cast(Bytes, cython.cast(cython.p_const_char, cython.cast(bytes, text)))
            patterns[i].length = len(text)
            i += 1
        self.joining.pattern = patterns
        self.joining.pattern_count = i
        if keep_groups:
            number_groups(cython.address(self.view), self.arena, sections.owner)
        join_sections(cython.address(self.view), self.arena, cython.address(self.joining))

    def add_section(self, name: bytes, type: int, flags: int, align: int, content: bytes):
        """A section of the linker's own making."""
        number: uint32_t = self.own_row(name, flags)
        row = cython.address(self.view.out[number])
        self.own.append(content)
        row.own = cython.cast(Bytes, cython.cast(cython.p_const_char, content))
        row.size = len(content)
        row.type = type
        row.align = align
        row.live = 1

    @cython.cfunc
    @cython.exceptval(check=True)
    def own_row(self, name: bytes, flags: uint64_t) -> uint32_t:
        wanted = cython.declare(OutRow)
        memset(cython.address(wanted), 0, cython.sizeof(OutRow))
        wanted.flags = flags
        wanted.name_length = len(name)
        self.own.append(name)
        wanted.name = cython.cast(Bytes, cython.cast(cython.p_const_char, name))
        return intern(cython.address(self.view), cython.address(self.joining), cython.address(wanted))

    def set_symbol(self, name: int, base: int, value: int):
        """Define NameId `name` as the symbol `base` plus `value`, or as a number if `base` is 0."""
        row = cython.address(self.view.symbols[cython.cast(uint32_t, name)])
        row.value = cython.cast(uint64_t, value & 0xFFFFFFFFFFFFFFFF)
        if base:
            other = cython.address(self.view.symbols[cython.cast(uint32_t, base)])
            row.section = other.section
            row.value += other.value

    def set_place(self, name: int, first: int, last: int, behind: int):
        """After `measure`: define NameId `name` as a place in the output section of the script's statements `first` to
        `last`: the start of statement `behind`, or the end of those in front of it if nothing fits it."""
        place_symbol(
            cython.address(self.view),
            cython.cast(uint32_t, name),
            cython.cast(uint32_t, first),
            cython.cast(uint32_t, last),
            cython.cast(uint32_t, behind),
        )

    def name_apart(self):
        """Give local symbols names of their own (-z unique-symbol)."""
        self.unique_names = True

    def measure(self, pool: Pool, views: Views, resolution: Resolution, allocate_commons: bool):
        """Everything up to the size of the output; raises KernelFault, LinkError."""
        view = cython.address(self.view)
        view.fault = cython.address(pool.fault)
        pool.run(measure_rows, view, view.out_count, 64)
        if allocate_commons and resolution.common_count:
            self.place_commons(resolution)
        with cython.nogil:
            measure_groups(view)
        pool.run_evenly(mark_files, view, view.files.count, 8)
        with cython.nogil:
            mark_signatures(view)
        pool.run_evenly(count_locals, view, view.files.count, 16)
        if self.unique_names:
            number_partial(view, self.arena)
        self.order_names(pool, views)
        blocks: int64_t = (view.global_count + NAME_BLOCK - 1) // NAME_BLOCK
        view.name_bytes = cython.cast(U64, self.arena.array(blocks, 8))
        pool.run(measure_names, view, view.global_count, NAME_BLOCK)
        with cython.nogil:
            number_headers(view)
            number_symbols(view)
            place_contents(view)
        if view.strtab_size > LARGEST_NAMES or view.shstrtab_size > LARGEST_NAMES:
            raise LinkError("the names of the output have more than 4 GiB; link in several steps")
        pool.run_evenly(number_locals, view, view.files.count, 16)
        with cython.nogil:
            name_groups(view)

    def map_tables(self):
        """What a map is made from, after `measure`; a section's address is its offset in that of the output."""
        inputs, _, resolution, _ = self.owners
        tables: MapTables = MapTables()
        view = cython.address(self.view)
        image = cython.address(tables.view)
        image.files, image.sections, image.names = view.files[0], view.sections[0], view.names[0]
        image.symbols = view.symbols
        image.part_count = view.out_count
        image.part = cython.cast(
            cython.pointer[PartRow], self.arena.array(view.out_count, cython.sizeof(PartRow))
        )
        i: int64_t
        for i in range(view.out_count):
            image.part[i].shndx = view.out[i].shndx
        tables.resolution, tables.inputs, tables.owner, tables.whole = resolution, inputs, self, True
        return tables

    def map_rows(self):
        """After `measure`: (size, alignment, section header index, name) of each section of the output, then where what
        comes from no input section begins in it, or its size, and how that is called."""
        view = cython.address(self.view)
        own = cython.cast(U64, self.arena.array(view.out_count, 8))
        i: int64_t
        for i in range(1, view.out_count):
            own[i] = 0 if view.out[i].own is not cython.NULL else view.out[i].size
        for i in range(self.common_count if view.common_out is not cython.NULL else 0):
            if view.commons[i].area != COMMON_DROPPED:
                own[view.common_out[i]] = min(own[view.common_out[i]], view.common_place[i])
        rows: list = []
        for i in range(1, view.out_count):
            row = cython.address(view.out[i])
            if row.live:
                name: bytes = cython.cast(cython.p_const_char, row.name)[: row.name_length]
                label: bytes = b"COMMON" if row.own is cython.NULL else name
                rows.append((row.size, row.align, row.shndx, name, own[i], label))
        return rows

    @property
    def size(self):
        """Bytes of the output."""
        return self.view.file_size

    def write(self, pool: Pool, output: Output):
        """Fill the output."""
        view = cython.address(self.view)
        view.to = output.base
        pool.run(fill_gaps, view, view.out_count, 16)
        pool.run_evenly(write_files, view, view.files.count, 8)
        with cython.nogil:
            write_section_symbols(view)
        pool.run_evenly(write_locals, view, view.files.count, 16)
        pool.run(write_globals, view, view.global_count, NAME_BLOCK)
        with cython.nogil:
            write_groups(view)
            write_headers(view)

    @cython.cfunc
    @cython.exceptval(-1, check=False)
    def order_names(self, pool: Pool, views: Views) -> cython.int:
        """The global symbols of the output, in input order; -s leaves them, or nothing could be linked with it."""
        view = cython.address(self.view)
        chosen = cython.declare(Chosen)
        names_in_order(pool, self.arena, cython.address(views.tables), reaches_output, cython.address(chosen))
        view.order = chosen.name
        i: int64_t
        for i in range(chosen.total):
            symbol = cython.address(view.symbols[chosen.name[i]])
            if symbol.flags & SYM_COMMON and symbol.sym == 0:
                continue  # see drop_commons
            view.order[view.global_count] = chosen.name[i]
            view.global_count += 1
        return 0

    @cython.cfunc
    @cython.exceptval(-1, check=False)
    def place_commons(self, resolution: Resolution) -> cython.int:
        """-d: give common symbols memory behind what is zero-initialised anyway."""
        view = cython.address(self.view)
        count: int64_t = resolution.common_count
        view.common_out = cython.cast(U32, self.arena.array(count, 4))
        view.common_place = cython.cast(U64, self.arena.array(count, 8))
        i: int64_t
        for i in range(count):
            common = cython.address(view.commons[i])
            if common.area == COMMON_DROPPED:
                continue
            name, flags = b".bss", SHF_ALLOC | SHF_WRITE
            if common.area == COMMON_LARGE:
                name, flags = b".lbss", SHF_ALLOC | SHF_WRITE | SHF_X86_64_LARGE
            elif common.area == COMMON_TLS:
                name, flags = b".tbss", SHF_ALLOC | SHF_WRITE | SHF_TLS
            view.common_out[i] = self.own_row(name, flags)
            row = cython.address(view.out[view.common_out[i]])
            row.type = row.type if row.live else SHT_NOBITS
            row.live = 1
            row.size = align_up(row.size, common.align)
            row.align = max(row.align, common.align)
            view.common_place[i] = row.size
            row.size += common.size
        return 0


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def reaches_output(tables: cython.pointer[Tables], name: uint32_t) -> cython.int:
    """1: the name is defined in what is kept, or something refers to it."""
    symbol = cython.address(tables.symbol[name])
    if symbol.file == 0 and symbol.flags & SYM_WEAK_DEF and not symbol.flags & SYM_REF:
        return 0  # what a script provides and nobody asks for
    if symbol.flags & (SYM_OBJECT_DEF | SYM_COMMON) and symbol.file != NONE:
        sec = cython.address(tables.sections.row[symbol.section])
        return symbol.section == 0 or (sec.kind != SEC_OUT and sec.flags & SEC_LIVE != 0)
    return symbol.flags & SYM_REF != 0
