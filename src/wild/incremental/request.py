"""Does a command line ask for an incremental link, and of which output?  Found out without reading all options."""

from __future__ import annotations

import posix

from wild.incremental.command_line import END, CommandLine

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from wild.incremental.session import Session

# Options that ask questions or make no output that could be updated; the full reader of options sees to them.
OTHERS = frozenset(("--help", "--version", "-r", "--relocatable", "-i", "--print-gcc-dir", "--directory"))
# Whoever sets one of these wants more from a link than its output.
REPORTS = (
    b"WILD_SAVE_DIR",
    b"WILD_SAVE_BASE",
    b"WILD_WRITE_LAYOUT",
    b"WILD_WRITE_TRACE",
    b"WILD_REFERENCE_LINKER",
)


def open_session(arguments: list[str], environment: Mapping[bytes, bytes] = posix.environ) -> Session | None:
    """The session of the link, with its lock; None if it is an ordinary one."""
    line = CommandLine(arguments)
    if line.places(END + "@"):
        from wild.response import expand

        line = CommandLine(expand(arguments))
    wanted = environment.get(b"WILD_INCREMENTAL") == b"1"
    output = "a.out"
    for begin, end in line.places(f"{END}-o", f"{END}--output", "-incremental"):
        argument = line.text[begin:end]
        if argument[:2] == "-o":
            output = argument[2:] or line.behind(end)
        elif argument.startswith("--output="):
            output = argument[9:]
        elif argument == "--output":
            output = line.behind(end)
        elif argument.lstrip("-").partition("=")[0] == "incremental":
            wanted = True
        elif argument.lstrip("-") == "no-incremental":
            wanted = False
    asks_more = not OTHERS.isdisjoint(line.arguments) or any(name in environment for name in REPORTS)
    if not wanted or not output or output == "/dev/null" or asks_more:
        return None
    from wild.incremental.session import Session

    return Session(output, line)
