"""--incremental-diff-out=FILE: which functions an update has changed, for tools that patch the running program.

FILE is one object of JSON, which takes the place of an older one when the output has got its new contents:

    {"version": 1, "output": "/path/program", "mode": "update", "objects": ["part.o"], "functions": [
      {"name": "value", "object": "part.o", "old_address": 4432, "old_size": 20, "new_address": 8192, "new_size": 41}]}

`mode` is that of the log.  After a link that was no update (`initial`, `full`), and where the output has no symbol
table, `functions` is null: everything may be another.  After an `unchanged` one it is empty.

A function is listed if its address, its size or its bytes are another; one that has come or gone has null for what it
has not.  Addresses are those of the symbol table (in a position-independent output, to be added to where it is
loaded), names are those of the symbol table, and are not unique among the functions of all objects.  Functions of
objects that have not changed are not listed, though calls of what has moved are written anew there.
"""

from __future__ import annotations

from struct import iter_unpack

from wild.incremental.control import write_file
from wild.incremental.journal import absolute, quote
from wild.kernels import resymbol, rewrite

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from wild.kernels.graft import Graft

    Function = tuple[int, int, bytes]  # address, size, contents

STT_FUNC, STT_GNU_IFUNC, PT_LOAD = 2, 10, 1
NAME_BYTES = 256


def write_diff(path: str, output: str, mode: str, objects: list[str], functions: object) -> None:
    """Write the file; raises OSError."""
    fields = {
        "version": 1,
        "output": absolute(output),
        "mode": mode,
        "objects": objects,
        "functions": functions,
    }
    write_file(path, f"{quote(fields)}\n".encode("utf-8", "surrogateescape"), 0o666)


class ChangedFunctions:
    """The functions of the changed objects, as they are when this is made, and what becomes of them."""

    def __init__(self, graft: Graft, output: dict[str, Any]) -> None:
        """Before anything is written."""
        self.graft = graft
        self.made: dict[str, tuple[int, int, int, int]] = output["sections"]
        self.segments = self.read_segments()
        self.before = self.read()

    def found(self) -> list[dict[str, object]] | None:
        """When all is written: the rows of the file."""
        after = self.read()
        if self.before is None or after is None:
            return None
        rows: list[dict[str, object]] = []
        for name, old, new in zip(self.graft.changed_names(), self.before, after, strict=True):
            for function in dict.fromkeys((*old, *new)):
                rows += differences(function, name, old.get(function, []), new.get(function, []))
        return rows

    def read(self) -> list[dict[str, list[Function]]] | None:
        """For each changed object: name -> its functions of this name, in order."""
        if ".symtab" not in self.made:
            return None
        table = self.made[".symtab"][1]
        objects = []
        for runs in resymbol.symbol_runs(self.graft):
            functions: dict[str, list[Function]] = {}
            for first, count in runs:
                data = rewrite.read_bytes(self.graft, table + 24 * first, 24 * count)
                for name, info, _, section, value, size in iter_unpack("<IBBHQQ", data):
                    if info & 15 in (STT_FUNC, STT_GNU_IFUNC) and section:
                        found = functions.setdefault(self.name_at(name), [])
                        found.append((value, size, self.contents(value, size)))
            objects.append(functions)
        return objects

    def name_at(self, offset: int) -> str:
        """A string of .strtab."""
        _, start, size, _ = self.made[".strtab"]
        length = NAME_BYTES
        while True:
            text = rewrite.read_bytes(self.graft, start + offset, min(length, size - offset))
            if b"\0" in text or length >= size - offset:
                return text.partition(b"\0")[0].decode("utf-8", "surrogateescape")
            length *= 2

    def read_segments(self) -> list[tuple[int, int, int]]:
        """(address, size in the file, offset) of what is loaded."""
        header = rewrite.read_bytes(self.graft, 0, 64)
        start, size, count = (
            int.from_bytes(header[at : at + n], "little") for at, n in ((32, 8), (54, 2), (56, 2))
        )
        rows = iter_unpack("<IIQQQQQQ", rewrite.read_bytes(self.graft, start, size * count))
        return [
            (address, length, offset) for kind, _, offset, address, _, length, _, _ in rows if kind == PT_LOAD
        ]

    def contents(self, address: int, size: int) -> bytes:
        for start, length, offset in self.segments:
            if start <= address and address + size <= start + length:
                return rewrite.read_bytes(self.graft, offset + address - start, size)
        return b""


def differences(name: str, where: str, old: list[Function], new: list[Function]) -> list[dict[str, object]]:
    """Rows about the functions of one name in one object, which are paired in their order."""
    rows: list[dict[str, object]] = []
    for at in range(max(len(old), len(new))):
        before = old[at] if at < len(old) else (None, None, b"")
        after = new[at] if at < len(new) else (None, None, b"")
        if before != after:
            rows.append({
                "name": name, "object": where, "old_address": before[0], "old_size": before[1],
                "new_address": after[0], "new_size": after[1],
            })  # fmt: skip
    return rows
