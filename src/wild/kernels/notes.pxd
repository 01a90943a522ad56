# What objects say of themselves in notes.

from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t

from wild.kernels.pool cimport Arena, Fault
from wild.kernels.views cimport Tables

cdef enum:
    KINDS = 64                   # different types of program properties that are kept apart
    NT_GNU_PROPERTY_TYPE_0 = 5
    GNU_PROPERTY_STACK_SIZE = 1
    GNU_PROPERTY_NO_COPY_ON_PROTECTED = 2

    STACK_MISSING = 0            # no .note.GNU-stack
    STACK_PLAIN = 1
    STACK_EXECUTABLE = 2

cdef enum:
    RULE_UNKNOWN = 0             # dropped
    RULE_AND = 1                 # bits that all objects have; without bits it is dropped
    RULE_OR = 2                  # bits that some object has; without bits it is dropped
    RULE_OR_AND = 3              # bits that some object has, if all objects have the property
    RULE_MAX = 4
    RULE_ANY = 5                 # no data: present if some object has it

cdef packed struct Elf64_Nhdr:
    uint32_t n_namesz
    uint32_t n_descsz
    uint32_t n_type

cdef struct Property:            # one type of property, of one object or of several
    uint32_t type
    uint32_t size                # of the data
    uint64_t count               # objects that have it
    uint64_t all_of, any_of, most

cdef struct Properties:
    int64_t count
    bint overflow
    Property kind[64]

cdef struct NoteTables:          # context of the loop over files
    Tables *tables
    uint8_t *stack               # FileId -> STACK_*
    uint32_t *feature_1          # FileId -> GNU_PROPERTY_X86_FEATURE_1_AND
    Properties *sum              # by worker
    Fault *fault

cdef class NoteTable:
    cdef Arena arena
    cdef object views
    cdef NoteTables tables
    cdef readonly list properties
    cdef readonly int64_t objects
    cdef list merge(self, int64_t workers)
