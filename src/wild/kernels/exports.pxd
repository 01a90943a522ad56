# What other kernels see of the decision what the output exports and imports.

from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t

from wild.kernels.glob cimport GlobPattern
from wild.kernels.names cimport NameSlots
from wild.kernels.resolve cimport Resolution
from wild.kernels.tables cimport Files, Names, SymbolRow
from wild.kernels.version_text cimport NameSpan

cdef enum:                       # the verdict on a name
    VERDICT_VERSION = 0x1FFFF    # version + 1; 0: no version script says anything
    VERDICT_LISTED = 1 << 17     # a dynamic list or --export-dynamic-symbol names it
    VERDICT_SPELT = 1 << 18      # the version is part of the definition's name (.symver)

cdef enum:                       # NameSpan.flags
    SPAN_DEFINED = 1             # the output defines the name
    SPAN_CONTRADICTS = 2         # an earlier row gives the name another version

cdef enum:                       # -Bsymbolic…: definitions of a shared object that are bound to themselves
    SYMBOLIC_NONE = 0
    SYMBOLIC_ALL = 1
    SYMBOLIC_FUNCTIONS = 2
    SYMBOLIC_NON_WEAK = 3
    SYMBOLIC_NON_WEAK_FUNCTIONS = 4

cdef struct Rules:               # what an output of this kind exports and imports
    bint dynamic                 # there is a dynamic symbol table
    bint shared                  # a shared object
    bint export_all              # every global definition is exported
    bint listed_only             # --dynamic-list: what is not listed is bound to itself
    bint import_strong           # undefined symbols are left to the dynamic linker
    bint import_weak             # ... if all references are weak
    bint undefined_ok            # undefined symbols that are not are zero, without complaint
    bint list_data               # variables count as listed (--dynamic-list-data)
    bint unique                  # STB_GNU_UNIQUE is kept
    bint mentioned               # imports are dynamic symbols also if no relocation names them
    int symbolic                 # SYMBOLIC_*
    uint16_t unversioned         # the version of exports that are given none

cdef struct Verdicts:            # the context of the loops
    Files *files
    Names *names
    SymbolRow *row
    uint16_t *version            # by NameId: the result
    uint32_t *verdict            # by NameId
    Rules rules
    const GlobPattern *patterns
    int64_t pattern_count        # of those in front of the first `*`
    uint32_t otherwise           # the verdict that `*` gives, 0: none
    bint listing                 # names and patterns are those of a list, they give no versions
    bint has_cxx                 # names of C++ are left to `match_demangled`
    uint32_t *cxx                # NameIds of those; a run for each shard, at its start
    uint32_t cxx_count[64]
    int64_t hidden_mentioned     # hidden definitions that shared objects mention

ctypedef Verdicts *VerdictsPtr

cdef struct Lookup:              # the context of the loops over exact names
    Verdicts *verdicts
    Names *names
    const uint8_t *text
    NameSpan *spans
    uint32_t *found              # by row: NameId, 0: no input mentions it
    uint32_t *first              # by NameId: the complement of its first row
    NameSlots slots

ctypedef Lookup *LookupPtr

cdef class ExportTable:
    cdef Resolution resolution
    cdef Verdicts state
