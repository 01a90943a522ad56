"""Response files: `@FILE` stands for the arguments that FILE lists, which may name response files in turn.

As in GNU ld, a file that does not exist leaves `@FILE` as it is, an argument like any other.  A file that
names itself, directly or through others, is an error instead of a long wait.
"""

from __future__ import annotations

from posix import fstat

from wild.errors import LinkError
from wild.kernels.tokens import split

MAX_FILES = 2000  # GNU ld's limit; it also ends a set of files that name each other ever more often


def expand(arguments: list[str]) -> list[str]:
    """Replace every `@FILE` by what FILE lists.

    Raises LinkError if a file cannot be read, holds a NUL byte, names itself, or if there are too many.
    """
    return _Expansion().expand(arguments)


class _Expansion:
    """The files that are open (`chain`, each as device, inode and path) and how many there have been."""

    def __init__(self) -> None:
        self.chain: list[tuple[int, int, str]] = []
        self.count = 0

    def expand(self, arguments: list[str]) -> list[str]:
        expanded = []
        for argument in arguments:
            words = self.words_of(argument[1:]) if argument[:1] == "@" else None
            if words is None:
                expanded.append(argument)
            else:
                expanded += words
        return expanded

    def words_of(self, path: str) -> list[str] | None:
        """Return what the file lists, all in it expanded, or None if there is no such file."""
        if "\0" in path:
            return None
        try:
            with open(path, "rb") as file:
                status = fstat(file.fileno())
                self.enter(status.st_dev, status.st_ino, path)
                text = file.read()
        except (FileNotFoundError, UnicodeEncodeError):
            return None
        except OSError as error:
            raise LinkError(f"@{path}: {error.strerror}") from None
        nul = text.find(b"\0")
        if nul >= 0:
            raise LinkError(f"@{path}: holds a NUL byte at offset {nul}; a response file is text")
        words = split(text)
        if b"@" in text:
            words = self.expand(words)
        self.chain.pop()
        return words

    def enter(self, device: int, inode: int, path: str) -> None:
        """Note that a file is being read."""
        names = [name for _, _, name in self.chain]
        if any((device, inode) == open_file[:2] for open_file in self.chain):
            raise LinkError(f"@{path}: names itself: {' -> '.join([*names, path])}")
        self.count += 1
        if self.count > MAX_FILES:
            raise LinkError(f"@{path}: more than {MAX_FILES} response files")
        self.chain.append((device, inode, path))
