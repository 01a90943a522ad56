"""The control file of an incremental link: all that is small, in one file that is replaced as a whole.

No control file, no state: it is removed before anything else in the state directory changes, and comes back, by a
rename, when everything is in place.  So a link that is killed leaves either the old state, or none and the next link
is a full one.  It is a checksum and a marshalled dictionary; the tables are in a file of their own, whose identity it
holds, as it holds that of the images of the output.
"""

from __future__ import annotations

import marshal
import posix
from zlib import crc32

from wild import VERSION
from wild.errors import CannotUpdate
from wild.kernels import LIBRARY

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

SCHEMA = 6
MAGIC = b"wild state\n"
BOOT = "/proc/sys/kernel/random/boot_id"
Stamp = tuple[int, int, int, int]


def code_identity() -> tuple[object, ...]:
    """What tells this build of the linker apart from others."""
    status = posix.stat(LIBRARY)
    return (SCHEMA, VERSION, status.st_size, status.st_mtime_ns)


def boot_identity() -> bytes:
    """A new one after every start of the machine, empty where there is none.

    What was not written to the disk before a crash is not there after it, whatever was renamed when."""
    try:
        return read_file(BOOT)
    except OSError:
        return b""


def read_file(path: str) -> bytes:
    """The contents; raises OSError."""
    descriptor = posix.open(path, posix.O_RDONLY | posix.O_CLOEXEC)
    try:
        size = posix.fstat(descriptor).st_size or 4096
        data = posix.read(descriptor, size)
        while len(data) < size and (more := posix.read(descriptor, size - len(data))):
            data += more
        return data
    finally:
        posix.close(descriptor)


def write_file(path: str, data: bytes, mode: int = 0o600) -> None:
    """Replace a file as a whole; raises OSError and leaves the old one then."""
    descriptor = posix.open(
        f"{path}.new", posix.O_WRONLY | posix.O_CREAT | posix.O_TRUNC | posix.O_CLOEXEC, mode
    )
    try:
        view = memoryview(data)
        while view:
            view = view[posix.write(descriptor, view) :]
    finally:
        posix.close(descriptor)
    posix.rename(f"{path}.new", path)


def remove(path: str) -> None:
    """Remove a file that need not be there; raises OSError.

    contextlib.suppress would say the same, with imports that take a tenth of the time of a link without changes."""
    try:  # noqa: SIM105
        posix.unlink(path)
    except FileNotFoundError:
        pass


def write_control(directory: str, control: dict[str, Any]) -> None:
    body = marshal.dumps(control)
    write_file(f"{directory}/control", MAGIC + crc32(body).to_bytes(4, "little") + body)


def read_control(directory: str) -> dict[str, Any]:
    """What write_control wrote; raises CannotUpdate where there is nothing, or nothing that can be trusted."""
    try:
        data = read_file(f"{directory}/control")
    except OSError:
        raise CannotUpdate("A1", "no state of an earlier link") from None
    start = len(MAGIC) + 4
    if data[: len(MAGIC)] != MAGIC or crc32(data[start:]) != int.from_bytes(
        data[start - 4 : start], "little"
    ):
        raise CannotUpdate("A4", "the state is damaged")
    control: dict[str, Any] = marshal.loads(data[start:])
    if control["code"] != code_identity():
        raise CannotUpdate("A3", "the state is of another version of the linker")
    if control["boot"] != boot_identity():
        raise CannotUpdate("A5", "the machine was started anew")
    return control


def stamp(path: str | int) -> Stamp | None:
    """What a file is known by: device, inode, size, time of modification; None if it is not there."""
    try:
        status = posix.stat(path)
    except OSError:
        return None
    return (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns)
