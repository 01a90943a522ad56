"""Resolution against a naive twin: which members are loaded, what each name is bound to, what is said about
it.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from naive_resolution import ALIASED, PROTECTED_DEF, REF, SHARED_REF, STRONG_REF, Row, Twin
from symbols import (
    ABS,
    AS_NEEDED,
    DEFAULT,
    FUNC,
    GLOBAL,
    HIDDEN,
    IFUNC,
    INTERNAL,
    LAZY,
    NOTYPE,
    OBJECT,
    PROTECTED,
    TEXT,
    TLS,
    UNDEF,
    UNIQUE,
    WEAK,
    XINDEX,
    Bound,
    Symbol,
    arrange,
    bind,
    common,
    grouped,
    relocatable,
    shared,
    undefined,
)

from wild.kernels.names import NameTable
from wild.kernels.pool import KernelFault, Pool
from wild.kernels.resolve import Resolution

SYMBOL_SECTION, COMMON_ALIGN = 53, 54  # faults


@pytest.fixture(scope="module", params=[1, 3], ids=["1-thread", "3-threads"])
def pool(request: pytest.FixtureRequest) -> Iterator[Pool]:
    pool = Pool(request.param)
    yield pool
    pool.close()


# --- the twin and the kernel --------------------------------------------------------------------------------

NAMES = ["a", "b", "c", "d", "e"]
VERSIONED = ["a@V", "a@W", "a@@V", "b@@W"]
bindings = st.sampled_from([GLOBAL, GLOBAL, GLOBAL, WEAK, UNIQUE])
types = st.sampled_from([NOTYPE, OBJECT, FUNC, IFUNC])
visibilities = st.sampled_from([DEFAULT] * 6 + [HIDDEN, PROTECTED, INTERNAL])


def made(name: str, *fields: int, size: int = 0, version: str = "") -> Symbol:
    section, binding, kind, visibility = fields
    return Symbol(name, section, binding, kind, visibility, 0, size, version)


def commons_of(name: str, size: int, alignment: int) -> Symbol:
    return common(name, size, 1 << alignment)


object_symbols = st.one_of(
    st.builds(
        undefined,
        st.sampled_from(NAMES + VERSIONED),
        st.sampled_from([GLOBAL, GLOBAL, WEAK]),
        types,
        visibilities,
    ),
    st.builds(
        made, st.sampled_from(NAMES + VERSIONED), st.sampled_from([TEXT, ABS]), bindings, types, visibilities
    ),
    st.builds(commons_of, st.sampled_from(NAMES), st.integers(0, 64), st.integers(0, 5)),
)
shared_symbols = st.builds(
    made,
    st.sampled_from(NAMES),
    st.sampled_from([UNDEF, TEXT, TEXT]),
    st.sampled_from([GLOBAL, WEAK]),
    types,
    st.sampled_from([DEFAULT, PROTECTED]),
    size=st.integers(0, 64),
    version=st.sampled_from(["", "@V", "@@V", "@@W"]),
)
internal_symbols = st.one_of(
    st.builds(undefined, st.sampled_from(NAMES), st.sampled_from([GLOBAL, WEAK])),
    st.builds(
        made,
        st.sampled_from(NAMES),
        st.just(ABS),
        st.sampled_from([GLOBAL, WEAK]),
        st.just(NOTYPE),
        visibilities,
    ),
)


def distinct(symbols: list[Symbol]) -> list[Symbol]:
    """A file mentions a name once, but for versions."""
    return list({symbol.name: symbol for symbol in symbols}.values())


def symbol_lists(symbols: st.SearchStrategy[Symbol], most: int) -> st.SearchStrategy[list[Symbol]]:
    return st.lists(symbols, max_size=most).map(distinct)


files = st.lists(
    st.one_of(
        st.tuples(symbol_lists(object_symbols, 5), st.sampled_from(["object", "lazy", "lazy"])),
        st.tuples(symbol_lists(shared_symbols, 4), st.sampled_from(["shared", "as-needed"])),
    ),
    min_size=1,
    max_size=8,
)
KIND_FLAGS = {"object": 0, "lazy": LAZY, "shared": 0, "as-needed": AS_NEEDED}


def contents(files: list[tuple[list[Symbol], str]]) -> list[tuple[bytes, int]]:
    return [
        (shared(symbols) if kind in {"shared", "as-needed"} else relocatable(symbols), KIND_FLAGS[kind])
        for symbols, kind in files
    ]


ALL_FLAGS = (1 << 14) - 1 | ALIASED | PROTECTED_DEF


@settings(deadline=None, max_examples=400, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(files=files, internal=symbol_lists(internal_symbols, 3))
def test_every_name_is_bound_as_the_twin_binds_it(pool, files, internal):
    twin = Twin(files, internal)

    bound = bind(pool, contents(files), internal)

    assert bound.live() == sorted(twin.live - {0})
    found = {name: bound.symbol(name) for name in twin.mentions}
    assert {name: Row(row[0], row[1], row[4] & ALL_FLAGS) for name, row in found.items()} == twin.rows


@settings(deadline=None, max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(files=files, internal=symbol_lists(internal_symbols, 2))
def test_reports_list_what_the_twin_finds(pool, files, internal):
    twin = Twin(files, internal)

    bound = bind(pool, contents(files), internal)

    resolution = bound.resolution
    duplicates = {(bound.names.text(row[0]).decode(), row[4]) for row in resolution.duplicates(1000)}
    assert set(bound.spelt(resolution.undefined(1000))) == twin.undefined()
    assert duplicates == {(name, file) for name, file, _ in twin.duplicates()}
    rows = [resolution.common(index) for index in range(resolution.common_count)]
    assert {bound.names.text(row[0]).decode(): row[1:3] for row in rows} == twin.commons()


def test_result_does_not_depend_on_threads():
    symbols = [[Symbol(f"n{(file * 7 + k) % 50}", binding=WEAK) for k in range(20)] for file in range(40)]
    symbols = [
        [*defined, *[undefined(f"n{(file * 11 + k) % 60}") for k in range(9)]]
        for file, defined in enumerate(symbols)
    ]
    files = [(distinct(each), "lazy" if file else "object") for file, each in enumerate(symbols)]
    results = []
    for threads in (1, 2, 8):
        pool = Pool(threads)
        bound = bind(pool, contents(files))
        results.append(
            (bound.live(), [bound.symbol(f"n{k}") for k in range(60)], bound.resolution.undefined(100))
        )
        pool.close()

    assert results[0] == results[1] == results[2]


# --- single rules -------------------------------------------------------------------------------------------


def objects(*files: list[Symbol]) -> list[tuple[bytes, int]]:
    return [(relocatable(symbols), 0) for symbols in files]


def test_row_of_a_definition_has_its_place(pool):
    bound = bind(pool, objects([undefined("f")], [Symbol("g"), Symbol("f", 2, value=7)]), sections=True)

    row = bound.inputs.file_row(2)
    assert bound.symbol("f")[:4] == (2, 2, 7, row["sec_base"] + 2)
    assert bound.symbol("g")[3] == row["sec_base"] + 1


def test_names_of_losing_groups_are_references(pool):
    """Two files have the same COMDAT group; the second copy is neither a definition nor a duplicate."""
    copy = grouped([Symbol("f", 1, type=FUNC)], [(1, 1)])

    bound = bind(pool, [(copy, 0), (copy, 0)], sections=True)

    assert bound.symbol("f")[:2] == (1, 1)
    assert bound.flags("f") & (REF | STRONG_REF) == REF | STRONG_REF
    assert bound.resolution.duplicates(10) == []


def test_duplicates_name_both_places_in_input_order(pool):
    files = objects(
        [Symbol("f", 1, value=1)], [Symbol("f", 2, value=2), Symbol("g", 1)], [Symbol("g", ABS, value=3)]
    )

    bound = bind(pool, files, sections=True)

    base = [bound.inputs.file_row(file)["sec_base"] for file in (1, 2)]
    f, g = (bound.names.find(name) for name in (b"f", b"g"))
    expected = [(f, 1, base[0] + 1, 1, 2, base[1] + 2, 2), (g, 2, base[1] + 1, 0, 3, 0, 3)]
    assert bound.resolution.duplicates(10) == expected
    assert bound.resolution.duplicates(1) == expected[:1]


def test_equal_absolute_definitions_are_no_duplicates(pool):
    bound = bind(pool, objects([Symbol("f", ABS, value=1)], [Symbol("f", ABS, value=1)]))

    assert bound.resolution.duplicates(10) == []


def test_defsym_redefines_a_name(pool):
    bound = bind(pool, objects([Symbol("f")]), [Symbol("f", ABS)])

    assert bound.file("f") == 0
    assert bound.resolution.duplicates(10) == []


def test_both_spellings_of_a_default_version_may_stand_in_one_object(pool):
    bound = bind(pool, objects([Symbol("f"), Symbol("f@@V")]))

    assert bound.resolution.duplicates(10) == []


def test_undefined_names_are_listed_in_input_order(pool):
    names = ["z", "y", "x", "w"]

    bound = bind(pool, objects([undefined("weak", WEAK)], *[[undefined(name)] for name in names]))

    assert bound.spelt(bound.resolution.undefined(10)) == names
    assert bound.spelt(bound.resolution.undefined(2)) == names[:2]


def test_undefined_names_of_shared_objects_are_listed_apart(pool):
    needed = shared([undefined("only_shared"), undefined("weak", WEAK), undefined("both"), Symbol("f")])
    unneeded = shared([undefined("of_unneeded")])
    files = [*objects([undefined("both"), undefined("f")]), (needed, AS_NEEDED), (unneeded, AS_NEEDED)]

    bound = bind(pool, files)

    assert bound.spelt(bound.resolution.undefined(10)) == ["both"]
    assert bound.spelt(bound.resolution.undefined(10, True)) == ["only_shared"]


def test_undefined_names_with_a_prefix(pool):
    names = [
        undefined("__start_a"),
        undefined("__start_b", WEAK),
        undefined("__stop_a"),
        undefined("__start_c"),
    ]

    bound = bind(pool, objects(names, [Symbol("__start_c")]))

    found = bound.resolution.undefined_with_prefix(b"__start_")
    assert [text for _, text in found] == [b"__start_a", b"__start_b"]
    assert [bound.names.text(name) for name, _ in found] == [text for _, text in found]


def test_references_are_listed_with_file_and_symbol(pool):
    bound = bind(pool, objects([Symbol("f")], [Symbol("x"), undefined("f")], [undefined("f")]))
    name = bound.names.find(b"f")

    assert bound.resolution.references_of(name, 10) == [(2, 2), (3, 1)]
    assert bound.resolution.references_of(name, 1) == [(2, 2)]


@pytest.mark.parametrize(
    ("definition", "reference"), [(TLS, NOTYPE), (NOTYPE, TLS), (TLS, OBJECT), (OBJECT, TLS)]
)
@pytest.mark.parametrize("in_shared", [False, True])
def test_thread_local_in_one_file_only_is_a_mismatch(pool, definition, reference, in_shared):
    symbols = [Symbol("x", type=definition)]
    files = [
        *objects([undefined("x", type_=reference)]),
        (shared(symbols) if in_shared else relocatable(symbols), 0),
    ]

    bound = bind(pool, files)

    assert bound.resolution.tls_mismatches(10) == [(bound.names.find(b"x"), 2, 1)]


def test_thread_local_in_both_files_is_no_mismatch(pool):
    bound = bind(pool, objects([undefined("x", type_=TLS)], [Symbol("x", type=TLS)]))

    assert bound.resolution.tls_mismatches(10) == []


def test_only_the_default_version_of_a_shared_object_satisfies_a_plain_reference(pool):
    old = shared([Symbol("f", version="@V1")])

    assert bind(pool, [*objects([undefined("f")]), (old, 0)]).file("f") is None


def test_old_version_of_a_shared_object_is_found_by_name(pool):
    library = shared([Symbol("f", version="@@V2"), Symbol("f", version="@V1")])

    bound = bind(pool, [*objects([undefined("f@V1"), undefined("f@V2"), undefined("f")]), (library, 0)])

    assert [bound.symbol(name)[:2] for name in ("f@V1", "f@V2", "f")] == [(2, 2), (2, 1), (2, 1)]
    assert bound.flags("f@V1") & ALIASED


def test_version_that_no_file_defines_is_undefined(pool):
    bound = bind(pool, [*objects([undefined("f@V9")]), (shared([Symbol("f", version="@@V1")]), 0)])

    assert bound.spelt(bound.resolution.undefined(10)) == ["f@V9"]


def test_member_is_loaded_for_the_version_that_it_defines_by_default(pool):
    bound = bind(pool, [*objects([undefined("f@V")]), (relocatable([Symbol("f@@V")]), LAZY)])

    assert bound.live() == [1, 2]
    assert bound.file("f@V") == 2


def test_chain_of_members_is_loaded_to_its_end(pool):
    members = [(relocatable([Symbol(f"m{k}"), undefined(f"m{k + 1}")]), LAZY) for k in reversed(range(60))]

    bound = bind(pool, [*objects([undefined("m0")]), *members])

    assert bound.live() == list(range(1, 62))
    assert bound.spelt(bound.resolution.undefined(10)) == ["m60"]


def test_file_of_many_symbols_is_claimed_in_slices(pool):
    many = [Symbol(f"s{k}") for k in range(20000)]

    bound = bind(pool, [*objects([undefined(f"s{k}") for k in range(20000)]), (relocatable(many), LAZY)])

    assert bound.live() == [1, 2]
    assert [bound.symbol(f"s{k}")[:2] for k in (0, 8191, 8192, 19999)] == [
        (2, 1),
        (2, 8192),
        (2, 8193),
        (2, 20000),
    ]


def test_weak_references_of_the_internal_file_only_make_a_name_known(pool):
    bound = bind(pool, [(relocatable([Symbol("f")]), LAZY)], [undefined("f", WEAK)])

    assert bound.live() == []
    assert bound.flags("f") & REF == 0


def test_library_that_only_weak_references_want_is_not_needed(pool):
    libraries = [(shared([Symbol("f"), undefined("g")]), AS_NEEDED), (shared([Symbol("f")]), 0)]

    bound = bind(pool, [*objects([undefined("f", WEAK), Symbol("g")]), *libraries])

    assert bound.file("f") == 3
    assert bound.flags("g") & SHARED_REF
    assert bound.inputs.file_row(2)["used"] == 0


def test_library_that_no_reached_relocation_needs_is_dropped(pool):
    """Nothing has scanned relocations here, so no name needs anything."""
    bound = bind(
        pool, [*objects([undefined("f")]), (shared([Symbol("f")]), AS_NEEDED), (shared([Symbol("g")]), 0)]
    )
    before = bound.file("f")

    bound.resolution.drop_unneeded(pool)

    assert before == 2
    assert bound.file("f") is None
    assert [bound.inputs.file_row(file)["used"] for file in (2, 3)] == [0, 1]


def test_common_symbols_are_numbered_in_input_order(pool):
    bound = bind(
        pool, objects([common("b", 4, 4), common("a", 8, 8)], [common("a", 2, 16), common("c", 1, 0)])
    )

    rows = [bound.resolution.common(index) for index in range(bound.resolution.common_count)]
    assert [(bound.names.text(row[0]), *row[1:]) for row in rows] == [
        (b"b", 4, 4, 0),
        (b"a", 8, 16, 0),
        (b"c", 1, 1, 0),
    ]
    assert [bound.symbol(name)[2] for name in "bac"] == [0, 1, 2]


def test_large_common_symbol_is_marked(pool):
    bound = bind(pool, objects([Symbol("x", 0xFF02, type=OBJECT, value=8, size=64)]))

    assert bound.resolution.common(0)[1:] == (64, 8, 1)


@pytest.mark.parametrize(
    ("section", "fault"),
    [(99, SYMBOL_SECTION), (0xFF00, SYMBOL_SECTION), (0xFFF5, SYMBOL_SECTION), (XINDEX, SYMBOL_SECTION)],
)
def test_section_that_does_not_exist_is_a_fault(pool, section, fault):
    with pytest.raises(KernelFault) as caught:
        bind(pool, objects([Symbol("f")], [Symbol("x"), Symbol("g", section)]))

    assert caught.value.args[:2] == (fault, 2)


def test_section_of_a_member_that_is_not_loaded_does_not_matter(pool):
    assert bind(pool, [*objects([Symbol("f")]), (relocatable([Symbol("g", 99)]), LAZY)]).live() == [1]


def test_alignment_of_a_common_symbol_has_to_be_a_power_of_two(pool):
    with pytest.raises(KernelFault) as caught:
        bind(pool, objects([common("x", 4, 12)]))

    assert caught.value.args[0] == COMMON_ALIGN


def test_numbers_that_are_no_names_are_refused(pool):
    inputs = arrange(pool, objects([Symbol("f")]))
    resolution = Resolution(pool, inputs, NameTable(pool, inputs))

    with pytest.raises(IndexError):
        resolution.symbol(1 << 20)
    with pytest.raises(IndexError):
        resolution.common(0)


def test_no_files_at_all(pool):
    bound = bind(pool, [])

    assert isinstance(bound, Bound)
    assert (
        bound.resolution.undefined(10)
        == bound.resolution.duplicates(10)
        == bound.resolution.lto_files()
        == []
    )
