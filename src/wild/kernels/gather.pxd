# The scan's results, merged.

from wild.kernels.files cimport Inputs
from wild.kernels.pool cimport Pool
from wild.kernels.reach cimport Reach
from wild.kernels.scan cimport Scan

cdef object gather(Reach reach, Pool pool, Inputs inputs, Scan *scan)
cdef void free_workers(Scan *scan, int threads) noexcept
