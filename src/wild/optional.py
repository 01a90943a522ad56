"""Libraries that a link can do without, found when one is wanted.

The command runs isolated and without `site` (`python -IS`), so nothing that pip or the distribution installed
can be imported until its directory is put on `sys.path`; doing that at every start would cost more than some
links.
"""

from __future__ import annotations

import sys
from posix import stat

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType
    from typing import Any


def import_optional(name: str) -> ModuleType | None:
    """The module `name`, from where an interpreter that runs normally finds it; None if it is absent."""
    try:
        __import__(name)
    except ImportError:
        _add_site_directories()
        try:
            __import__(name)
        except ImportError:
            return None
    return sys.modules[name]


def decompress_zstd(data: bytes, size: int) -> bytes | None:
    """`data` decompressed to exactly `size` bytes; None where no zstd library is installed.

    Raises ValueError for data that is damaged or of another size.
    """
    for name, decompress in (("compression.zstd", _with_standard_library), ("zstandard", _with_zstandard)):
        module = import_optional(name)
        if module is not None:
            result = decompress(module, data, size)
            if len(result) != size:
                raise ValueError(f"does not decompress to {size} bytes")
            return result
    return None


def zstd_compressor(level: int) -> Callable[[memoryview], bytes] | None:
    """A function that makes a zstd frame of some bytes, for use by several threads; None without a library."""
    standard = import_optional("compression.zstd")
    if standard is not None:
        return lambda data: bytes(standard.compress(data, level))
    package = import_optional("zstandard")
    if package is not None:
        return lambda data: bytes(package.ZstdCompressor(level=level).compress(data))
    try:
        import ctypes

        library = ctypes.CDLL("libzstd.so.1")
    except (ImportError, OSError):
        return None
    return lambda data: _with_libzstd(ctypes, library, data, level)


def _with_libzstd(ctypes: ModuleType, library: Any, data: memoryview, level: int) -> bytes:
    library.ZSTD_compressBound.restype = library.ZSTD_compress.restype = ctypes.c_size_t
    size, pointer = ctypes.c_size_t, ctypes.c_void_p
    library.ZSTD_compress.argtypes = (pointer, size, pointer, size, ctypes.c_int)
    room = library.ZSTD_compressBound(size(len(data)))
    source = (ctypes.c_char * len(data)).from_buffer(data)
    target = ctypes.create_string_buffer(room)
    used = library.ZSTD_compress(target, room, source, len(data), level)
    if library.ZSTD_isError(size(used)):
        raise MemoryError("zstd cannot compress: no memory")
    return bytes(target.raw[:used])


# Both stop one byte behind the size that was promised, so that a few hostile bytes cannot fill the memory.


def _with_standard_library(module: ModuleType, data: bytes, size: int) -> bytes:
    """Python 3.14 and newer."""
    try:
        result: bytes = module.ZstdDecompressor().decompress(data, max_length=size + 1)
    except module.ZstdError as error:
        raise ValueError(str(error)) from None
    return result


def _with_zstandard(module: ModuleType, data: bytes, size: int) -> bytes:
    from io import BytesIO

    try:
        result: bytes = module.ZstdDecompressor().stream_reader(BytesIO(data)).read(size + 1)
    except module.ZstdError as error:
        raise ValueError(str(error)) from None
    return result


def _add_site_directories() -> None:
    directories = _virtual_environment()
    if not directories:
        import site

        directories = site.getsitepackages()
    sys.path += [directory for directory in directories if directory not in sys.path]


def _virtual_environment() -> list[str]:
    """The directories of the environment whose interpreter runs us.

    Without `site`, Python before 3.14 takes itself for the interpreter that the environment was made from.
    """
    root = sys.executable.rpartition("/")[0].rpartition("/")[0]
    if not _exists(f"{root}/pyvenv.cfg"):
        return []
    version = f"python{sys.version_info[0]}.{sys.version_info[1]}"
    candidates = [f"{root}/{library}/{version}/site-packages" for library in ("lib", "lib64")]
    return [candidate for candidate in candidates if _exists(candidate)]


def _exists(path: str) -> bool:
    try:
        stat(path)
    except OSError:
        return False
    return True
