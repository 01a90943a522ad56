"""The fast hash of --build-id: the kernel against a plain twin."""

from __future__ import annotations

import ctypes

import pytest
from hypothesis import given
from hypothesis import strategies as st
from programs import pic_c

from wild.kernels.buildid import fast_digest, memory
from wild.kernels.pool import Pool

POOLS = [Pool(1), Pool(3)]
MASK = 0xFFFFFFFFFFFFFFFF
KEY = [
    0x243F6A8885A308D3, 0x13198A2E03707344, 0xA4093822299F31D0, 0x082EFA98EC4E6C89,
    0x452821E638D01377, 0xBE5466CF34E90C6C, 0xC0AC29B7C97C50DD, 0x3F84D5B5B5470917,
]  # fmt: skip
SPREAD = 0x9E3779B97F4A7C15
SEED, STEP = 0x2FFD72DBD01ADFB7, 0x24A19947B3916CF7
CHUNK = 32 * 1024


def fold(one: int, other: int) -> int:
    product = one * other
    return (product & MASK) ^ (product >> 64)


def twin(data: bytes) -> bytes:
    """All stripes, one after the other."""
    sums = [0, 0]
    for start in range(0, len(data), 64):
        stripe = data[start : start + 64].ljust(64, b"\0")
        words = [int.from_bytes(stripe[at : at + 8], "little") for at in range(0, 64, 8)]
        number = start // 64 * SPREAD & MASK
        for which in range(2):
            pairs = [(2 * pair + which, (2 * pair + which + 1) % 8) for pair in range(4)]
            found = [
                fold(words[one] ^ KEY[2 * pair], words[other] ^ KEY[2 * pair + 1] ^ number)
                for pair, (one, other) in enumerate(pairs)
            ]
            sums[which] = sums[which] + fold(found[0] ^ found[2], found[1] ^ found[3]) & MASK
    digest = b""
    for which in range(3):
        key = STEP + 2 * which
        value = fold(SEED ^ which ^ len(data), key)
        for word in sums:
            value = fold(value ^ word, key)
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


def test_stripes_that_change_places_change_the_digest() -> None:
    one, other = bytes(range(64)), bytes(range(64, 128))

    assert digest(one + other) != digest(other + one)


def test_runs_that_are_hashed_while_they_are_written_give_the_digest_of_the_file(link) -> None:
    """Sections, names, relocations, frames and merged strings, each large enough to be drafted."""
    sources = [
        pic_c(
            "".join(
                f'const char *text_{part}_{n} = "a string of {part} and {n}, long enough to be one of its own";'
                f"int function_{part}_{n}(int x) {{ return x * {n} + {part}; }}"
                for n in range(4000)
            ),
            name=f"part{part}",
        )
        for part in range(3)
    ]
    found = [
        link.shared(*sources, f"-Wl,--build-id,--threads={threads},-soname=x", output=f"of{threads}.so").data
        for threads in (1, 3)
    ]

    assert found[0] == found[1]
    assert len(found[0]) > 2 << 20
    at = found[0].index(b"\x04\0\0\0\x14\0\0\0\x03\0\0\0GNU\0") + 16
    without = found[0][:at] + bytes(20) + found[0][at + 20 :]
    assert digest(without) == found[0][at : at + 20]


def test_memory_shows_the_bytes_and_cannot_change_them() -> None:
    buffer = ctypes.create_string_buffer(b"some bytes")

    view = memory(ctypes.addressof(buffer), 4)

    assert bytes(view) == b"some"
    assert view.readonly
