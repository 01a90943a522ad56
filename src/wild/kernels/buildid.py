"""The fast hash behind --build-id: a tree, so that all threads hash and the result is always the same.

The bytes are cut into chunks of 256 KiB; the digests of the chunks, one after another, and the size are
hashed again. A chunk is read in stripes of four lanes of 16 bytes.  A lane with words a and b keeps two
states

    s = fold((a ^ s) * (b ^ K)),   t = fold((b ^ t) * (a ^ L))

where fold is the exclusive or of both halves of the 128-bit product; the eight multiplications of a stripe
do not wait for each other, so memory is the limit.  The two states of a lane see every byte through
different products: that two different contents agree by chance has a probability near 2^-128.  That is what
a build-id needs, which only tells outputs apart.  It is no defence against somebody who makes two files on
purpose; --build-id=sha1 is closer to one.
"""

import cython
from cython.cimports.cpython.buffer import PyBUF_READ
from cython.cimports.cpython.memoryview import PyMemoryView_FromMemory
from cython.cimports.libc.stdint import int64_t, uint8_t, uint64_t
from cython.cimports.libc.string import memcpy, memset
from cython.cimports.posix.mman import MADV_DONTNEED, madvise
from cython.cimports.wild.kernels.buildid import CHUNK, LANES, STRIPE, Digest, Leaves
from cython.cimports.wild.kernels.cc import mix
from cython.cimports.wild.kernels.elf import Bytes, read64
from cython.cimports.wild.kernels.pool import Arena, Pool

# Digits of pi; bit 63 is clear.
K = cython.declare(cython.const[uint64_t], 0x243F6A8885A308D3)
L = cython.declare(cython.const[uint64_t], 0x13198A2E03707345)
SEED = cython.declare(cython.const[uint64_t], 0x24093822299F31D1)
GRAIN = cython.declare(cython.const[int64_t], 4)  # chunks that are hashed at once
STEP = cython.declare(cython.const[uint64_t], 0x082EFA98EC4E6C89)


def fast_digest(pool: Pool, address: int, size: int, mapped: bool = False) -> bytes:
    """20 bytes that tell the `size` bytes at `address` apart from others; `mapped`: see fast_leaves."""
    return digest_of(fast_leaves(pool, address, size, mapped), size)


def fast_leaves(pool: Pool, address: int, size: int, mapped: bool = False) -> bytes:
    """The digests of all chunks, one behind the other.

    `mapped`: the bytes are a shared map of a file, whose pages need not stay in the memory of this process.
    """
    leaves = cython.declare(Leaves)
    leaves.mapped = mapped
    leaves.data = cython.cast(Bytes, cython.cast(uint64_t, address))
    leaves.size = size
    chunks: int64_t = (size + CHUNK - 1) // CHUNK
    arena = Arena()
    leaves.leaf = cython.cast(cython.pointer[Digest], arena.array(chunks + 1, cython.sizeof(Digest)))
    pool.run(hash_chunks, cython.address(leaves), chunks, GRAIN)
    found: bytes = cython.cast(cython.p_char, leaves.leaf)[: chunks * cython.sizeof(Digest)]
    return found


def digest_of(leaves: bytes, size: int) -> bytes:
    """The root of the tree: 20 bytes from the digests of the chunks of `size` bytes."""
    last = cython.declare(Digest)
    memset(cython.address(last), 0, cython.sizeof(Digest))
    last.word[0] = size
    data: bytes = leaves + cython.cast(cython.p_char, cython.address(last))[: cython.sizeof(Digest)]
    root = cython.declare(Digest)
    hash_stripes(
        cython.cast(Bytes, cython.cast(cython.p_char, data)),
        len(data),
        cython.address(root),
    )
    out = b""
    i: int64_t
    for i in range(3):
        out += final_word(cython.address(root), i).to_bytes(8, "little")
    return out[:20]


def memory(address: int, size: int) -> memoryview:
    """The `size` bytes at `address`, which must stay mapped while the view is used."""
    start = cython.cast(cython.p_char, cython.cast(uint64_t, address))
    return PyMemoryView_FromMemory(start, size, PyBUF_READ)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def hash_chunks(context: cython.p_void, begin: int64_t, end: int64_t, worker: cython.int) -> cython.int:
    leaves = cython.cast(cython.pointer[Leaves], context)
    chunk: int64_t
    start: uint64_t
    size: uint64_t
    for chunk in range(begin, end):
        start = chunk * cython.cast(uint64_t, CHUNK)
        size = min(cython.cast(uint64_t, CHUNK), leaves.size - start)
        hash_stripes(leaves.data + start, size, leaves.leaf + chunk)
    if leaves.mapped:
        # The whole output would count as memory of the link, at its peak.
        start = begin * cython.cast(uint64_t, CHUNK)
        size = min((end - begin) * cython.cast(uint64_t, CHUNK), leaves.size - start)
        madvise(cython.cast(cython.p_char, leaves.data) + start, size, MADV_DONTNEED)
    return 0


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def hash_stripes(data: Bytes, size: uint64_t, digest: cython.pointer[Digest]) -> cython.void:
    """Hash whole stripes, then the rest filled up with zeros (sizes are hashed elsewhere)."""
    state = cython.declare(Digest)
    last = cython.declare(uint8_t[64])
    i: cython.int
    for i in range(2 * LANES):
        state.word[i] = SEED + i * STEP
    while size >= STRIPE:
        hash_stripe(data, cython.address(state))
        data += STRIPE
        size -= STRIPE
    if size:
        memset(last, 0, STRIPE)
        memcpy(last, data, size)
        hash_stripe(last, cython.address(state))
    digest[0] = state


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def hash_stripe(data: Bytes, state: cython.pointer[Digest]) -> cython.void:
    lane: cython.int
    for lane in range(LANES):
        a: uint64_t = read64(data + 16 * lane)
        b: uint64_t = read64(data + 16 * lane + 8)
        state.word[2 * lane] = mix(a ^ state.word[2 * lane], b ^ K)
        state.word[2 * lane + 1] = mix(b ^ state.word[2 * lane + 1], a ^ L)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def final_word(root: cython.pointer[Digest], which: uint64_t) -> uint64_t:
    """One of the three words of the result: a chain over all of the root's."""
    value: uint64_t = SEED ^ which
    i: cython.int
    for i in range(2 * LANES):
        value = mix(value ^ root.word[i], STEP + 2 * which + 1)
    return value
