"""The build-id after an update: only the chunks of the output that changed are hashed again."""

import cython
from cython.cimports.libc.stdint import int64_t, uint64_t
from cython.cimports.libc.string import memchr, memcpy, memset
from cython.cimports.wild.kernels.buildid import CHUNK, Digest, add_bytes
from cython.cimports.wild.kernels.elf import Bytes
from cython.cimports.wild.kernels.saved import SAVED_LEAVES, Saved

from wild.errors import CannotUpdate
from wild.kernels.buildid import digest_of


def refresh_build_id(saved: Saved, offset: int, size: int) -> None:
    """Write the id of `size` bytes at `offset` in the file, which count as zeros in it."""
    id = saved.out + cython.cast(uint64_t, offset)
    memset(id, 0, size)
    saved.change(id, size)
    leaves = cython.cast(cython.pointer[Digest], saved.leaves)
    chunks: int64_t = (saved.out_size + CHUNK - 1) // CHUNK
    if saved.count[SAVED_LEAVES] != cython.cast(uint64_t, chunks) * cython.sizeof(Digest):
        raise CannotUpdate("A4", "the state is damaged")
    i: int64_t
    page: uint64_t = 0
    pages: uint64_t = (saved.out_size + 4095) >> 12
    while page < pages:
        found = cython.cast(Bytes, memchr(saved.changed + page, 1, pages - page))
        if found is cython.NULL:
            break
        i = (cython.cast(uint64_t, found - saved.changed) << 12) // CHUNK
        start: uint64_t = i * cython.cast(uint64_t, CHUNK)
        end: uint64_t = min(start + CHUNK, saved.out_size)
        memset(leaves + i, 0, cython.sizeof(Digest))
        add_bytes(leaves + i, saved.out + start, end - start, start)
        saved.touch(leaves + i, cython.sizeof(Digest))
        page = end >> 12 if end < saved.out_size else pages
    data: bytes = cython.cast(cython.p_char, leaves)[: chunks * cython.sizeof(Digest)]
    digest: bytes = digest_of(data, saved.out_size)
    memcpy(id, cython.cast(cython.p_char, digest), min(size, len(digest)))
