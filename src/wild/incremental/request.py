"""Does a command line ask for an incremental link, and of which output?  Found out without reading all options."""

from __future__ import annotations

import posix

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
    if any(argument[:1] == "@" for argument in arguments):
        from wild.response import expand

        arguments = expand(arguments)
    wanted = environment.get(b"WILD_INCREMENTAL") == b"1"
    output = "a.out"
    for index, argument in enumerate(arguments):
        if argument[:2] == "-o":
            output = argument[2:] or (arguments[index + 1] if index + 1 < len(arguments) else "")
        elif "-incremental" in argument or argument.startswith("--output"):
            if argument.lstrip("-").partition("=")[0] == "incremental":
                wanted = True
            elif argument.lstrip("-") == "no-incremental":
                wanted = False
            elif argument.startswith("--output="):
                output = argument[9:]
            elif argument == "--output":
                output = arguments[index + 1] if index + 1 < len(arguments) else ""
    asks_more = not OTHERS.isdisjoint(arguments) or any(name in environment for name in REPORTS)
    if not wanted or not output or output == "/dev/null" or asks_more:
        return None
    from wild.incremental.session import Session

    return Session(output, arguments)
