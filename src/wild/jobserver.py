"""GNU make's jobserver: a link inside `make -j8` uses only as many threads as make has jobs to spare.

make tells its children in MAKEFLAGS where tokens are: `--jobserver-auth=fifo:PATH` (since make 4.4) or the two
descriptors of a pipe, `R,W` (GNU make manual, "POSIX Jobserver Interaction").  A process owns one job; each byte that
it reads is one more, and has to be written back.  cargo and ninja speak the same protocol.

The pipe is shared with all jobs, and whether reading waits is a property of what was opened.  So it is opened anew
through /proc, without waiting; a pipe that is not ours to use (the recipe line had no `+`) cannot be opened, and then
make has no say in it.
"""

from __future__ import annotations

import posix

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

AUTHORISATIONS = (b"--jobserver-auth=", b"--jobserver-fds=")


class Tokens:
    """The jobs that make lends this process, besides its own; `None` where there is no jobserver."""

    __slots__ = ("held", "way_back")

    def __init__(self) -> None:
        self.held = b""
        self.way_back = -1

    def give_back(self) -> None:
        """Return everything; called when the link ends, however it does."""
        if self.way_back >= 0:
            try:
                posix.write(self.way_back, self.held)
                posix.close(self.way_back)
            except OSError:
                pass  # make has ended, and wants nothing back
            self.way_back = -1


def take_tokens(most: int, environment: Mapping[bytes, bytes] = posix.environ) -> Tokens | None:
    """Take up to `most` tokens without waiting; None if make does not run this."""
    flags = environment.get(b"MAKEFLAGS")
    if flags is None or b"--jobserver" not in flags:
        return None
    for word in reversed(flags.split()):
        for authorisation in AUTHORISATIONS:
            if word.startswith(authorisation):
                return tokens_of(word[len(authorisation) :], most)
    return None


def tokens_of(place: bytes, most: int) -> Tokens | None:
    """Take tokens from a FIFO or a pair of descriptors."""
    tokens = Tokens()
    try:
        if place.startswith(b"fifo:"):
            source = way_back = posix.open(place[5:], posix.O_RDWR | posix.O_NONBLOCK | posix.O_CLOEXEC)
        else:
            source_number, _, back_number = place.partition(b",")
            if not is_pipe(source_number) or not is_pipe(back_number):
                return None
            descriptors = b"/proc/self/fd/"
            source = posix.open(
                descriptors + source_number, posix.O_RDONLY | posix.O_NONBLOCK | posix.O_CLOEXEC
            )
            way_back = posix.open(descriptors + back_number, posix.O_WRONLY | posix.O_CLOEXEC)
    except OSError:
        return None
    try:
        tokens.held = posix.read(source, most) if most > 0 else b""
    except OSError:
        tokens.held = b""  # none to spare
    if source != way_back:
        posix.close(source)
    tokens.way_back = way_back
    return tokens


def is_pipe(number: bytes) -> bool:
    """Is this the number of an open pipe?  Without `+` make closes them, and another file may have the number."""
    try:
        return number.isdigit() and posix.fstat(int(number)).st_mode & 0o170000 == 0o010000
    except OSError:
        return False
