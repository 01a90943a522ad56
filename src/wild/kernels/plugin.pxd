# A compiler's plugin.

from libc.stdint cimport int64_t, uint64_t

from wild.kernels.files cimport Inputs
from wild.kernels.ir_symbols cimport IrSymbols
from wild.kernels.plugin_api cimport InputFile, Symbol

ctypedef const char **CharPointers

cdef class Plugin:
    cdef Inputs inputs
    cdef IrSymbols symbols
    cdef readonly str path
    cdef list wraps
    cdef public list messages, added_files, added_libraries, library_paths
    cdef dict descriptors            # FileId -> descriptor of a file that the plugin has asked for
    cdef dict claimed                # FileId -> size of the file that a stand-in has replaced
    cdef int64_t claiming            # the file that is being offered, 0: none
    cdef public list kept                   # bytes that the plugin has pointers to
    cdef object failure              # the first exception in a callback
    cdef void *on_claim
    cdef bint claims_v2
    cdef void *on_all_read
    cdef void *on_cleanup

    cdef int call(self, void *function, int arguments, void *first, int *second, int third, str what) except -1
    cdef bytes keep_path(self, str path)
    cdef int add_symbols(self, void *handle, int count, const Symbol *symbols) except -1
    cdef int get_symbols(self, void *handle, int count, Symbol *symbols, int version) except -1
    cdef int get_input_file(self, void *handle, InputFile *file) except -1
    cdef int release_input_file(self, void *handle) except -1
    cdef int get_view(self, void *handle, void **view) except -1
    cdef int get_wraps(self, uint64_t *count, CharPointers *names) except -1

cdef Plugin current()
cdef int keep_failure(object failure) noexcept
cdef void *message_function() noexcept nogil
