"""The table of names against a dictionary that is filled in input order."""

from __future__ import annotations

import struct
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from naive_resolution import naive_name
from symbols import ABS, LOCAL, UNDEF, Symbol, arrange, grouped, relocatable, shared, undefined

from wild.kernels.files import Inputs
from wild.kernels.names import NameTable
from wild.kernels.pool import KernelFault, Pool
from wild.kernels.wrapping import wrap

SYMBOL_NAME, LOCAL_GLOBAL = 50, 52  # faults
QUICK = settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture(scope="module", params=[1, 3], ids=["1-thread", "3-threads"])
def pool(request: pytest.FixtureRequest) -> Iterator[Pool]:
    pool = Pool(request.param)
    yield pool
    pool.close()


def naive_names(files: list[tuple[list[Symbol], bool]]) -> list[str]:
    """By GlobalId: the name it bears."""
    return [naive_name(symbol, in_shared) for symbols, in_shared in files for symbol in symbols]


def contents(files: list[tuple[list[Symbol], bool]]) -> list[tuple[bytes, int]]:
    return [(shared(symbols) if in_shared else relocatable(symbols), 0) for symbols, in_shared in files]


def borne(inputs: Inputs, table: NameTable, count: int) -> list[str]:
    first = inputs.file_row(1)["global_base"]
    numbers = [table.of(first + i) for i in range(count)]
    return [table.text(number).decode() if number else "" for number in numbers]


texts = st.one_of(
    st.sampled_from(["a", "f", "f@V1", "f@V2", "f@@V1", "f@@", "f@", "@f", "@@V", "f@@V1@", "g@V@@W", "@@"]),
    st.text("fg@_", max_size=5),
    st.integers(0, 40).map(lambda n: "x" * n),
)
symbols = st.builds(
    lambda name, section, version: Symbol(name, section, version=version),
    texts,
    st.sampled_from([UNDEF, 1, 2, ABS]),
    st.sampled_from(["", "@V", "@@V"]),
)
files = st.lists(st.tuples(st.lists(symbols, max_size=12), st.booleans()), min_size=1, max_size=6)


@QUICK
@given(files=files)
def test_symbols_bear_the_names_that_the_rules_say(pool, files):
    expected = naive_names(files)

    inputs = arrange(pool, contents(files))
    table = NameTable(pool, inputs)

    assert borne(inputs, table, len(expected)) == expected
    assert len(table) == len({name for name in expected if name})
    assert all(table.find(name.encode()) for name in expected if name)


@pytest.mark.parametrize("count", [1, 16383, 16384, 16385, 20000])
def test_blocks_and_files_need_not_fit(pool, count):
    """Names of a file larger than a block, between small files."""
    many = [undefined(f"name_{number % 9000}") for number in range(count)]
    files = [
        ([Symbol("before")], False),
        (many, False),
        ([], False),
        ([Symbol("name_0"), Symbol("after")], False),
    ]
    expected = naive_names(files)

    inputs = arrange(pool, contents(files))
    table = NameTable(pool, inputs)

    assert borne(inputs, table, len(expected)) == expected


def test_numbers_do_not_depend_on_threads():
    files = [([Symbol(f"n{number * step % 999}") for number in range(3000)], False) for step in (1, 7, 11)]
    numbers = []
    for threads in (1, 2, 8):
        pool = Pool(threads)
        inputs = arrange(pool, contents(files))
        table = NameTable(pool, inputs)
        numbers.append([table.of(number) for number in range(9000)])
        pool.close()

    assert numbers[0] == numbers[1] == numbers[2]


def test_unknown_names_are_not_found(pool):
    table = NameTable(pool, arrange(pool, [(relocatable([Symbol("f"), Symbol("g@@V")]), 0)]))

    assert [table.find(name) for name in (b"", b"ff", b"g@@V", b"g@V", b"V")] == [0] * 5
    assert table.find(b"f")
    assert table.find(b"g")


def test_numbers_that_are_no_names_are_refused(pool):
    table = NameTable(pool, arrange(pool, [(relocatable([Symbol("f")]), 0)]))

    with pytest.raises(IndexError):
        table.text(0)
    with pytest.raises(IndexError):
        table.of(1 << 20)


def test_local_signatures_of_groups_are_names_in_the_order_of_the_groups(pool):
    symbols = [Symbol("two", binding=LOCAL), Symbol("one", binding=LOCAL), Symbol("three")]
    inputs = arrange(
        pool, [(grouped(symbols, [(2, 1), (3, 1), (1, 2)]), 0), (relocatable([Symbol("two")]), 0)]
    )
    table = NameTable(pool, inputs)

    extra = inputs.file_row(1)["global_base"] + 1
    assert [table.text(table.of(extra + i)) for i in range(2)] == [b"one", b"two"]
    assert table.of(extra + 1) == table.of(extra + 2)


def test_signature_may_be_a_section_symbol(pool):
    """gas names the group after the section then."""
    section_symbol = Symbol("", 1, binding=LOCAL, type=3)
    inputs = arrange(pool, [(grouped([section_symbol], [(1, 1)]), 0), (relocatable([undefined(".text")]), 0)])
    table = NameTable(pool, inputs)

    assert table.of(inputs.file_row(1)["global_base"]) == table.find(b".text") != 0


def damaged(content: bytes, index: int, field: int, packed: bytes) -> bytes:
    """An object with another value in a field of a symbol."""
    pool = Pool(1)
    row = arrange(pool, [(content, 0)]).file_row(1)
    pool.close()
    at = row["symoff"] + 24 * index + field
    return content[:at] + packed + content[at + len(packed) :]


def test_name_outside_the_string_table_is_a_fault(pool):
    content = damaged(relocatable([Symbol("f"), Symbol("g")]), 2, 0, struct.pack("<I", 5))

    with pytest.raises(KernelFault) as caught:
        NameTable(pool, arrange(pool, [(relocatable([Symbol("f")]), 0), (content, 0)]))

    assert caught.value.args[:2] == (SYMBOL_NAME, 2)
    assert caught.value.args[3] == 5


def test_fault_of_the_first_file_is_reported(pool):
    content = damaged(relocatable([Symbol("f")] * 3000), 2000, 0, struct.pack("<I", 1 << 30))

    with pytest.raises(KernelFault) as caught:
        NameTable(pool, arrange(pool, [(content, 0)] * 30))

    assert caught.value.args[1] == 1


def test_local_symbol_among_the_globals_is_a_fault_in_an_object(pool):
    content = damaged(relocatable([Symbol("f"), Symbol("g")]), 2, 4, b"\0")

    with pytest.raises(KernelFault) as caught:
        NameTable(pool, arrange(pool, [(content, 0)]))

    assert caught.value.args[0] == LOCAL_GLOBAL


def test_wrap_redirects_undefined_symbols_of_objects(pool):
    first = relocatable([undefined("f"), Symbol("__wrap_f"), undefined("__real_f")])
    second = relocatable([Symbol("f"), undefined("g")])
    inputs = arrange(pool, [(first, 0), (second, 0), (shared([undefined("f")]), 0)])
    table = NameTable(pool, inputs)

    wrap(table, pool, [b"f", b"unknown"])

    base = inputs.file_row(1)["global_base"]
    found = [table.text(table.of(base + i)).decode() for i in range(6)]
    assert found == ["__wrap_f", "__wrap_f", "f", "f", "g", "f"]
    assert [table.first(table.find(name)) - base for name in (b"f", b"__wrap_f", b"g")] == [2, 0, 4]


def test_wrap_leaves_definitions_alone(pool):
    inputs = arrange(pool, [(relocatable([Symbol("f"), Symbol("__real_f")]), 0)])
    table = NameTable(pool, inputs)

    wrap(table, pool, [b"f"])

    base = inputs.file_row(1)["global_base"]
    assert [table.text(table.of(base + i)) for i in range(2)] == [b"f", b"__real_f"]


def test_wrap_needs_the_names_that_it_puts_in_place(pool):
    table = NameTable(pool, arrange(pool, [(relocatable([undefined("f")]), 0)]))

    with pytest.raises(KeyError, match="f"):
        wrap(table, pool, [b"f"])
