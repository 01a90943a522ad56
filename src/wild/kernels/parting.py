"""Ending at once: what the system has to do when a large link ends is left to a child.

When the output is complete nobody has to wait any more, but the process cannot go before the system has taken back
all its memory, page by page: a twentieth of the time of a large link.  So has the older output that was replaced, whose
last name is gone.  Both go when the last process that holds them goes.  That is a child that shares the memory
(clone(2), CLONE_VM; nothing is copied), keeps the older file open, and does nothing but wait for its parent's end.
It holds none of the other files, so nobody who reads the linker's messages from a pipe waits for it.

The child is nobody's: its parent's parent is not told of it.  `--no-fork` does without, and is
needed under valgrind, which does not know such a clone; and only the command does
this, not the function `link`, whose caller goes on.
"""

import posix

import cython
from cython.cimports.wild.kernels.parting import start_heir


def leave_to_child(older: int) -> bool:
    """Start the child.  `older`: the descriptor of a file to keep for it, closed here, or -1; False if it cannot be."""
    kept: cython.int = older
    child: cython.int = start_heir(kept)
    if older >= 0:
        posix.close(older)
    return child > 0


def open_older(path: str) -> int:
    """A descriptor of a regular file that is about to be replaced; -1 if there is none."""
    try:
        flags = posix.O_RDONLY | posix.O_CLOEXEC | posix.O_NOFOLLOW | posix.O_NONBLOCK
        return posix.open(path, flags)
    except OSError:
        return -1
