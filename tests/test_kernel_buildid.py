"""The fast hash of --build-id: the kernel against a plain twin."""

from __future__ import annotations

import ctypes

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wild.kernels.buildid import fast_digest, memory
from wild.kernels.pool import Pool

POOLS = [Pool(1), Pool(3)]
MASK = 0xFFFFFFFFFFFFFFFF
K, L = 0x243F6A8885A308D3, 0x13198A2E03707345
SEED, STEP = 0x24093822299F31D1, 0x082EFA98EC4E6C89
CHUNK = 256 * 1024


def fold(one: int, other: int) -> int:
    product = one * other
    return (product & MASK) ^ (product >> 64)


def hash_stripes(data: bytes) -> list[int]:
    state = [(SEED + number * STEP) & MASK for number in range(8)]
    data += bytes(-len(data) % 64)
    for start in range(0, len(data), 64):
        words = [int.from_bytes(data[at : at + 8], "little") for at in range(start, start + 64, 8)]
        for lane in range(4):
            a, b = words[2 * lane], words[2 * lane + 1]
            state[2 * lane] = fold(a ^ state[2 * lane], b ^ K)
            state[2 * lane + 1] = fold(b ^ state[2 * lane + 1], a ^ L)
    return state


def twin(data: bytes) -> bytes:
    leaves = [hash_stripes(data[start : start + CHUNK]) for start in range(0, len(data), CHUNK)]
    leaves.append([len(data)] + [0] * 7)
    root = hash_stripes(b"".join(word.to_bytes(8, "little") for leaf in leaves for word in leaf))
    digest = b""
    for which in range(3):
        value = SEED ^ which
        for word in root:
            value = fold(value ^ word, STEP + 2 * which + 1)
        digest += value.to_bytes(8, "little")
    return digest[:20]


def digest(data: bytes, pool: Pool = POOLS[0]) -> bytes:
    buffer = ctypes.create_string_buffer(data, len(data) + 1)
    return fast_digest(pool, ctypes.addressof(buffer), len(data))


@given(st.binary(max_size=300))
def test_digest_is_that_of_the_twin(data: bytes) -> None:
    assert digest(data) == twin(data)


@pytest.mark.parametrize("size", [CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK + 77])
def test_chunks_are_hashed_alike_by_any_number_of_threads(size: int) -> None:
    data = (b"0123456789abcdefg" * (size // 17 + 1))[:size]

    assert digest(data, POOLS[0]) == digest(data, POOLS[1]) == twin(data)


@given(st.binary(min_size=1, max_size=200), st.data())
def test_every_bit_counts(data: bytes, draw: st.DataObject) -> None:
    bit = draw.draw(st.integers(0, 8 * len(data) - 1))
    changed = bytearray(data)
    changed[bit // 8] ^= 1 << bit % 8

    assert digest(data) != digest(bytes(changed))


@given(st.integers(0, 200), st.integers(0, 200))
def test_zeros_of_different_lengths_differ(one: int, other: int) -> None:
    assert (digest(bytes(one)) == digest(bytes(other))) == (one == other)


def test_digests_of_small_files_do_not_collide() -> None:
    digests = {digest(number.to_bytes(3, "little")) for number in range(20_000)}

    assert len(digests) == 20_000


def test_memory_shows_the_bytes_and_cannot_change_them() -> None:
    buffer = ctypes.create_string_buffer(b"some bytes")

    view = memory(ctypes.addressof(buffer), 4)

    assert bytes(view) == b"some"
    assert view.readonly
