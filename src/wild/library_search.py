"""Which library that is not part of the link defines an undefined symbol; only asked for the text of an error.

Every lib*.so and lib*.a of the directories where -l looks is opened, and its list of definitions searched:
the dynamic symbols of a shared object, the index of an archive (ar(5)).  Library scripts and archives without
an index are passed over.  The search ends after a second, whatever there is left.
"""

from __future__ import annotations

import mmap
import posix
import struct
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    Identity = tuple[int, int] | None  # of a file, whatever its names: device and inode

LONGEST = 1.0  # seconds
SHT_DYNSYM = 11


def find_defining(names: list[bytes], directories: list[str], linked: set[Identity]) -> dict[bytes, str]:
    """For each name the path of the first library that defines it; `linked`: the inputs."""
    paths = (path for directory in dict.fromkeys(directories) for path in libraries_in(directory))
    return first_defining(names, paths, linked)


def first_defining(names: list[bytes], paths: Iterable[str], linked: set[Identity]) -> dict[bytes, str]:
    """The same among some libraries."""
    found: dict[bytes, str] = {}
    end = time.monotonic() + LONGEST
    for path in paths:
        if len(found) == len(names) or time.monotonic() > end:
            break
        if identity(path) not in linked:
            wanted = [name for name in names if name not in found]
            found.update(dict.fromkeys(defined_in(path, wanted), path))
    return found


def identity(path: str) -> Identity:
    """Which file this is; None if there is none."""
    try:
        status = posix.stat(path)
    except (OSError, ValueError):
        return None
    return status.st_dev, status.st_ino


def libraries_in(directory: str) -> list[str]:
    """The files of a directory that -l can find, shared objects first, as there."""
    try:
        names = sorted(name for name in posix.listdir(directory) if name.startswith("lib"))
    except OSError:
        return []
    ordered = [name for ending in (".so", ".a") for name in names if name.endswith(ending)]
    return [f"{directory.rstrip('/')}/{name}" for name in ordered]


def defined_in(path: str, names: list[bytes]) -> list[bytes]:
    """Those of the names that the library defines; none if it is damaged, or something else."""
    try:
        with open(path, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            if data[:4] == b"\x7fELF":
                return defined_in_shared(data, names)
            return defined_in_archive(data, names) if data[:7] == b"!<arch>" else []
    except (OSError, ValueError, struct.error, IndexError):
        return []


def defined_in_archive(data: mmap.mmap, names: list[bytes]) -> list[bytes]:
    """The index is the first member, `/`: a count, that many places, and the names, each ended by NUL."""
    if data[8:24].rstrip() not in (b"/", b"/SYM64/"):
        return []
    width = 8 if data[8:24].rstrip() != b"/" else 4
    size = int(data[56:66])
    count = int.from_bytes(data[68 : 68 + width], "big")
    text = b"\0" + data[68 + width * (count + 1) : 68 + size]
    return [name for name in names if b"\0" + name + b"\0" in text]


def defined_in_shared(data: mmap.mmap, names: list[bytes]) -> list[bytes]:
    """Of a 64-bit x86-64 shared object: exported definitions."""
    if data[4:6] != b"\x02\x01" or data[18:20] != b"\x3e\x00":
        return []
    (table,) = struct.unpack_from("<Q", data, 40)
    size, count = struct.unpack_from("<HH", data, 58)
    headers = [struct.unpack_from("<IIQQQQIIQQ", data, table + size * index) for index in range(count)]
    symbols = next((header for header in headers if header[1] == SHT_DYNSYM), None)
    if symbols is None:
        return []
    strings = headers[symbols[6]]
    text = data[strings[4] : strings[4] + strings[5]]
    offsets = {text.find(b"\0" + name + b"\0") + 1: name for name in names}
    offsets.pop(0, None)
    if not offsets:
        return []
    rows = struct.iter_unpack("<IBBHQQ", data[symbols[4] : symbols[4] + symbols[5] // 24 * 24])
    return [offsets[row[0]] for row in rows if row[0] in offsets and row[3] and row[1] >> 4]


def option_for(path: str) -> str:
    """-lNAME, or -l:FILE for a file that this does not find."""
    name = path.rpartition("/")[2]
    plain, _, ending = name.rpartition(".")
    return f"-l{plain[3:]}" if plain.startswith("lib") and ending in ("so", "a") else f"-l:{name}"
