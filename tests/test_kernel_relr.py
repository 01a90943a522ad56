"""Packing relative relocations: every address comes back, and the table is as short as the plain way makes it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wild.kernels.relr import encode_addresses

WINDOW = 63 * 8


def plain(addresses: list[int]) -> list[int]:
    """An address, then bitmaps as long as each has a bit (gABI, "Relocation", SHT_RELR)."""
    words, left = [], sorted(set(addresses))
    while left:
        base = left.pop(0) + 8
        words.append(base - 8)
        while True:
            inside = [a for a in left if a < base + WINDOW and (a - base) % 8 == 0]
            # What stands between and does not fit ends the bitmap.
            first = next((a for a in left if a not in inside), base + WINDOW)
            inside = [a for a in inside if a < first]
            if not inside:
                break
            words.append(sum(1 << ((a - base) // 8 + 1) for a in inside) | 1)
            left = left[len(inside) :]
            base += WINDOW
    return words


def decoded(words: list[int]) -> list[int]:
    found, base = [], 0
    for word in words:
        if word % 2 == 0:
            found.append(word)
            base = word + 8
        else:
            found += [base + 8 * bit for bit in range(63) if word >> (bit + 1) & 1]
            base += WINDOW
    return found


gaps = st.one_of(
    st.just(8),
    st.integers(0, 80).map(lambda n: 2 * n),
    st.sampled_from([WINDOW - 8, WINDOW, WINDOW + 8, 2 * WINDOW, 4096, 1 << 40]),
)
starts = st.integers(0, 1 << 40).map(lambda n: 2 * n)


@st.composite
def ascending(draw: st.DrawFn) -> list[int]:
    address, found = draw(starts), []
    for gap in draw(st.lists(gaps, max_size=150)):
        found.append(address)
        address += gap
    return found


@given(ascending())
def test_every_address_comes_back_once(addresses):
    assert sorted(set(addresses)) == decoded(encode_addresses(addresses))


@given(ascending())
def test_the_table_is_that_of_the_plain_encoder(addresses):
    assert plain(addresses) == encode_addresses(addresses)


@given(ascending())
def test_there_is_never_more_than_a_word_for_each_address(addresses):
    assert len(encode_addresses(addresses)) <= len(set(addresses))


@pytest.mark.parametrize(("count", "words"), [(1, 1), (2, 2), (64, 2), (65, 3), (127, 3), (128, 4)])
def test_tables_of_pointers_take_a_bit_for_each(count, words):
    assert words == len(encode_addresses([4096 + 8 * n for n in range(count)]))


def test_empty_table():
    assert encode_addresses([]) == []


def test_the_first_address_may_be_0():
    assert decoded(encode_addresses([0, 8])) == [0, 8]
