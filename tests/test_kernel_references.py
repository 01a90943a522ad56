"""What error texts ask of the tables of a link, held equal to plain twins; the list of faults of a loop."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import symbols
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from objects import PROGBITS, Relocation, Section, Symbol, loaded, relocatable
from symbols import RULES, bind

from wild.kernels.names import NameTable
from wild.kernels.pool import KernelFault, Pool
from wild.kernels.references import LinkTables, not_in_shared
from wild.kernels.resolve import Resolution
from wild.kernels.sections import SectionTable
from wild.kernels.spellings import defined_elsewhere, similar_names
from wild.spelling import nearest

R_64 = 1


@pytest.fixture(scope="module", params=[1, 3], ids=["1-thread", "3-threads"])
def pool(request: pytest.FixtureRequest) -> Iterator[Pool]:
    pool = Pool(request.param)
    yield pool
    pool.close()


def tables_of(bound: symbols.Bound) -> LinkTables:
    return LinkTables(bound.inputs, bound.names, bound.resolution, bound.sections)


# --- references --------------------------------------------------------------------------------------------

relocations = st.lists(
    st.builds(lambda word, symbol: Relocation(8 * word, R_64, symbol), st.integers(0, 15), st.integers(1, 5)),
    max_size=6,
)
section_names = st.sampled_from([".text.a", ".text.b", ".data", ".debug_info"])
sections = st.lists(
    st.tuples(section_names, relocations), min_size=1, max_size=3, unique_by=lambda pair: pair[0]
)
FIVE_NAMES = ["one", "two", "three", "four", "five"]


def object_of(rows: list[tuple[str, list[Relocation]]]) -> bytes:
    """All five names are undefined in it."""
    made = [
        Section(name, bytes(128), 0 if name.startswith(".debug") else 2, 0, 1, tuple(found), PROGBITS)
        for name, found in rows
    ]
    return relocatable(made, [Symbol(name, 0) for name in FIVE_NAMES])


@settings(max_examples=60, deadline=None)
@given(st.lists(sections, min_size=1, max_size=4), st.integers(1, 4))
def test_references_are_those_of_a_plain_search(pool, files, most):
    inputs = loaded(pool, [object_of(rows) for rows in files])
    names = NameTable(pool, inputs)
    resolution = Resolution(pool, inputs, names)
    resolution.load(pool)
    tables = LinkTables(inputs, names, resolution, SectionTable(pool, inputs, names, RULES, False, False))

    found = tables.references([names.find(name.encode()) for name in FIVE_NAMES], most)

    for number, (count, places) in enumerate(found, 1):
        expected = [
            (file, index, each.offset)
            for file, rows in enumerate(files, 1)
            for index, (name, listed) in enumerate(rows, 1)
            for each in listed
            if each.symbol == number and not name.startswith(".debug")
        ]
        assert (count, places) == (len(expected), expected[:most])


def test_relocation_is_found_by_its_index_or_by_its_offset(pool):
    """Two relocations at one offset are told apart by the index; a sorted copy's index may be another's."""
    rows = (Relocation(8, 1, 1, 5), Relocation(0, 2, 2, 6), Relocation(0, 10, 3, 7))
    inputs = loaded(pool, [object_of([(".data", list(rows))])])
    names = NameTable(pool, inputs)
    resolution = Resolution(pool, inputs, names)
    resolution.load(pool)
    tables = LinkTables(inputs, names, resolution, SectionTable(pool, inputs, names, RULES, False, False))

    assert tables.relocation(1, 1, 0, 2) == (10, 3, 7)
    assert tables.relocation(1, 1, 0, 0) == (2, 2, 6)
    with pytest.raises(IndexError):
        tables.relocation(1, 1, 4, 0)


@pytest.mark.parametrize("question", ["symbol", "section_name", "relocation", "file_data", "version"])
def test_numbers_out_of_range_are_refused(pool, question):
    bound = bind(pool, [(symbols.relocatable([symbols.Symbol("f")]), 0)], sections=True)
    tables = tables_of(bound)

    arguments = {"symbol": (1, 99), "relocation": (1, 99, 0, 0), "section_name": (9, 1)}.get(question, (9, 1))
    if question == "file_data":
        arguments = (9,)
    with pytest.raises(IndexError):
        getattr(tables, question)(*arguments)


# --- names -------------------------------------------------------------------------------------------------

letters = st.text("abcA_Z7", min_size=1, max_size=9)
cxx = st.builds(
    lambda name, rest: f"_Z{len(name)}{name}{rest}",
    st.text("abc", min_size=1, max_size=6),
    st.sampled_from(["v", "i", "il"]),
)
spellings = st.one_of(letters, letters, cxx)


@settings(max_examples=200, deadline=None)
@given(st.lists(spellings, min_size=1, max_size=12, unique=True), spellings)
def test_sifted_names_hold_the_nearest_one(pool, known, name):
    """What the kernel lets through is enough for wild/spelling.py to choose as if it had seen all names."""
    from wild.causes import similar_candidates

    known = [each for each in known if each != name]
    assume(known)
    bound = bind(pool, [(symbols.relocatable([symbols.Symbol(each) for each in known]), 0)], sections=True)

    sifted = similar_candidates(tables_of(bound), name.encode())

    in_order = sorted(known, key=lambda each: bound.names.find(each.encode()))
    assert sifted == [each for each in in_order if each in sifted]
    assert nearest(name, sifted) == nearest(name, in_order)


def test_case_and_underscores_do_not_count(pool):
    bound = bind(pool, [(symbols.relocatable([symbols.Symbol("__Open_File")]), 0)], sections=True)

    assert similar_names(tables_of(bound), b"openfile", 1, b"", b"", b"") == [b"__Open_File"]


def test_only_defined_names_are_similar(pool):
    bound = bind(pool, [(symbols.relocatable([symbols.undefined("abc")]), 0)], sections=True)

    assert similar_names(tables_of(bound), b"abd", 3, b"a", b"b", b"abc") == []


def test_definitions_that_do_not_count(pool):
    one = [symbols.Symbol("f", binding=symbols.LOCAL), symbols.Symbol("f@V"), symbols.Symbol("g")]
    two = [symbols.Symbol("f", version="@OLD"), symbols.Symbol("ff"), symbols.undefined("g")]
    bound = bind(pool, [(symbols.relocatable(one), 0), (symbols.shared(two), 0)], sections=True)
    tables = tables_of(bound)

    found = defined_elsewhere(tables, [b"f", b"h"])

    assert [(number, file, tables.symbol(file, index)[1]) for number, file, index in found] == [
        (0, 1, b"f"),
        (0, 1, b"f@V"),
        (0, 2, b"f"),
    ]
    assert tables.version(2, found[2][2]) == (b"OLD", True)


def test_names_that_some_shared_object_defines(pool):
    user = symbols.shared([symbols.undefined("here"), symbols.undefined("nowhere")])
    bound = bind(
        pool, [(user, 0), (symbols.shared([symbols.Symbol("here")]), symbols.AS_NEEDED)], sections=True
    )
    numbers = [bound.names.find(name) for name in (b"here", b"nowhere")]

    assert not_in_shared(tables_of(bound), numbers) == [bound.names.find(b"nowhere")]


# --- the list of faults ------------------------------------------------------------------------------------


@pytest.mark.parametrize("limit", [1, 5, 100])
def test_first_faults_in_input_order_are_kept(pool, limit):
    """Every third of 60 files has section headers of a wrong size (fault 23)."""
    good = symbols.relocatable([symbols.Symbol("f", binding=symbols.LOCAL)])
    bad = good[:58] + b"\x01\x00" + good[60:]
    pool.limit_faults(limit)
    try:
        with pytest.raises(KernelFault) as caught:
            symbols.arrange(pool, [(bad if number % 3 == 0 else good, 0) for number in range(60)])
    finally:
        pool.limit_faults(1)

    rows = [caught.value.args, *caught.value.others]
    assert [(code, file) for code, file, *_ in rows] == [(23, 1 + 3 * number) for number in range(20)][:limit]
