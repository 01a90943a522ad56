"""What publishing an update asks of the system: may a file be rewritten, and two files exchange their names."""

import cython
from cython.cimports.wild.kernels.exchange import exchange_names
from cython.cimports.wild.kernels.takeover import end_lease, lease


def is_alone(descriptor: int) -> bool:
    """Has nobody else a file open or mapped?  True only where the file system is known to count right."""
    number: cython.int = descriptor
    return lease(number) != 0 and end_lease(number) != 0


def exchange(path: bytes, output: bytes) -> bool:
    """Let two files exchange their names in one step; False where that cannot be, or `output` is no regular file.

    A rename that replaces a file would make ext4 write the new one to the disk first (auto_da_alloc, ext4(5)), which
    takes longer than an update.
    """
    return exchange_names(path, output) == 0
