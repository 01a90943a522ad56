"""Is this the command line of the last link?

Drivers name temporary files on the command line, which have other names every time: gcc's resolution file for its
plugin, the objects of a `cc a.c -o a`, what rustc writes into a directory of its own.  Such names are replaced by a
mark, and the names themselves listed, so that the files can be compared with those that had their places.

The objects that rustc makes of one crate are in as many units as it likes, so one mark stands for all of them.
"""

from __future__ import annotations

import posix

from wild.incremental.command_line import END, CommandLine

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

MARK, UNITS = "\0temporary", "\0units"
UNIT = ".rcgu.o"  # how the names of rustc's objects end
ENVIRONMENT = (b"LD_RUN_PATH", b"WILD_GC_SECTIONS", b"WILD_THREADS")
PREFIXES = ("-plugin-opt=-fresolution=", "--plugin-opt=-fresolution=")
FILE_OPTIONS = ("--version-script=", "--dynamic-list=", "--retain-symbols-file=")
# Options without influence on the output: how the link is done, how much is said about it, and how fast it is.
SILENT = frozenset((
    "incremental", "incremental=explain", "incremental=strict", "incremental=canonical", "verify-incremental",
    "time", "color-diagnostics", "color-diagnostics=always",
))  # fmt: skip
# What stands in every argument that may have to be treated specially, besides the names of temporary directories.
MARKS = (
    f"{UNIT}{END}", *PREFIXES, "/rustc", "=rustc", f"{END}rustc", "-incremental", "-time", "-color-diagnostics",
)  # fmt: skip


class Fingerprint:
    """`key` is equal for equal links; `temporary` and `units` are the names that it leaves out, in order."""

    def __init__(self, line: CommandLine, environment: Mapping[bytes, bytes] = posix.environ) -> None:
        self.temporary: list[str] = []
        self.units: list[str] = []
        values = [environment.get(name, b"").decode("utf-8", "surrogateescape") for name in ENVIRONMENT]
        text, at = line.text, 0
        kept = [END.join([posix.getcwd(), *values])]
        for begin, end in line.places(*MARKS, *(f"{directory}/" for directory in temporary_directories())):
            if at < begin - 1:
                kept.append(text[at : begin - 1])
            at = end
            argument = text[begin:end]
            if argument.endswith(UNIT) and argument[:1] != "-":
                self.units.append(argument)
                if kept[-1] != END + UNITS:
                    kept.append(END + UNITS)
            elif not is_silent(argument):
                kept.append(END + self.canonical(argument))
        kept.append(text[at:])
        self.key = "".join(kept).encode("utf-8", "surrogateescape")

    def canonical(self, argument: str) -> str:
        """The argument, or what stands for it if it is another every time."""
        if argument[:1] == "-":
            if argument.startswith(PREFIXES):
                return PREFIXES[0]
            for option in FILE_OPTIONS:
                if argument.startswith(option) and is_temporary(argument[len(option) :]):
                    self.temporary.append(argument[len(option) :])
                    return option + MARK
            if argument[:2] == "-L" and "/rustc" in argument and is_of_rustc(argument[2:]):
                return f"-L{MARK}"
            return argument
        if is_temporary(argument):
            self.temporary.append(argument)
            return MARK
        return argument


def is_silent(argument: str) -> bool:
    words = argument.lstrip("-")
    return argument[:1] == "-" and (words in SILENT or words.startswith("incremental-diff-out="))


def is_of_rustc(directory: str) -> bool:
    """Is it, or is it in, a directory that rustc has made for one link: rustc and six letters?"""
    return any(part[:5] == "rustc" and len(part) == 11 for part in directory.split("/"))


def temporary_directories() -> tuple[str, ...]:
    """Where compilers make files for the linker."""
    chosen = posix.environ.get(b"TMPDIR") or b"/tmp"
    return ("/tmp", "/var/tmp", chosen.decode("utf-8", "surrogateescape").rstrip("/"))


def is_temporary(path: str) -> bool:
    """Does a compiler choose this name at random?"""
    directory, _, name = path.rpartition("/")
    if is_of_rustc(directory):
        return True
    if directory not in temporary_directories():
        return False
    stem = name.rpartition(".")[0]
    return (name[:2] == "cc" and len(stem) == 8) or (
        len(stem) > 7 and stem[-7] == "-" and stem[-6:].isalnum()
    )
