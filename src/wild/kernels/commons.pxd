# What binding.py uses of the table of common symbols.

from wild.kernels.resolve cimport Resolution

cdef int collect_commons(Resolution resolution) except -1
