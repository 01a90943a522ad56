"""Saving the state of an incremental link when the link has ended.

The output is complete and has its name; what is left is for the next link: hashes of all inputs, and the tables.  That
takes a quarter of the time of a large link, for which nobody has to wait.  So a child does it: a copy of the process
(fork(2), so what the parent does from here on is not seen), which goes on while the parent ends.

What makes this safe is what makes a killed link safe.  The child holds the lock of the state directory, which the next
link of the output waits for.  There is no control file until the child has written all else, so if it is killed, or the
machine stops, there is no state and the next link is a full one.  What others may change from now on is known: the
identity of the image was noted before the fork, and inputs that are not any more what they were when they were opened
leave no state (`Saver.save`).

The child keeps no file of the parent open but the lock, so nobody who reads the linker's messages from a pipe waits for
it, and like the child of kernels/parting.py it is nobody's.  `--no-fork` does without.
"""

from __future__ import annotations

import posix

from wild.kernels.pool import Pool

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

LAST_DESCRIPTOR = 1 << 30


def save_afterwards(pool: Pool, lock: int, save: Callable[[Pool], None]) -> None:
    """Let a child call `save` with a pool of its own; in this process if there can be no child.

    `lock` is the one descriptor that the child keeps.  The pool is closed: threads do not come along.
    """
    pool.close()
    try:
        child = posix.fork()
    except OSError:
        save(Pool(pool.threads))
        return
    if child:
        return
    try:
        leave_descriptors(lock)
        save(Pool(pool.threads))
    finally:
        posix._exit(0)  # whatever happened: without a control file there is no state


def leave_descriptors(kept: int) -> None:
    """Close all descriptors but one."""
    posix.closerange(0, kept)
    posix.closerange(kept + 1, LAST_DESCRIPTOR)
