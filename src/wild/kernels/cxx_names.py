"""The demangler of the C++ runtime library (Itanium C++ ABI, "Demangler API"), called without ctypes.

To import ctypes takes as long as the whole of a small link.
"""

import cython
from cython.cimports.libc.stdint import uint64_t
from cython.cimports.libc.stdlib import free
from cython.cimports.wild.kernels.plugin_api import RTLD_NOW, dlopen, dlsym
from cython.cimports.wild.kernels.text import Demangle


def find_demangler(libraries: list) -> int:
    """The address of __cxa_demangle in the first of these libraries (bytes) that can be loaded; 0 if none has it."""
    for name in libraries:
        path: bytes = name
        library = dlopen(path, RTLD_NOW)
        if library is not cython.NULL:
            address = dlsym(library, b"__cxa_demangle")
            if address is not cython.NULL:
                return cython.cast(uint64_t, address)
    return 0


def demangled(demangler: int, name: bytes):
    """What the function at an address that `find_demangler` returned makes of a name; None if it is no C++ name."""
    function = cython.cast(Demangle, cython.cast(cython.p_void, cython.cast(uint64_t, demangler)))
    status: cython.int = 0
    text = function(name, cython.NULL, cython.NULL, cython.address(status))
    if text is cython.NULL:
        return None
    try:
        plain: bytes = text
        return plain
    finally:
        free(text)
