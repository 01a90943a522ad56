# Changed objects on their way into the tables of an earlier link.

from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t

from wild.kernels.files cimport Inputs
from wild.kernels.names cimport NameTable
from wild.kernels.resolve cimport Resolution
from wild.kernels.saved cimport Run, Saved
from wild.kernels.sections cimport SectionTable
from wild.kernels.tables cimport FileRow, SectionRow

cdef struct Changed:             # one changed object
    uint32_t file                # its FileId in the link
    uint32_t mini                # ... and in the small tables of this update
    FileRow old                  # as it was
    SectionRow *old_sections     # copies of its rows; NULL: it had none
    Run run                      # as it was
    uint32_t relatives, symbolics    # dynamic relocations of its sections now
    uint32_t joins               # 1: its contents are what they were, but more of it is needed (pairing.py)
    uint32_t loaded              # 1: nothing of it was in the output
    uint32_t added               # 1: it is a new member of an archive

cdef struct PartRoom:            # by PartId
    uint64_t used, size          # bytes from its start
    uint32_t grows               # 0: its sections stand without gaps
    uint32_t smallest            # bytes of the smallest hole that can be filled
    uint32_t instead             # the part that its sections get if it was empty
    uint32_t arranged            # 1: its sections have their places (rearray.py)

cdef class Graft:
    cdef Saved saved
    cdef Inputs inputs
    cdef NameTable names
    cdef SectionTable sections
    cdef Resolution resolution
    cdef Changed *changed
    cdef public int64_t count
    cdef uint32_t *name          # mini NameId -> NameId
    cdef uint32_t *mini_name     # NameIds that the changed objects mention now, each once,
    cdef uint32_t *flags_before  # ... with their flags before the scan
    cdef int64_t name_count
    cdef uint8_t *seen           # by NameId: SEEN_*
    cdef uint32_t *removed       # names whose definition is gone
    cdef int64_t removed_count
    cdef uint32_t *moved         # names whose address is another now
    cdef int64_t moved_count
    cdef PartRoom *part
    cdef int64_t part_count
    cdef public uint32_t full_part   # where there was no room
    cdef list holes              # (PartId, offset in the part, size) to be filled
    cdef dict spaces             # PartId -> (offset, size) of free places (spaces.py)
    cdef set unfilled            # (PartId, offset) of those of them that are to be filled
    cdef list shifted            # (FileId, section) of what moves of objects that have not changed
    cdef list new_slots          # (AuxRow, SLOT_*) of GOT slots that are to be filled
    cdef list new_tls            # (AuxRow or 0 for the pair of the output, NEEDS_*) of thread-local words to be filled
    cdef list gone_slots         # AuxRows of names that nobody mentions any more
    cdef public list canonical   # NameIds of functions of libraries whose PLT entries are their addresses now
    cdef public list jump_words  # (NameId, word of .got) of the PLT entries of those
    cdef list new_plt            # AuxRows with new PLT entries
    cdef list imports            # NameIds with new entries of .dynsym
    cdef int exports             # EXPORT_*
    cdef public bint chosen      # the small tables say what is exported
    cdef bint offers             # exports can come and go
    cdef public list copied      # NameIds of variables of shared objects that are copied for the first time
    cdef public list strengthened    # entries of .dynsym that were weak references
    cdef list offered            # NameIds of definitions that are exported now, and were not or otherwise
    cdef set left                # FileIds of archive members that a changed object referred to, and does not now
    cdef set joining             # FileIds of objects that have to join
    cdef set libraries           # FileIds of shared objects that are needed for the first time
    cdef public bytearray commons    # CommonRows of the link (recommon.py)
    cdef public list new_commons # (NameId, size, alignment) of common symbols without a place
    cdef public dict common_places   # NameId -> address of those
    cdef public set walked       # PartIds between `__start_` and `__stop_` symbols that something refers to
    cdef list withdrawn          # entries of .dynsym of definitions that are gone
    cdef uint32_t dynsym, dynsym_end     # the next entry of .dynsym for an import; where their room ends
    cdef uint32_t plt, plt_end           # the next PLT entry
    cdef int add_name(self, uint32_t mini, uint32_t file) except -1

cdef enum:                       # which definitions are dynamic symbols (incremental/offers.py)
    EXPORT_NONE = 0              # none: there is no dynamic section
    EXPORT_MENTIONED = 1         # of a program: those that shared objects mention
    EXPORT_ALL = 2               # of a program with -E
    EXPORT_PREEMPTIBLE = 3       # of a shared object: all, and all but protected ones can be bound to others
    EXPORT_CHOSEN = 4            # scripts, lists and options say
    EXPORTS = (1 << 14) | (1 << 15) | (1 << 16)  # SYM_EXPORTED | SYM_IMPORTED | SYM_LOCALISED

cdef enum:
    SEEN_NOW = 1                 # a changed object mentions the name
    SEEN_MOVED = 2
    SEEN_GONE = 4                # its definition was taken away
    SEEN_LIVE = 16               # its old definition was in the output
    SEEN_TLS = 32                # ... and was thread-local
    SEEN_NEW = 8                 # nothing of the link had a use for the name

cdef uint32_t first_copy(Graft graft, uint32_t name) noexcept

cdef inline Changed *changed_of(Graft graft, uint32_t file) noexcept nogil:
    """The row of a changed object by its FileId; NULL for another."""
    cdef int64_t i
    for i in range(graft.count):
        if graft.changed[i].file == file:
            return &graft.changed[i]
    return NULL
