"""The command line: which command is meant, what is printed, and with which status the process ends."""

from __future__ import annotations

import sys
from posix import _exit

from wild.version import VERSION


def main(argv: list[str]) -> None:
    """Run the command `argv` (its first item is the name it was invoked by) and end the process."""
    print(f"Wild {VERSION} (compatible with GNU linkers)")
    sys.stdout.flush()
    _exit(0)
