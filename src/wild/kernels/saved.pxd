# The tables of a link on disk, and the same tables mapped back as an Image.
#
# One file holds all tables behind each other, each with room to grow, at offsets that are multiples of the page size.
# The directory of tables (offset, rows, room) is kept beside it by the policy.  It is mapped privately: what an update
# writes is seen by nobody until `commit` writes the pages that were touched back.

from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t

from wild.kernels.image cimport Image
from wild.kernels.names cimport NameSlots
from wild.kernels.relocation cimport Mode
from wild.kernels.tables cimport *

cdef enum:                       # the tables, in the order of the file
    SAVED_FILES = 0
    SAVED_LIVE = 1
    SAVED_SECTIONS = 2
    SAVED_NAMES = 3
    SAVED_OF = 4
    SAVED_SYMBOLS = 5
    SAVED_MERGE_SECTIONS = 6
    SAVED_MERGE_INDEX = 7
    SAVED_MERGE_OFFSET = 8
    SAVED_MERGE_OUT = 9
    SAVED_EH = 10
    SAVED_FRAMES = 11
    SAVED_AUX = 12
    SAVED_LOCAL_AUX = 13
    SAVED_PARTS = 14
    SAVED_NAME_SLOTS = 15
    SAVED_OWNER = 16
    SAVED_HEAD = 17
    SAVED_NEXT = 18
    SAVED_RUNS = 19
    SAVED_SHAPE = 20
    SAVED_PLACES = 21
    SAVED_LEAVES = 22
    SAVED_FILE_OF = 23
    SAVED_TABLES = 24

cdef enum:                       # what one object says about one name (SAVED_SHAPE, by GlobalId)
    SHAPE_DEFINED = 1
    SHAPE_COMMON = 2
    SHAPE_LOSER = 3              # defined in a section that another file's copy took the place of
    SHAPE_STATE = 3
    SHAPE_WEAK = 4
    SHAPE_VISIBILITY = 0x18      # st_other & 3
    SHAPE_TLS = 0x20
    SHAPE_IFUNC = 0x40
    SHAPE_FUNCTION = 0x40        # ... of a shared object: a function
    SHAPE_ABSOLUTE = 0x80
    SHAPE_VERSIONED = 0x80       # ... of a shared object: a reference that asks for a version

cdef struct Run:                 # what one file has in the tables of the output (SAVED_RUNS, by FileId); counts are room
    uint64_t hash                # of its contents
    uint64_t byte, bytes         # in .strtab
    uint64_t frames, frame_bytes # in .eh_frame
    uint32_t relative, relatives # of .rela.dyn, numbers
    uint32_t symbolic, symbolics
    uint32_t local, locals       # of .symtab
    uint32_t first_global, globals
    uint32_t sections, names, symbols    # rows of its own in SAVED_SECTIONS, SAVED_OF, SAVED_LOCAL_AUX
    uint32_t own_frames          # 1: its CIEs serve nobody else
    uint64_t notes               # hash of its notes about properties and the stack
    uint64_t original            # 1: a file of the initial link, whose FileId tells its place among the others
    uint64_t member              # hash of its name in an archive; 0: it is none, or is gone

cdef struct Places:              # what is neither a row nor a pointer (SAVED_PLACES)
    uint32_t start[65]           # Names.start
    uint32_t count[64]
    uint64_t slot_start[64]
    uint64_t slot_mask[64]
    Mode mode
    uint64_t got, got_plt, plt, iplt, plt_entry, got_base, eh_frame, tls_start, tls_end, copies, relro_copies
    uint64_t rela_relative, rela_symbolic, rela_plt
    uint32_t got_slots, tlsld
    uint32_t plt_count, iplt_count

cdef class Saved:
    cdef Image image
    cdef NameSlots slots
    cdef Places *places
    cdef Run *run
    cdef uint32_t *owner         # NameId -> complement of the FileId whose COMDAT group won
    cdef uint32_t *head          # NameId -> GlobalId + 1 of a mention, 0: none
    cdef uint32_t *next          # GlobalId -> the next mention of the same name
    cdef uint32_t *file_of       # GlobalId -> FileId
    cdef uint8_t *shape
    cdef uint8_t *leaves
    cdef uint8_t *base
    cdef uint64_t size
    cdef uint8_t *touched        # by page: to be written back
    cdef uint64_t count[24]
    cdef uint64_t room[24]
    cdef uint64_t offset[24]
    cdef uint8_t *out            # the output, mapped privately
    cdef uint64_t out_size
    cdef uint8_t *changed        # by page of the output
    cdef list maps               # the inputs that were mapped on the way
    cdef check(self, list directory)
    cdef void *table(self, int number) noexcept
    cdef fill_image(self)
    cdef fill_addresses(self)
    cdef void touch(self, const void *start, uint64_t size) noexcept nogil
    cdef void change(self, const void *start, uint64_t size) noexcept nogil
    cdef uint32_t lookup(self, uint64_t hash, uint64_t length) noexcept nogil
