"""The end of an update: the other image of the output becomes the current one, and is published."""

from __future__ import annotations

import posix

from wild.incremental.control import remove, stamp, write_control
from wild.kernels.publish import is_alone

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from wild.incremental.session import Session
    from wild.kernels.saved import Saved

SEEK_SET, ENXIO = 0, 6


def commit(session: Session, control: dict[str, Any], saved: Saved) -> None:
    """Write image, tables and control file, and publish; raises OSError."""
    directory, current = session.directory, control["image"]
    pages = saved.changed_pages()
    if not pages:
        control["stamps"][current] = stamp(f"{directory}/image-{current}")
        control["tables_stamp"] = write_tables(directory, control, saved)
        session.publish_again(control)
        return
    target = 1 - current
    path = f"{directory}/image-{target}"
    image, older = open_image(f"{directory}/image-{current}", path, control["stamps"][target])
    try:
        posix.unlink(f"{directory}/control")
        saved.write_pages(image, control["pages"] if older else b"")
    finally:
        posix.close(image)
    session.verify(path)
    control["tables_stamp"] = write_tables(directory, control, saved)
    session.publish(path)
    control["image"] = target
    control["stamps"][target] = stamp(path)
    control["pages"] = pages
    control["updates"] += 1
    write_control(directory, control)


def write_tables(directory: str, control: dict[str, Any], saved: Saved) -> object:
    """Write back what was touched; returns the new stamp."""
    control["tables"] = saved.directory()
    tables = posix.open(f"{directory}/tables", posix.O_WRONLY | posix.O_CLOEXEC)
    try:
        saved.commit(tables)
    finally:
        posix.close(tables)
    return stamp(f"{directory}/tables")


def open_image(current: str, path: str, known: object) -> tuple[int, bool]:
    """(the other image, open for writing; is it the older version of the output?  Else it is a copy of this one.)"""
    if known is not None and stamp(path) == known and posix.stat(path).st_nlink == 1:
        try:
            descriptor = posix.open(path, posix.O_RDWR | posix.O_CLOEXEC)
        except OSError:
            pass  # it is being executed
        else:
            if is_alone(descriptor):
                return descriptor, True
            posix.close(descriptor)
    return copy_image(current, path), False


def copy_image(current: str, path: str) -> int:
    """A new file with the contents and mode of the current image; returns its descriptor."""
    source = posix.open(current, posix.O_RDONLY | posix.O_CLOEXEC)
    try:
        status = posix.fstat(source)
        remove(path)
        target = posix.open(path, posix.O_RDWR | posix.O_CREAT | posix.O_EXCL | posix.O_CLOEXEC, 0o600)
        try:
            copy_bytes(source, target, status.st_size)
            posix.fchmod(target, status.st_mode & 0o7777)
        except BaseException:
            posix.close(target)
            raise
    finally:
        posix.close(source)
    return target


def copy_bytes(source: int, target: int, size: int) -> None:
    """Copy within the kernel, sharing blocks where the file system can; holes, as in room that is zero, stay holes."""
    posix.ftruncate(target, size)
    end = 0
    while end < size:
        try:
            done = posix.lseek(source, end, posix.SEEK_DATA)
        except OSError as error:
            if error.errno == ENXIO:
                return  # the rest is a hole
            raise
        end = posix.lseek(source, done, posix.SEEK_HOLE)
        while done < end:
            try:
                step = posix.copy_file_range(source, target, end - done, done, done)
            except OSError:
                posix.lseek(target, done, SEEK_SET)
                step = posix.sendfile(target, source, done, end - done)
            if step == 0:
                raise OSError(5, "the saved output is shorter than it was")
            done += step
