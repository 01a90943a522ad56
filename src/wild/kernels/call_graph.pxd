# Call-chain clustering.

from libc.stdint cimport uint32_t, uint64_t

ctypedef const void *ConstVoid

cdef enum:
    SHT_LLVM_CALL_GRAPH_PROFILE = 0x6FFF4C09
    REL_SIZE = 16                # an Elf64_Rel
    REL_SYMBOL = 12              # where its symbol is: the upper half of r_info

cdef struct Cluster:             # a function, and what has been appended to it
    uint64_t size, weight        # of the whole cluster: bytes, calls
    uint64_t own                 # calls of the function alone
    uint64_t calls               # those from its most frequent caller
    uint32_t section             # SectionId of the function
    uint32_t caller              # Cluster of that caller, or NONE
    uint32_t leader              # the cluster that it is in
    uint32_t next, last          # the function behind it; of a leader, the last one
