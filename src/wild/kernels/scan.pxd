# Scanning relocations: the context, and what the walks call.

from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t

from wild.kernels.companions cimport Companions
from wild.kernels.frames cimport FrameView
from wild.kernels.lists cimport IdList
from wild.kernels.pool cimport Fault
from wild.kernels.relocation cimport Mode
from wild.kernels.tables cimport Files, Names, Sections, SymbolRow

cdef struct Worker:              # what one thread finds
    IdList names                 # NameIds whose needs became non-zero
    IdList locals                # LocalIds, likewise
    IdList local_files           # ... and their files
    IdList stack                 # sections marked and not yet scanned
    IdList packed                # relocations for .relr.dyn: SectionId, offset
    uint32_t last_cie
    int tlsld, static_tls, textrel, got_base, missing, failed

cdef struct Scan:
    Files *files
    Sections *sections
    Names *names
    SymbolRow *symbols
    FrameView *frames
    Mode *mode
    uint32_t *local_needs
    Worker *worker
    uint32_t *frontier
    uint32_t *section_file
    Companions companions
    int gc
    int reports_imports          # imported names that nothing defines are missing, too
    Fault *fault

cdef struct Place:               # where a relocation is
    uint32_t file, section, shndx
    uint16_t flags
    const uint8_t *code
    uint64_t size

cdef void scan_section(Scan *scan, uint32_t file, uint32_t k, int worker) noexcept nogil
cdef void scan_frame(Scan *scan, uint32_t f, int worker) noexcept nogil
cdef void mark(Scan *scan, uint32_t section, int worker) noexcept nogil
