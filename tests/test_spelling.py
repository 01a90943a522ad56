"""Suggestions for unknown names: language linkage, case, underscores, edits; a naive twin; speed."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wild.spelling import hint, nearest


@pytest.mark.parametrize(
    ("name", "candidates", "expected"),
    [
        ("foo", ["main", "_Z3foov"], "_Z3foov"),
        ("foo", ["_Z4foo2v", "_Z3fooi", "_Z3foov"], "_Z3fooi"),
        ("foo", ["_ZN2ns3fooEv"], "_ZN2ns3fooEv"),
        ("_Z3foov", ["main", "foo"], "foo"),
        ("_ZN2ns3fooEv", ["foo"], "foo"),
        ("_ZNK2ns3fooEv", ["foo"], "foo"),
        ("_Z3foov", ["_Z3fooi"], "_Z3fooi"),
        ("_Z3foov", ["_Z3fool", "foo"], "foo"),
        ("_ZN2ns6lengthERKSs", ["_ZN2ns7length2Ev", "_ZN2ns6lengthEPKcmm"], "_ZN2ns6lengthEPKcmm"),
        ("Main", ["man", "main"], "main"),
        ("_main", ["main"], "main"),
        ("main", ["_main", "MAIN"], "_main"),
        ("prntf", ["puts", "sprintf", "printf"], "printf"),
        ("pritnf", ["printf"], "printf"),
        ("printff", ["printf"], "printf"),
        ("pthread_crate", ["pthread_join", "pthread_create"], "pthread_create"),
        ("_ZN4llvm5ValueC1Ev", ["_ZN4llvm5ValueC1Ei"], "_ZN4llvm5ValueC1Ei"),
        ("abcdefgh", ["abcdxxgh", "abcdexgh"], "abcdexgh"),
        ("abcdefgh", ["abcdxfgh", "abcxefgh"], "abcdxfgh"),
    ],
)
def test_nearest(name, candidates, expected):
    assert nearest(name, candidates) == expected


@pytest.mark.parametrize(
    ("name", "candidates"),
    [
        ("foo", []),
        ("foo", ["foo"]),
        ("foo", ["bar", "main"]),
        ("fo", ["xo", "f"]),
        ("printf", ["prints_it", "puts"]),
        ("_Z3foov", ["_Z3barv", "fooo", "_Z"]),
        ("foo", ["_Z3foIoEv", "x3foo", "_ZN3foo3barEv"]),
        ("", ["a", ""]),
    ],
)
def test_nothing_is_near(name, candidates):
    assert nearest(name, candidates) is None


@pytest.mark.parametrize(
    ("name", "candidates", "expected"),
    [
        ("foo", ["_Z3fooi"], 'did you mean: foo(int), which is defined without extern "C"'),
        ("_Z3fooi", ["foo"], 'did you mean: foo, which is defined as extern "C"'),
        ("_Z3fooi", ["_Z3fool"], "did you mean: foo(long)"),
        ("mian", ["main"], "did you mean: main"),
        ("main", ["exit"], None),
    ],
)
def test_hint(name, candidates, expected):
    assert hint(name, candidates) == expected


def distance(one: str, other: str) -> int:
    """The whole table: insertion, deletion, replacement, swap of neighbours (optimal string alignment)."""
    table = [[line + column for column in range(len(other) + 1)] for line in range(len(one) + 1)]
    for line in range(1, len(one) + 1):
        for column in range(1, len(other) + 1):
            same = one[line - 1] == other[column - 1]
            choices = [
                table[line - 1][column] + 1,
                table[line][column - 1] + 1,
                table[line - 1][column - 1] + (not same),
            ]
            if line > 1 and column > 1 and one[line - 2 : line] == other[column - 2 : column][::-1]:
                choices.append(table[line - 2][column - 2] + 1)
            table[line][column] = min(choices)
    return table[-1][-1]


def naive_nearest(name: str, candidates: list[str]) -> str | None:
    limit = min((len(name) + 1) // 4, 3)
    near = [(distance(name, other), index) for index, other in enumerate(candidates) if other != name]
    best = min(near, default=(limit + 1, 0))
    return candidates[best[1]] if best[0] <= limit else None


NAME = st.text("abc", max_size=14)
EDIT = st.tuples(st.sampled_from("idrs"), st.integers(0, 13), st.sampled_from("abcd"))


def edited(name: str, edits: list[tuple[str, int, str]]) -> str:
    for kind, at, letter in edits:
        skip = {"i": 0, "d": 1, "r": 1, "s": 2}[kind]
        middle = {"i": letter, "d": "", "r": letter, "s": name[at : at + 2][::-1]}[kind]
        name = name[:at] + middle + name[at + skip :]
    return name


@given(NAME, st.lists(st.lists(EDIT, max_size=4), max_size=6), st.lists(NAME, max_size=3))
def test_the_nearest_name_is_that_of_the_twin(name, edits, others):
    candidates = [edited(name, one) for one in edits] + others

    assert nearest(name, candidates) == naive_nearest(name, candidates)


def test_a_hundred_thousand_similar_names_take_under_a_second():
    names = [f"_ZN4llvm{len(str(i)) + 8}Instruct{i}7doThingEPNS_5ValueE" for i in range(100_000)]
    wanted = "_ZN4llvm13Instruct777777doThingEPNS_5ValuEE"

    begin = time.process_time()
    found = nearest(wanted, names)
    spent = time.process_time() - begin

    assert found == "_ZN4llvm13Instruct777777doThingEPNS_5ValueE"
    assert spent < 1.5
