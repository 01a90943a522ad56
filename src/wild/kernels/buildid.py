"""The fast hash behind --build-id: a sum over the output, so that its parts can be hashed in any order.

The bytes are cut into stripes of 64.  A stripe comes to two words, each a product of sums of products of all its eight
words, a different pairing in each, with the stripe's number in every product.  A product of 64-bit words is folded:
its halves are combined by exclusive or.  What the stripes come to is added up, and the two sums and the size are mixed
to the id.  That two different contents agree by chance has a probability near 2^-128, which is what a build-id needs:
it only tells outputs apart.  It is no defence against somebody who makes two files on purpose; --build-id=sha1 is
closer to one.

Since sums have no order, a worker hashes a large run of bytes as soon as it has put it together, while it is in the
cache (drafts.pxd); the rest is hashed in the end.  To read the whole output again took a tenth of a large link.

An incremental link keeps the sums of chunks of 32 KiB, its leaves; an update hashes those again that it changes.
"""

import cython
from cython.cimports.cpython.buffer import PyBUF_READ
from cython.cimports.cpython.memoryview import PyMemoryView_FromMemory
from cython.cimports.libc.stdint import int64_t, uint64_t
from cython.cimports.libc.stdlib import qsort
from cython.cimports.libc.string import memset
from cython.cimports.posix.mman import MADV_DONTNEED, madvise
from cython.cimports.wild.kernels.buildid import (
    CHUNK,
    Digest,
    HashedRun,
    Hashing,
    add_to_leaves,
)
from cython.cimports.wild.kernels.cc import mix
from cython.cimports.wild.kernels.drafts import LEAST_DRAFT
from cython.cimports.wild.kernels.elf import Bytes
from cython.cimports.wild.kernels.output import Output
from cython.cimports.wild.kernels.pool import Arena, Pool

SEED = cython.declare(cython.const[uint64_t], 0x2FFD72DBD01ADFB7)
STEP = cython.declare(cython.const[uint64_t], 0x24A19947B3916CF7)
GRAIN = cython.declare(cython.const[int64_t], 32)  # chunks that are hashed at once


def fast_digest(pool: Pool, address: int, size: int) -> bytes:
    """20 bytes that tell the `size` bytes at `address` apart from others."""
    hashing = cython.declare(Hashing)
    memset(cython.address(hashing), 0, cython.sizeof(Hashing))
    arena = Arena()
    hashing.data = cython.cast(Bytes, cython.cast(uint64_t, address))
    hashing.leaf = leaf_table(arena, size)
    hash_rest(pool, cython.address(hashing), size)
    return digest_of(leaves_of(cython.address(hashing), size), size)


@cython.cfunc
def leaf_table(arena: Arena, size: uint64_t) -> cython.pointer[Digest]:
    return cython.cast(
        cython.pointer[Digest], arena.array((size + CHUNK - 1) // CHUNK, cython.sizeof(Digest))
    )


@cython.cfunc
def leaves_of(hashing: cython.pointer[Hashing], size: uint64_t) -> bytes:
    """The digests of all chunks, one behind the other."""
    return cython.cast(cython.p_char, hashing.leaf)[: (size + CHUNK - 1) // CHUNK * cython.sizeof(Digest)]


@cython.cfunc
@cython.exceptval(-1, check=False)
def hash_rest(pool: Pool, hashing: cython.pointer[Hashing], size: uint64_t) -> cython.int:
    """Hash what is not hashed of the data."""
    arena = Arena()
    most: uint64_t = size // CHUNK + 1 + hashing.count
    hashing.piece = cython.cast(cython.pointer[HashedRun], arena.array(most, cython.sizeof(HashedRun)))
    pool.run(hash_pieces, hashing, cut_rest(hashing, size), GRAIN)
    return 0


def digest_of(leaves: bytes, size: int) -> bytes:
    """20 bytes from the digests of all chunks of `size` bytes; each word of them is a chain over all that is known."""
    a: uint64_t = 0
    b: uint64_t = 0
    leaf = cython.cast(cython.pointer[Digest], cython.cast(cython.p_char, leaves))
    i: int64_t
    for i in range(len(leaves) // cython.sizeof(Digest)):
        a += leaf[i].a
        b += leaf[i].b
    out = b""
    which: uint64_t
    for which in range(3):
        key: uint64_t = STEP + 2 * which
        value: uint64_t = mix(mix(mix(SEED ^ which ^ cython.cast(uint64_t, size), key) ^ a, key) ^ b, key)
        out += value.to_bytes(8, "little")
    return out[:20]


def start_hash(output: Output):
    """Have large runs hashed as they are written; whoever writes them does not change them afterwards."""
    arena = output.hash_arena = Arena()
    hashing = cython.address(output.hashing)
    most: uint64_t = output.size // LEAST_DRAFT + 1
    hashing.leaf = leaf_table(arena, output.size)
    hashing.run = cython.cast(cython.pointer[HashedRun], arena.array(most, cython.sizeof(HashedRun)))
    output.drafts.hashing = hashing


def finish_hash(pool: Pool, output: Output) -> bytes:
    """Hash the rest of an output; the digests of all its chunks, one behind the other."""
    hashing = cython.address(output.hashing)
    if output.drafts.hashing is cython.NULL:
        output.hash_arena = Arena()
        hashing.leaf = leaf_table(output.hash_arena, output.size)
    if hashing.count:
        qsort(hashing.run, hashing.count, cython.sizeof(HashedRun), compare_runs)
    hashing.data = output.base
    hashing.mapped = output.descriptor >= 0
    hash_rest(pool, hashing, output.size)
    return leaves_of(hashing, output.size)


def memory(address: int, size: int) -> memoryview:
    """The `size` bytes at `address`, which must stay mapped while the view is used."""
    start = cython.cast(cython.p_char, cython.cast(uint64_t, address))
    return PyMemoryView_FromMemory(start, size, PyBUF_READ)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def compare_runs(one: cython.p_const_void, other: cython.p_const_void) -> cython.int:
    a: uint64_t = cython.cast(cython.pointer[HashedRun], one).begin
    b: uint64_t = cython.cast(cython.pointer[HashedRun], other).begin
    return -1 if a < b else 1


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def cut_rest(hashing: cython.pointer[Hashing], size: uint64_t) -> int64_t:
    """Note what is between the runs, in pieces of a chunk at most; returns their number."""
    pieces: int64_t = 0
    at: uint64_t = 0
    k: int64_t = 0
    while at < size:
        limit: uint64_t = hashing.run[k].begin if k < hashing.count else size
        if at < limit:
            piece = cython.address(hashing.piece[pieces])
            piece.begin = at
            piece.end = min(limit, (at // CHUNK + 1) * CHUNK)
            at = piece.end
            pieces += 1
        else:
            at = hashing.run[k].end
            k += 1
    return pieces


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def hash_pieces(context: cython.p_void, begin: int64_t, end: int64_t, worker: cython.int) -> cython.int:
    hashing = cython.cast(cython.pointer[Hashing], context)
    i: int64_t
    for i in range(begin, end):
        piece = cython.address(hashing.piece[i])
        add_to_leaves(hashing, hashing.data + piece.begin, piece.begin, piece.end)
    if hashing.mapped:
        # The whole output would count as memory of the link, at its peak.
        first: uint64_t = hashing.piece[begin].begin & ~cython.cast(uint64_t, 4095)
        madvise(
            cython.cast(cython.p_char, hashing.data) + first,
            hashing.piece[end - 1].end - first,
            MADV_DONTNEED,
        )
    return 0
