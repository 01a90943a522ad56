# The image: where everything is once the layout is fixed, and the address of any symbol.
#
# PartRow is by PartId; the address of a section that is not loaded counts from the start of its output section.
# psABI letters: GOT is the address of _GLOBAL_OFFSET_TABLE_, the thread pointer is the end of the TLS segment.

from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t

from wild.kernels.elf cimport Elf64_Sym, SHN_ABS, STT_SECTION
from wild.kernels.frames cimport FrameView, frame_offset
from wild.kernels.merge cimport MergeView, NONE64, merged_offset
from wild.kernels.relocation cimport Mode
from wild.kernels.sections cimport section_of
from wild.kernels.slots cimport SlotView
from wild.kernels.tables cimport *

cdef enum:
    PART_SORTED = 0x10000        # in PartRow.flags: its sections do not stand in input order

cdef struct PartRow:
    uint64_t address
    uint64_t offset              # in the file
    uint64_t size
    uint32_t shndx               # index of the output section
    uint32_t align               # log2
    uint32_t flags               # SEC_* flags of its sections; NOBITS only if all are
    uint32_t fill                # byte for gaps

cdef struct Target:              # what a relocation refers to
    uint64_t value               # S + A
    uint32_t flags               # as in SymbolRow.flags
    uint32_t aux                 # AuxRow, 0: none
    uint32_t dynsym
    bint dead                    # the section it is in is not in the output
    bint outside                 # not a place of a merged section
    bint folded                  # the section it is in is only a name for another

cdef struct Image:
    Files files
    Sections sections
    Names names
    SymbolRow *symbols
    MergeView merge
    FrameView frames
    SlotView slots
    Mode *mode
    PartRow *part
    int64_t part_count
    uint8_t *out                 # the output file in memory
    uint64_t got                 # address of .got (slot 0)
    uint64_t got_plt             # address of .got.plt (its first three words are the loader's)
    uint64_t plt                 # address of .plt entry 0 (behind the header)
    uint64_t iplt
    uint64_t plt_entry           # bytes in an entry
    uint64_t got_base            # _GLOBAL_OFFSET_TABLE_
    uint64_t eh_frame            # address of .eh_frame
    uint64_t tls_start, tls_end  # the TLS segment; the end is the thread pointer
    uint64_t copies, relro_copies    # addresses of the two copy areas
    uint8_t *rela                # what the next two count from: `out`, or a table that is packed afterwards
    uint64_t rela_relative       # file offsets in .rela.dyn: the first R_*_RELATIVE,
    uint64_t rela_symbolic       # ... the first other relocation,
    uint64_t rela_plt            # ... and .rela.plt
    uint64_t slot_relative, slot_symbolic    # numbers of the slots' first ones of both kinds

cdef inline uint64_t plt_address(const Image *image, const AuxRow *aux) noexcept nogil:
    if aux.flags & 4:            # AUX_IFUNC_PLT
        return image.iplt + aux.plt * image.plt_entry
    return image.plt + aux.plt * image.plt_entry

cdef inline uint64_t place_in_section(const Image *image, uint32_t section, uint64_t offset, bint *outside) noexcept nogil:
    """The address of a byte of an input section that is in the output."""
    cdef const SectionRow *sec = &image.sections.row[section]
    cdef uint64_t merged
    if sec.kind == SEC_PLAIN or sec.kind == SEC_FOLDED:
        return sec.address + offset
    if sec.kind == SEC_EH_FRAME:
        return image.eh_frame + frame_offset(&image.frames, sec.link, offset)
    if sec.kind == SEC_OUT:
        return 0
    merged = merged_offset(&image.merge, sec.link, offset)
    if merged == NONE64:
        outside[0] = True
        return 0
    return image.part[sec.part].address + merged

cdef inline Target target_of(const Image *image, uint32_t file, uint32_t r_sym, int64_t addend) noexcept nogil:
    """S + A and what else a relocation against symbol `r_sym` of `file` has to know; r_sym has been checked."""
    return find_target(image, file, r_sym, addend, True)

cdef inline Target loaded_target_of(const Image *image, uint32_t file, uint32_t r_sym, int64_t addend) noexcept nogil:
    """The same for a section that is loaded.  It need not know whether a global symbol's section is dead, which would
    mean a look at a row that is in no cache."""
    return find_target(image, file, r_sym, addend, False)

cdef inline Target find_target(const Image *image, uint32_t file, uint32_t r_sym, int64_t addend, bint mortal) noexcept nogil:
    """Both; `dead` of a global symbol only if `mortal`."""
    cdef Target t
    cdef const FileRow *row = &image.files.row[file]
    cdef const uint8_t *base = image.files.base[file]
    cdef const Elf64_Sym *sym
    cdef const SymbolRow *symbol
    cdef const SectionRow *sec
    cdef uint32_t shndx
    t.dead = False
    t.outside = False
    t.folded = False
    t.dynsym = 0
    if r_sym >= row.first_global:
        symbol = &image.symbols[image.names.of[row.global_base + r_sym - row.first_global]]
        t.flags = symbol.flags
        t.value = symbol.value + addend
        t.aux = symbol.aux
        t.dynsym = symbol.dynsym
        if mortal and symbol.section:
            sec = &image.sections.row[symbol.section]
            t.dead = sec.kind == SEC_OUT or not sec.flags & SEC_LIVE
            t.folded = sec.kind == SEC_FOLDED
        return t
    sym = (<const Elf64_Sym *> (base + row.symoff)) + r_sym
    shndx = section_of(base, <FileRow *> row, sym, r_sym)
    t.flags = SYM_OBJECT_DEF
    if sym.st_info & 15 == 10:
        t.flags |= SYM_IFUNC
    elif sym.st_info & 15 == 2:
        t.flags |= SYM_FUNC
    t.aux = image.slots.local_aux[row.local_base + r_sym]
    if shndx == 0 or shndx >= row.shnum:
        if sym.st_shndx == SHN_ABS:
            t.flags |= SYM_ABS
            t.value = sym.st_value + addend
        else:
            t.flags = SYM_FUNC       # symbol 0: the value is the addend alone
            t.value = addend
        return t
    sec = &image.sections.row[row.sec_base + shndx]
    t.folded = sec.kind == SEC_FOLDED
    if sec.flags & SEC_TLS:
        t.flags |= SYM_TLS
    if sec.kind == SEC_OUT or not sec.flags & SEC_LIVE:
        t.dead = True
        t.value = 0
    elif sym.st_info & 15 == STT_SECTION:
        t.value = place_in_section(image, row.sec_base + shndx, sym.st_value + addend, &t.outside)
    else:
        t.value = place_in_section(image, row.sec_base + shndx, sym.st_value, &t.outside) + addend
    if t.aux and image.slots.row[t.aux].flags & NEEDS_CANONICAL:
        t.value = plt_address(image, &image.slots.row[t.aux]) + addend
    return t
