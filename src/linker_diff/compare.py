"""The comparison of our file with references: `compare()`, which the command and other programs call."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from linker_diff.code import Decoded
from linker_diff.compare_debug import DebugComparison
from linker_diff.compare_relocatable import compare_relocatable
from linker_diff.data import compare_arrays, compare_objects
from linker_diff.defaults import DEFAULTS
from linker_diff.dwarf import Dwarf
from linker_diff.dynamic import compare_dynamic, hash_faults
from linker_diff.frames import Frames
from linker_diff.functions import FunctionComparison
from linker_diff.headers import compare_headers, compare_sections, compare_segments
from linker_diff.image import Image
from linker_diff.match import Pair
from linker_diff.notes import compare_comments, compare_notes
from linker_diff.origins import add_origins
from linker_diff.places import Places
from linker_diff.references import References
from linker_diff.relocatable import Relocatable, is_relocatable
from linker_diff.relocations import compare_relocations, relocation_faults
from linker_diff.report import Difference, Report, Row, accept, merge
from linker_diff.symbols import compare_symbols, compare_versions
from linker_diff.unwinding import compare_frames, frame_faults

CHECKS = (
    compare_headers, compare_segments, compare_sections, compare_dynamic, compare_symbols, compare_versions,
    compare_relocations, compare_arrays, compare_objects, compare_notes, compare_comments,
)  # fmt: skip


class Side:
    """One file, with everything that is computed from it alone."""

    def __init__(self, path: Path, label: str) -> None:
        self.image = Image(path, label)
        self.places = Places(self.image)
        self.frames = Frames(self.image)
        self.code = Decoded(self.image)
        self.debug = Dwarf(self.image)
        self.references = References(self.places, self.frames, self.code)
        self.faults = {key: text for check in self.checks() for key, text in check}

    def checks(self) -> Iterator[Iterator[tuple[str, str]]]:
        """What is wrong with a file whatever it is compared with."""
        yield hash_faults(self.places)
        yield relocation_faults(self.places)
        yield frame_faults(self.places, self.frames)


def compare(
    references: Sequence[Path],
    ours: Path,
    ignore: Iterable[str] = (),
    *,
    wild_defaults: bool = False,
    labels: Sequence[str] = (),
) -> Report:
    """Compare linked files, or outputs of -r, by meaning; what is equal to any reference is no difference.

    `ignore` holds globs of keys; `wild_defaults` adds those of `defaults.py`. `labels` names the files in the report,
    ours last; without them they are named by what tells their file names apart. Raises DiffError for a file that
    cannot be read.
    """
    if not references:
        raise ValueError("there is nothing to compare with")
    names = list(labels) or label_files([*references, ours])
    report = Report(list(references), ours)
    against = list(compare_with_each(references, ours, names, report))
    patterns = [*ignore, *(DEFAULTS if wild_defaults else ())]
    left, report.ignored = accept(merge(against), patterns)
    report.differences = add_origins(ours, names[-1], left)
    return report


def compare_with_each(
    references: Sequence[Path], ours: Path, names: list[str], report: Report
) -> Iterator[list[Difference]]:
    """The differences from each reference; `names` are the labels, ours last."""
    if all(map(is_relocatable, [*references, ours])):
        our_file = Relocatable(ours, names[-1])
        report.counts = our_file.counts
        for path, name in zip(references, names, strict=False):
            yield list(compare_relocatable(Relocatable(path, name), our_file))
        return
    our_side = Side(ours, names[-1])
    for path, name in zip(references, names, strict=False):
        yield list(compare_pair(Side(path, name), our_side, report))


def compare_pair(ref: Side, ours: Side, report: Report) -> Iterator[Difference]:
    """All differences from one reference."""
    pair = Pair(ref.references, ours.references)
    for check in CHECKS:
        yield from check(pair)
    functions = FunctionComparison(pair, ref.code, ours.code)
    yield from functions.differences()
    yield from compare_frames(pair)  # after the functions, which find out what unnamed code corresponds
    yield from DebugComparison(pair, ref.debug, ours.debug).differences()
    for key, text in ours.faults.items():
        if key not in ref.faults:
            yield Difference(key, text, (Row(ours.image.label, text),))
    report.counts = {
        "functions": functions.count,
        "symbols": len(ours.places.symbol_of),
        "relocations": len(ours.image.relocations),
        "unwind records": len(ours.frames.by_start),
        "debug units": len(ours.debug.units),
    }


def label_files(paths: Sequence[Path]) -> list[str]:
    """What tells the names of the files apart: `ld`, `lld`, `wild` for `hello.ld`, `hello.lld`, `hello.wild`."""
    names = [path.name for path in paths]
    if len(set(names)) < len(names):
        names = [path.parent.name for path in paths]
    if len(set(names)) < len(names):
        return [str(path) for path in paths]
    prefix = common([*names])
    suffix = common([name[::-1] for name in names])
    shortest = min(map(len, names))
    cut = [name[prefix : len(name) - min(suffix, shortest - prefix)].strip(".-_") for name in names]
    return cut if all(cut) and max(map(len, cut)) <= 16 and prefix else names


def common(names: list[str]) -> int:
    """The length of the prefix that all share, not cutting a word."""
    length = 0
    for letters in zip(*names, strict=False):
        if len(set(letters)) > 1:
            break
        length += 1
    while length and names[0][length - 1].isalnum():
        length -= 1
    return length
