"""The fast hash behind --build-id: a sum over the output, so that its parts can be hashed in any order.

The bytes are cut into stripes of 64.  A stripe comes to two words, each a product of sums of products of all its eight
words, a different pairing in each, with the stripe's number in every product.  A product of 64-bit words is folded:
its halves are combined by exclusive or.  What the stripes come to is added up, and the two sums and the size are mixed
to the id.  That two different contents agree by chance has a probability near 2^-128, which is what a build-id needs:
it only tells outputs apart.  It is no defence against somebody who makes two files on purpose; --build-id=sha1 is
closer to one.

Since sums have no order, a worker hashes a large run of bytes as soon as it has put it together, while it is in the
cache (drafts.pxd); the rest is hashed in the end.  To read the whole output again took a tenth of a large link.

An incremental link keeps the sums of chunks of 256 KiB, its leaves; an update hashes those again that it changes.
"""

import cython
from cython.cimports.cpython.buffer import PyBUF_READ
from cython.cimports.cpython.memoryview import PyMemoryView_FromMemory
from cython.cimports.libc.stdint import int64_t, uint64_t
from cython.cimports.libc.stdlib import qsort
from cython.cimports.posix.mman import MADV_DONTNEED, madvise
from cython.cimports.wild.kernels.buildid import (
    CHUNK,
    Digest,
    HashedRun,
    Hashing,
    Leaves,
    add_bytes,
)
from cython.cimports.wild.kernels.cc import mix
from cython.cimports.wild.kernels.drafts import LEAST_DRAFT
from cython.cimports.wild.kernels.elf import Bytes
from cython.cimports.wild.kernels.output import Output
from cython.cimports.wild.kernels.pool import Arena, Pool

SEED = cython.declare(cython.const[uint64_t], 0x2FFD72DBD01ADFB7)
STEP = cython.declare(cython.const[uint64_t], 0x24A19947B3916CF7)
GRAIN = cython.declare(cython.const[int64_t], 4)  # chunks that are hashed at once


def fast_digest(pool: Pool, address: int, size: int) -> bytes:
    """20 bytes that tell the `size` bytes at `address` apart from others."""
    return digest_of(fast_leaves(pool, address, size), size)


def fast_leaves(pool: Pool, address: int, size: int, mapped: bool = False) -> bytes:
    """The digests of all chunks, one behind the other.

    `mapped`: the bytes are a shared map of a file, whose pages need not stay in the memory of this process.
    """
    leaves = cython.declare(Leaves)
    arena = Arena()
    chunks: int64_t = (size + CHUNK - 1) // CHUNK
    piece = cython.cast(cython.pointer[HashedRun], arena.array(chunks, cython.sizeof(HashedRun)))
    i: int64_t
    for i in range(chunks):
        piece[i].begin = i * cython.cast(uint64_t, CHUNK)
        piece[i].end = min(piece[i].begin + CHUNK, cython.cast(uint64_t, size))
    leaves.data = cython.cast(Bytes, cython.cast(uint64_t, address))
    leaves.piece = piece
    leaves.mapped = mapped
    leaves.leaf = cython.cast(cython.pointer[Digest], arena.array(chunks, cython.sizeof(Digest)))
    pool.run(hash_pieces, cython.address(leaves), chunks, GRAIN)
    found: bytes = cython.cast(cython.p_char, leaves.leaf)[: chunks * cython.sizeof(Digest)]
    return found


def digest_of(leaves: bytes, size: int) -> bytes:
    """20 bytes from the digests of all chunks of `size` bytes."""
    sum = cython.declare(Digest)
    sum.a = 0
    sum.b = 0
    leaf = cython.cast(cython.pointer[Digest], cython.cast(cython.p_char, leaves))
    i: int64_t
    for i in range(len(leaves) // cython.sizeof(Digest)):
        sum.a += leaf[i].a
        sum.b += leaf[i].b
    return finish(sum, size)


@cython.cfunc
def finish(sum: Digest, size: uint64_t) -> bytes:
    """The id: each of its words is a chain over all that is known."""
    out = b""
    which: uint64_t
    for which in range(3):
        key: uint64_t = STEP + 2 * which
        value: uint64_t = mix(mix(mix(SEED ^ which ^ size, key) ^ sum.a, key) ^ sum.b, key)
        out += value.to_bytes(8, "little")
    return out[:20]


def start_hash(pool: Pool, output: Output):
    """Have large runs hashed as they are written; whoever writes them does not change them afterwards."""
    arena = output.hash_arena = Arena()
    hashing = cython.address(output.hashing)
    most: uint64_t = output.size // LEAST_DRAFT + 1
    hashing.sum = cython.cast(cython.pointer[Digest], arena.array(pool.threads, cython.sizeof(Digest)))
    hashing.run = cython.cast(cython.pointer[HashedRun], arena.array(most, cython.sizeof(HashedRun)))
    output.drafts.hashing = hashing


def finish_hash(pool: Pool, output: Output) -> bytes:
    """Hash the rest; what fast_digest finds for the whole."""
    hashing = cython.address(output.hashing)
    qsort(hashing.run, hashing.count, cython.sizeof(HashedRun), compare_runs)
    leaves = cython.declare(Leaves)
    arena = Arena()
    most: uint64_t = output.size // CHUNK + 1 + hashing.count
    leaves.piece = cython.cast(cython.pointer[HashedRun], arena.array(most, cython.sizeof(HashedRun)))
    pieces: int64_t = cut_rest(hashing, output.size, leaves.piece)
    leaves.data = output.base
    leaves.mapped = output.descriptor >= 0
    leaves.leaf = cython.cast(cython.pointer[Digest], arena.array(pieces, cython.sizeof(Digest)))
    pool.run(hash_pieces, cython.address(leaves), pieces, GRAIN)
    sum = cython.declare(Digest)
    sum.a = 0
    sum.b = 0
    i: int64_t
    for i in range(pool.threads):
        sum.a += hashing.sum[i].a
        sum.b += hashing.sum[i].b
    for i in range(pieces):
        sum.a += leaves.leaf[i].a
        sum.b += leaves.leaf[i].b
    return finish(sum, output.size)


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
def cut_rest(hashing: cython.pointer[Hashing], size: uint64_t, piece: cython.pointer[HashedRun]) -> int64_t:
    """What is between the runs, in pieces of a chunk at most; returns their number."""
    pieces: int64_t = 0
    at: uint64_t = 0
    k: int64_t = 0
    while at < size:
        limit: uint64_t = hashing.run[k].begin if k < hashing.count else size
        if at < limit:
            piece[pieces].begin = at
            piece[pieces].end = min(limit, (at // CHUNK + 1) * CHUNK)
            at = piece[pieces].end
            pieces += 1
        else:
            at = hashing.run[k].end
            k += 1
    return pieces


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def hash_pieces(context: cython.p_void, begin: int64_t, end: int64_t, worker: cython.int) -> cython.int:
    leaves = cython.cast(cython.pointer[Leaves], context)
    i: int64_t
    for i in range(begin, end):
        piece = cython.address(leaves.piece[i])
        add_bytes(leaves.leaf + i, leaves.data + piece.begin, piece.end - piece.begin, piece.begin)
    if leaves.mapped:
        # The whole output would count as memory of the link, at its peak.
        first: uint64_t = leaves.piece[begin].begin & ~cython.cast(uint64_t, 4095)
        madvise(
            cython.cast(cython.p_char, leaves.data) + first, leaves.piece[end - 1].end - first, MADV_DONTNEED
        )
    return 0
