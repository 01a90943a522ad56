"""Links of damaged inputs, thousands in one process: the worker of test_mutation.py, a tool to repeat one.

A case is a number. It seeds the choice of a template (object, archive, shared object, script), of what is done
to its bytes, and of the options of the link; so `mutation.py --first N --count 1 --keep DIR` repeats case N and
leaves its files. The case that is being run stands in the progress file, so that a crash tells its number; a
link that takes too long is ended with the stacks of all threads.

What must hold: a damaged input is refused with a LinkError or linked; an older output is then as it was or
gone, and a new one is sound; no other file is left behind, no descriptor stays open.
"""

from __future__ import annotations

import argparse
import faulthandler
import os
import random
import shutil
import signal
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import elf
import sanity

from wild.errors import LinkError
from wild.link import link
from wild.options import parse

LINK_LIMIT = 30  # seconds, generous for a sanitized build on a busy machine
MEMORY = "/dev/shm"  # where files come and go at no cost
OLDER_OUTPUT = b"an older output\n" * 100
MODES = (
    ["-static"],
    ["-static", "--gc-sections", "--print-gc-sections"],
    ["-pie", "-dynamic-linker", "/lib/ld.so"],
    ["-pie", "--no-dynamic-linker", "-z", "pack-relative-relocs", "-z", "now"],
    ["-shared", "-z", "notext"],
    ["-shared", "-Bsymbolic", "--gc-sections", "--hash-style=both"],
    ["-static", "-O2", "--build-id", "--eh-frame-hdr", "-Map=map"],
    ["-pie", "--no-dynamic-linker", "-s", "--as-needed", "-z", "ibt"],
    ["-static", "--unresolved-symbols=ignore-all", "--allow-multiple-definition", "--noinhibit-exec"],
    ["-static", "--whole-archive", "-x", "--cref", "--no-relax"],
)
ORDERS = ("damaged last", "damaged first", "damaged alone")


# Widths of the fields of one row, by the type of the section (gABI); others are words of 4 bytes.
ROWS = {
    elf.SHT_SYMTAB: (4, 1, 1, 2, 8, 8),
    elf.SHT_DYNSYM: (4, 1, 1, 2, 8, 8),
    elf.SHT_RELA: (8, 4, 4, 8),
    elf.SHT_DYNAMIC: (8, 8),
    elf.SHT_INIT_ARRAY: (8,),
}
SECTION_HEADER = (4, 4, 8, 8, 8, 8, 4, 4, 8, 8)
OPAQUE = (elf.SHT_PROGBITS, elf.SHT_NOBITS, elf.SHT_STRTAB)


def fields(content: bytes) -> list[tuple[int, int]]:
    """Offset and width of every number in the tables of an ELF file; none for other files."""
    if content[:4] != b"\x7fELF":
        return []
    file = elf.Elf(content)
    found = list(rows(file.shoff, 64 * file.shnum, SECTION_HEADER))
    for section in file.section_list:
        if section.type not in OPAQUE or section.name == ".eh_frame":
            found += rows(section.offset, section.size, ROWS.get(section.type, (4,)))
    return found


def rows(start: int, size: int, widths: tuple[int, ...]) -> Iterator[tuple[int, int]]:
    """The fields of a table of equal rows."""
    for row in range(start, start + size - sum(widths) + 1, sum(widths)):
        for index, width in enumerate(widths):
            yield row + sum(widths[:index]), width


def damage(content: bytes, known: list[tuple[int, int]], choose: random.Random) -> bytes:
    """Cut the file, or change a few numbers of its tables or bytes anywhere."""
    if choose.random() < 0.05:
        return content[: choose.randrange(len(content))]
    mutant = bytearray(content)
    for _ in range(choose.choice((1, 1, 1, 2, 3, 8))):
        if known and choose.random() < 0.6:
            damage_field(mutant, *choose.choice(known), choose)
        else:
            damage_once(mutant, choose)
    return bytes(mutant)


def damage_field(mutant: bytearray, at: int, width: int, choose: random.Random) -> None:
    old = int.from_bytes(mutant[at : at + width], "little")
    near = old + choose.choice((-8, -1, 1, 4, 8, 24))
    new = choose.choice((near, near, number(len(mutant), choose), choose.randrange(64)))
    mutant[at : at + width] = (new % 256**width).to_bytes(width, "little")


def damage_once(mutant: bytearray, choose: random.Random) -> None:
    at = place(mutant, choose)
    match choose.randrange(6):
        case 0:
            mutant[at] ^= 1 << choose.randrange(8)
        case 1:
            mutant[at] = choose.choice((0, 1, 0x7F, 0x80, 0xFF))
        case 2:
            width = choose.choice((2, 4, 8))
            mutant[at : at + width] = number(len(mutant), choose).to_bytes(8, "little")[:width]
        case 3:
            other = place(mutant, choose)
            width = choose.choice((1, 4, 8, 24, 64))
            mutant[at : at + width] = mutant[other : other + width]
        case 4:
            mutant[at : at + 4] = choose.randrange(64).to_bytes(4, "little")
        case _:
            mutant[at] = (mutant[at] + choose.choice((1, -1))) % 256


def place(content: bytearray, choose: random.Random) -> int:
    """A position: the header, the section headers at the end, a field's beginning, or anywhere."""
    near = choose.choice((64, 512, len(content), len(content)))
    at = choose.randrange(min(near, len(content)))
    if choose.random() < 0.4:
        at = len(content) - 1 - at
    return at & ~7 if choose.random() < 0.5 else at


def number(size: int, choose: random.Random) -> int:
    """A number that bounds checks get wrong."""
    edge = choose.choice((0, 1, size, 1 << 16, 1 << 31, 1 << 32, 1 << 40, 1 << 63, (1 << 64) - 1))
    return (edge + choose.choice((-1, 0, 0, 1, 8, 24, 64))) % (1 << 64)


class Worker:
    """Runs cases in a directory of its own."""

    def __init__(self, templates: Path, directory: Path) -> None:
        contents = {path.name: path.read_bytes() for path in sorted(templates.iterdir())}
        self.templates = [(name, text, fields(text)) for name, text in contents.items() if name != "start.o"]
        self.directory = directory
        shutil.copyfile(templates / "start.o", directory / "start.o")
        os.chdir(directory)
        self.successes = 0

    def arguments(self, number: int) -> list[str]:
        """Write the damaged file of a case and return the options of its link."""
        choose = random.Random(number)
        template, content, known = choose.choice(self.templates)
        name = f"damaged.{template.partition('.')[2]}"
        Path(name).write_bytes(damage(content, known, choose))
        inputs = {
            "damaged last": ["start.o", name],
            "damaged first": [name, "start.o"],
            "damaged alone": [name],
        }
        given = inputs[choose.choice(ORDERS)]
        if name.endswith(".map"):
            given = ["start.o", f"--version-script={name}"]
        threads = choose.choice(("--threads=1", "--threads=1", "--threads=2"))
        return [*choose.choice(MODES), threads, *given, "-o", "output"]

    def run(self, number: int) -> None:
        """One case; raises AssertionError or whatever the linker must not raise."""
        Path("output").write_bytes(OLDER_OUTPUT)
        arguments = self.arguments(number)
        before = set(os.listdir())
        signal.setitimer(signal.ITIMER_REAL, LINK_LIMIT)
        try:
            link(parse(arguments))
        except LinkError as error:
            refusal = str(error)
        else:
            refusal = None
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
        self.check_output(refusal)
        extra = set(os.listdir()) - before - {"map"}
        assert not extra, f"files left behind: {extra}"
        for name in before - {"start.o"}:
            Path(name).unlink(missing_ok=True)

    def check_output(self, refusal: str | None) -> None:
        """After an error the older output or none, else a file of sound structure."""
        if refusal is not None:
            assert refusal.strip(), "an error without a text"
            left = Path("output").read_bytes() if Path("output").exists() else OLDER_OUTPUT
            assert left == OLDER_OUTPUT, f"a broken output was left after: {refusal}"
            return
        self.successes += 1
        file = elf.Elf(Path("output").read_bytes())
        checks = (sanity.segments, sanity.load_order, sanity.file_overlaps, sanity.symbol_order)
        found = [sentence for check in checks for sentence in check(file)]
        assert not found, "\n".join(found)


def descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


def silence() -> None:
    """Warnings and maps of damaged inputs are not interesting; crashes go to standard error."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--templates", type=Path, required=True, help="directory of the undamaged files")
    parser.add_argument("--first", type=int, default=0, help="number of the first case")
    parser.add_argument("--count", type=int, default=1, help="how many cases")
    parser.add_argument("--progress", type=Path, help="file that holds the number of the current case")
    parser.add_argument("--keep", type=Path, help="directory to work in and to leave as it is")
    given = parser.parse_args()
    faulthandler.enable()
    # Ends the process behind the stacks. A watchdog of faulthandler's would be a thread, to wait for after each link.
    faulthandler.register(signal.SIGALRM, all_threads=True, chain=True)
    progress = os.open(given.progress or os.devnull, os.O_RDWR | os.O_CREAT, 0o644)
    with tempfile.TemporaryDirectory(dir=MEMORY if os.path.isdir(MEMORY) else None) as scratch:
        directory = given.keep or Path(scratch)
        directory.mkdir(exist_ok=True)
        worker = Worker(given.templates.resolve(), directory)
        if given.keep:
            print("wild", *worker.arguments(given.first))
        else:
            silence()
        run_cases(worker, range(given.first, given.first + given.count), progress)
        os.chdir("/")


def run_cases(worker: Worker, numbers: range, progress: int) -> None:
    os.pwrite(progress, b"%-12d" % numbers[0], 0)
    worker.run(numbers[0])
    before = descriptors()
    for case in numbers:
        os.pwrite(progress, b"%-12d" % case, 0)
        worker.run(case)
    assert descriptors() == before, f"{descriptors() - before} descriptors stay open"
    os.pwrite(progress, b"%-12d %d" % (numbers[-1], worker.successes), 0)


if __name__ == "__main__":
    sys.exit(main())
