# Text about all inputs that stands in the map before the sections.

from libc.stdint cimport int64_t

from wild.kernels.map_text cimport Map
from wild.kernels.text cimport Text

ctypedef void (*Summary)(Map *map, int64_t count, Text *text) noexcept nogil
