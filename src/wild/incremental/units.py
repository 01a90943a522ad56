"""The objects of rustc by their new names: which of them are which of the last link's, and which have come or gone.

Such a name is CRATE.UNIT.INVOCATION.rcgu.o, with another INVOCATION every time (older versions leave it out).  An edit
can lead rustc to divide a crate into other units.  What finds no old unit takes the place of one that is gone, since
what an update compares are contents; what remains is added behind all other files, or leaves an empty path.
"""

from __future__ import annotations

from wild.errors import CannotUpdate
from wild.incremental.fingerprint import UNIT
from wild.kernels.identity import ROW

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def rename_temporary(control: dict[str, Any], temporary: list[str], units: list[str]) -> None:
    """Put the names of this link's command line into the place of the last one's; raises CannotUpdate."""
    if len(control["temporary"]) != len(temporary) or (units and -1 in control["units"]):
        raise CannotUpdate("C1", "the command line is another")
    if not temporary and not units:
        return
    paths: list[bytes] = control["paths"].split(b"\0")
    paths.pop()
    for number, name in zip(control["temporary"], temporary, strict=True):
        if number >= 0:
            paths[number] = encode(name)
    if [unit_of(paths[number]) for number in control["units"]] == [unit_of(encode(name)) for name in units]:
        for number, name in zip(control["units"], units, strict=True):
            paths[number] = encode(name)
    else:
        divide_anew(control, paths, [encode(name) for name in units])
    control["paths"] = b"".join(path + b"\0" for path in paths)


def divide_anew(control: dict[str, Any], paths: list[bytes], units: list[bytes]) -> None:
    """Find the old unit of each new one; `paths` are changed."""
    numbers: list[int] = control["units"]
    of_unit = {unit_of(paths[number]): number for number in numbers if paths[number]}
    kept = [of_unit[unit] for name in units if (unit := unit_of(name)) in of_unit]
    originals = [
        number for number in kept if number < control["files"] and number not in control["misplaced"]
    ]
    if control["dependencies"] is not None:
        raise CannotUpdate("C1", "the dependency file names other objects")
    if originals != sorted(set(originals)) or len(of_unit) != sum(bool(paths[number]) for number in numbers):
        raise CannotUpdate("C1", "the objects of a crate are in another order")
    come = [name for name in units if unit_of(name) not in of_unit]
    for name in units:
        if name not in come:
            paths[of_unit[unit_of(name)]] = name
    for number in sorted(set(numbers) - set(kept), key=lambda number: not paths[number]):
        if come:
            control["misplaced"].append(number)
        paths[number] = come.pop(0) if come else b""
    for name in come:
        numbers.append(len(paths))
        paths.append(name)
        control["rows"] += bytes(ROW)


def unit_of(path: bytes) -> bytes:
    """The name without what differs between invocations."""
    name = path.rpartition(b"/")[2].removesuffix(UNIT.encode())
    return name.rpartition(b".")[0] if name.count(b".") > 1 else name


def encode(name: str) -> bytes:
    return name.encode("utf-8", "surrogateescape")
