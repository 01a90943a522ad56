"""The log of incremental links, in the user's state directory: one line of JSON for each link.

Several links may end at once, so a line is written by one call to the end of the file.  When the file has become
large, it is put aside and a new one begun.
"""

from __future__ import annotations

import posix
import time

LARGEST = 4 << 20  # bytes; one older file is kept


def log_path() -> str:
    """$XDG_STATE_HOME/wild/log (XDG Base Directory Specification), empty if there is no home directory."""
    base = text(posix.environ.get(b"XDG_STATE_HOME", b""))
    home = text(posix.environ.get(b"HOME", b""))
    if not base.startswith("/"):
        base = f"{home}/.local/state" if home else ""
    return f"{base}/wild/log" if base else ""


def text(data: bytes) -> str:
    return data.decode("utf-8", "surrogateescape")


def write_line(fields: dict[str, object]) -> None:
    """Append a line; a log that cannot be written is no reason to fail."""
    path = log_path()
    if not path:
        return
    line = "{" + ", ".join(f"{quote(name)}: {quote(value)}" for name, value in fields.items()) + "}\n"
    data = line.encode("utf-8", "surrogateescape")
    flags = posix.O_WRONLY | posix.O_CREAT | posix.O_APPEND | posix.O_CLOEXEC
    for attempt in range(2):
        try:
            descriptor = posix.open(path, flags, 0o600)
        except OSError:
            if attempt or not make_directories(path.rpartition("/")[0]):
                return
            continue
        try:
            posix.write(descriptor, data)
            if posix.fstat(descriptor).st_size > LARGEST:
                posix.rename(path, f"{path}.old")
        except OSError:
            pass
        posix.close(descriptor)
        return


def absolute(path: str) -> str:
    return path if path[:1] == "/" else f"{posix.getcwd()}/{path}"


def make_directories(path: str) -> bool:
    """Make a directory and those above it."""
    try:
        posix.mkdir(path, 0o700)
    except FileExistsError:
        return True
    except OSError:
        above = path.rpartition("/")[0]
        if not above or not make_directories(above):
            return False
        try:
            posix.mkdir(path, 0o700)
        except OSError:
            return False
    return True


def quote(value: object) -> str:
    """A value as JSON (RFC 8259)."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return f"{value:.3f}"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{quote(name)}: {quote(each)}" for name, each in value.items()) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(map(quote, value)) + "]"
    return '"' + "".join(map(escape, str(value))) + '"'


def escape(character: str) -> str:
    if character in '"\\':
        return "\\" + character
    code = ord(character)
    return (
        character
        if 0x20 <= code < 0x7F or (code > 0xA0 and not 0xD800 <= code < 0xE000)
        else f"\\u{code:04x}"
    )


def now() -> float:
    """Seconds since the epoch."""
    return time.time()
