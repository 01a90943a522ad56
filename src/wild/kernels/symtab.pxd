# .symtab and .strtab of the output.

from libc.stdint cimport int64_t, uint32_t, uint64_t

from wild.kernels.pool cimport Pool
from wild.kernels.views cimport Views

cdef enum:                       # which local symbols are dropped
    DISCARD_NOTHING = 0          # --discard-none
    DISCARD_MERGED = 1           # .L symbols of SHF_MERGE sections (the default)
    DISCARD_TEMPORARY = 2        # -X: .L symbols
    DISCARD_LOCALS = 3           # -x: all

cdef struct FilePart:            # what one file contributes; then, by prefix sum, where it goes
    uint32_t locals, globals     # counts, then index of the first
    uint64_t local_bytes, global_bytes   # bytes of names, then offset of the first
    uint64_t keep                # first word of its bits in `keep`

cdef class SymbolTable:
    cdef Pool pool
    cdef Views views
    cdef FilePart *part
    cdef uint64_t *keep          # a bit for each symbol of each live object: 1, it is kept
    cdef uint32_t *imports       # NameIds of what no object defines
    cdef int64_t import_count
    cdef public int64_t count, first_global
    cdef public uint64_t string_size
