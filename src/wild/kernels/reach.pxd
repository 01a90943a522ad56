# What other kernels see of the scan: which symbols need slots, in the order of the input.

from libc.stdint cimport int64_t, uint32_t

from wild.kernels.relocation cimport Mode

cdef struct ReachView:
    uint32_t *local_needs        # by LocalId: NEEDS_* bits
    uint32_t *names              # NameIds that need something, in input order
    int64_t name_count
    uint32_t *locals             # LocalIds that need something, in input order
    uint32_t *local_file         # ... and their files
    int64_t local_count
    uint32_t *packed             # pairs: SectionId, and offset there of a relocation for .relr.dyn
    int64_t packed_count

cdef class OutputMode:
    cdef Mode view

cdef class Reach:
    cdef ReachView view
    cdef public bint needs_tlsld     # a local-dynamic sequence was kept
    cdef public bint static_tls      # initial-exec in a shared object
    cdef public bint textrel         # a dynamic relocation in a read-only section
    cdef public bint needs_got_base  # the address of the GOT itself is used
    cdef public bint missing         # a name that live code refers to is not defined
    cdef public list faults          # of relocations, in input order
