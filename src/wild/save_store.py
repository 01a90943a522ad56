"""Where a saved link is put: a directory, or a tar archive with one directory in it."""

from __future__ import annotations

import io
import os
import shutil
import tarfile
from abc import ABC, abstractmethod

from wild import VERSION
from wild.errors import LinkError

SIGN = "run-with"  # the file by which a directory is known to be a saved link


class Store(ABC):
    """A place for copies of files, each stored once; `path` is what error texts name."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.stored: set[str] = set()

    def add_file(self, path: str, place: str, data: bytes | None = None) -> None:
        """Store a copy of the file at `path` as `place`, or `data` in its stead."""
        if place not in self.stored:
            self.stored.add(place)
            if data is None:
                self.copy(path, place)
            else:
                self.add_data(place, data)

    @abstractmethod
    def copy(self, path: str, place: str) -> None:
        """Store the file at `path` as `place`."""

    def add_text(self, place: str, text: str, *, executable: bool = False) -> None:
        """Store a text of our own."""
        self.add_data(place, text.encode("utf-8", "surrogateescape"), executable=executable)

    @abstractmethod
    def add_data(self, place: str, data: bytes, *, executable: bool = False) -> None:
        """Store bytes of our own."""

    @abstractmethod
    def close(self) -> None:
        """Complete the copy."""


class DirectoryStore(Store):
    """A directory, which replaces a link that was saved there before."""

    def __init__(self, path: str) -> None:
        super().__init__(path)
        if os.path.exists(os.path.join(path, SIGN)):
            shutil.rmtree(path)
        elif os.path.isdir(path) and os.listdir(path):
            raise LinkError(f"{path}: holds other things than a saved link; name an empty or a new directory")
        os.makedirs(path, exist_ok=True)

    def copy(self, path: str, place: str) -> None:
        target = os.path.join(self.path, place)
        os.makedirs(os.path.dirname(target), exist_ok=True)
        shutil.copy(path, target)

    def add_data(self, place: str, data: bytes, *, executable: bool = False) -> None:
        target = os.path.join(self.path, place)
        os.makedirs(os.path.dirname(target), exist_ok=True)
        with open(target, "wb") as file:
            file.write(data)
        if executable:
            os.chmod(target, 0o755)

    def close(self) -> None:
        """Each file was complete when it was stored."""


class TarStore(Store):
    """A tar archive; all is in a directory that has the name of the archive without its ending."""

    def __init__(self, path: str) -> None:
        super().__init__(path)
        try:
            self.tar = tarfile.open(path, "w")  # noqa: SIM115 - closed by `close`
        except OSError as error:
            raise LinkError(f"{path}: cannot save the link: {error.strerror}") from None
        self.directory = os.path.basename(path).removesuffix(".tar")
        self.add_text("version.txt", f"Wild {VERSION}\n")

    def copy(self, path: str, place: str) -> None:
        info = self.tar.gettarinfo(os.path.realpath(path), f"{self.directory}/{place}")
        info.uid = info.gid = 0
        info.uname = info.gname = ""
        info.type = tarfile.REGTYPE  # hard links among the inputs are files of their own
        info.size = os.stat(path).st_size
        with open(path, "rb") as file:
            self.tar.addfile(info, file)

    def add_data(self, place: str, data: bytes, *, executable: bool = False) -> None:
        info = tarfile.TarInfo(f"{self.directory}/{place}")
        info.size = len(data)
        info.mode = 0o755 if executable else 0o644
        self.tar.addfile(info, io.BytesIO(data))

    def close(self) -> None:
        self.tar.close()


def next_directory(base: str) -> str:
    """A new directory below `base`, named by the first number that is free; links may run side by side."""
    os.makedirs(base, exist_ok=True)
    number = 0
    while True:
        path = os.path.join(base, str(number))
        try:
            os.mkdir(path)
        except FileExistsError:
            number += 1
        else:
            return path
