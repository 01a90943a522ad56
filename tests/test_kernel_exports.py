"""Exports: verdicts of scripts and lists against a naive twin, and what each kind of output makes of them."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from naive_resolution import FLAGS
from symbols import (
    AS_NEEDED,
    EXCLUDED_LIBS,
    FUNC,
    HIDDEN,
    IFUNC,
    OBJECT,
    PROTECTED,
    UNIQUE,
    WEAK,
    Bound,
    Symbol,
    bind,
    relocatable,
    shared,
    undefined,
)

from wild.errors import LinkError
from wild.exports import Exports, complete_shared_objects, decide_exports
from wild.kernels.exports import ExportTable
from wild.kernels.pool import Pool
from wild.kernels.version_text import EXACT, PatternTable, VersionNames, VersionText, matches
from wild.options import Options

EXPORTED, IMPORTED, LOCALISED = (FLAGS[f"SYM_{name}"] for name in ("EXPORTED", "IMPORTED", "LOCALISED"))
UNDEFINED_OK, IS_UNIQUE = FLAGS["SYM_UNDEFINED_OK"], FLAGS["SYM_UNIQUE"]
VERSIONED_HIDDEN = 0x8000


@pytest.fixture(scope="module", params=[1, 3], ids=["1-thread", "3-threads"])
def pool(request: pytest.FixtureRequest) -> Iterator[Pool]:
    pool = Pool(request.param)
    yield pool
    pool.close()


def kind(name: str) -> SimpleNamespace:
    shared = name == "shared"
    static = name.startswith("static")
    pic = shared or name.endswith("pie")
    return SimpleNamespace(
        shared=shared, pic=pic, dynamic=pic or not static, interp=not shared and not static
    )


class Decided:
    """A link of some files up to exports."""

    def __init__(self, bound: Bound, exports: Exports) -> None:
        self.bound = bound
        self.exports = exports

    def states(self, *names: str) -> list[str]:
        """For each name E exported, I imported, L localised, 0 undefined without complaint, in this order."""
        letters = ((EXPORTED, "E"), (IMPORTED, "I"), (LOCALISED, "L"), (UNDEFINED_OK, "0"))
        return ["".join(letter for bit, letter in letters if self.bound.flags(name) & bit) for name in names]

    def version(self, name: str) -> int:
        return self.bound.resolution.version(self.bound.names.find(name.encode()))


@pytest.fixture
def decide(pool: Pool, tmp_path):
    """decide("shared", files, export_dynamic=True, script="…") with the names of Options as keywords."""

    def run(output: str, files, script: str = "", listed: str = "", internal=None, **fields) -> Decided:
        bound = bind(pool, files, internal)
        options = Options()
        for field, value in fields.items():
            assert hasattr(options, field)
            setattr(options, field, value)
        for text, name in ((script, "version_scripts"), (listed, "dynamic_lists")):
            if text:
                path = tmp_path / name
                path.write_text(text)
                setattr(options, name, [str(path)])
        exports = decide_exports(pool, bound.inputs, bound.names, bound.resolution, [], options, kind(output))
        return Decided(bound, exports)

    return run


def objects(*symbols: Symbol) -> list[tuple[bytes, int]]:
    return [(relocatable(list(symbols)), 0)]


# --- verdicts -----------------------------------------------------------------------------------------------

NAMES = ["a", "b", "ab", "abc", "b2", "_Z1av", "_Z2abv"]
names = st.sampled_from(NAMES)
texts = st.one_of(names, st.sampled_from(["*", "a*", "?", "*b*", "[ab]", "_Z*", "a?c"]))
exact_rows = st.lists(st.tuples(st.sampled_from([*NAMES, "unknown"]), st.integers(0, 3)), max_size=8)
pattern_rows = st.lists(st.tuples(texts, st.integers(0, 3), st.sampled_from([0, 0, EXACT])), max_size=6)


def version_names(rows: list[tuple[str, int]]) -> VersionNames:
    text = "".join(f"{name};" for name, _ in rows).encode()
    names = VersionNames(text)
    at = 0
    for name, version in rows:
        VersionText(names, at, at + len(name) + 1).take_names(version)
        at += len(name) + 1
    return names


def naive_version(name: str, exact: list[tuple[str, int]], patterns: list[tuple[str, int, int]]) -> int:
    """The version that scripts give a defined name; 1 if they say nothing."""
    for text, version in exact:
        if text == name:
            return version
    ordered = [row for row in patterns if row[0] != "*" or row[2]] + [
        row for row in patterns if row[0] == "*" and not row[2]
    ]
    for text, version, flags in ordered:
        if text == name if flags else matches(text.encode(), name.encode()):
            return version
    return 1


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(exact=exact_rows, patterns=pattern_rows, defined=st.sets(names))
def test_exact_names_go_before_patterns_and_the_first_of_each_counts(pool, exact, patterns, defined):
    ordered = [row for row in patterns if row[0] != "*" or row[2]] + [
        row for row in patterns if row[0] == "*" and not row[2]
    ]
    bound = bind(pool, objects(*[Symbol(name) for name in sorted(defined)], undefined("c")))
    table = ExportTable(bound.resolution)

    rows = version_names(exact)
    table.take_names(pool, rows)
    table.take_patterns(
        pool, PatternTable([(text.encode(), version, flags) for text, version, flags in ordered])
    )
    table.apply(pool, (True, True, True, False, True, True, True, False, True, False, 0, 1))

    decided = Decided(bound, Exports())
    expected = {name: naive_version(name, exact, patterns) for name in defined}
    assert {name: decided.states(name)[0] for name in defined} == {
        n: "EI" if v else "L" for n, v in expected.items()
    }
    assert {n: decided.version(n) for n, v in expected.items() if v} == {
        n: v for n, v in expected.items() if v
    }
    assert table.undefined_names(rows) == [n.encode() for n, v in exact if v and n not in defined]


def test_a_hundred_thousand_exact_names(pool):
    """More than one block of rows, most of them unknown, each found whatever its place."""
    count = 100_000
    bound = bind(pool, objects(*[Symbol(f"name_{number}") for number in range(0, count, 1000)]))
    table = ExportTable(bound.resolution)
    rows = version_names([])
    rows = VersionNames("".join(f"name_{number};" for number in range(count)).encode())
    VersionText(rows, 0, len(rows.source)).take_names(5)

    table.take_names(pool, rows)
    table.apply(pool, (True, True, True, False, True, True, True, False, True, False, 0, 1))

    decided = Decided(bound, Exports())
    assert {decided.version(f"name_{number}") for number in range(0, count, 1000)} == {5}
    assert len(table.undefined_names(rows)) == count - 100


def test_rows_that_contradict_an_earlier_one_are_found(pool):
    bound = bind(pool, objects(Symbol("a"), Symbol("b")))
    table = ExportTable(bound.resolution)
    rows = version_names([("a", 2), ("b", 2), ("a", 3), ("b", 2), ("a", 2)])

    table.take_names(pool, rows)

    assert table.contradictions(rows) == [b"a"]


def test_patterns_about_demangled_names_meet_demangled_names(decide):
    script = '{ global: extern "C++" { "f(int)"; g*; }; local: *; };'

    decided = decide(
        "shared", objects(Symbol("_Z1fi"), Symbol("_Z1fl"), Symbol("_Z1gv"), Symbol("gee")), script=script
    )

    assert decided.states("_Z1fi", "_Z1fl", "_Z1gv", "gee") == ["EI", "L", "EI", "EI"]


# --- what an output exports and imports ---------------------------------------------------------------------


def test_shared_object_exports_what_is_not_hidden(decide):
    symbols = [
        Symbol("f"),
        Symbol("w", binding=WEAK),
        Symbol("h", visibility=HIDDEN),
        Symbol("p", visibility=PROTECTED),
    ]

    decided = decide("shared", objects(*symbols))

    assert decided.states("f", "w", "h", "p") == ["EI", "EI", "", "E"]
    assert decided.version("f") == 1


def test_program_exports_what_shared_objects_mention(decide):
    """Also what an unneeded one mentions: another library may bring it in."""
    symbols = [Symbol("referred"), Symbol("defined_there"), Symbol("unmentioned"), Symbol("of_unneeded")]
    library = shared([undefined("referred"), Symbol("defined_there")])
    files = [*objects(*symbols), (library, 0), (shared([undefined("of_unneeded")]), AS_NEEDED)]

    decided = decide("pie", files)

    assert decided.states("referred", "defined_there", "unmentioned", "of_unneeded") == ["E", "E", "", "E"]


def test_export_dynamic_exports_all_of_a_program_but_the_linkers_own(decide):
    internal = [Symbol("_end", binding=WEAK), Symbol("defsym")]

    decided = decide("exec", objects(Symbol("f"), undefined("_end")), internal=internal, export_dynamic=True)

    assert decided.states("f", "_end", "defsym") == ["E", "", "E"]


def test_linkers_own_symbol_that_a_shared_object_wants_is_exported_from_a_program_only(decide):
    files = [*objects(undefined("_end")), (shared([undefined("_end")]), 0)]
    internal = [Symbol("_end", binding=WEAK)]

    assert decide("exec", files, internal=internal).states("_end") == ["E"]
    assert decide("shared", files, internal=internal).states("_end") == [""]


@pytest.mark.parametrize(
    ("mode", "bound"),
    [
        ("none", ""),
        ("all", "fiwWd"),
        ("functions", "fiw"),
        ("non-weak", "fid"),
        ("non-weak-functions", "fi"),
    ],
)
def test_symbolic_binds_definitions_to_themselves(decide, mode, bound):
    symbols = {
        "f": Symbol("f", type=FUNC),
        "i": Symbol("i", type=IFUNC),
        "w": Symbol("w", type=FUNC, binding=WEAK),
        "W": Symbol("W", type=OBJECT, binding=WEAK),
        "d": Symbol("d", type=OBJECT),
    }

    decided = decide("shared", objects(*symbols.values()), bsymbolic=mode)

    assert "".join(name for name in symbols if decided.states(name) == ["E"]) == bound


def test_unique_symbols_stay_preemptible_under_symbolic(decide):
    files = objects(Symbol("u", binding=UNIQUE, type=OBJECT))

    assert decide("shared", files, bsymbolic="all").states("u") == ["EI"]
    assert decide("shared", files, bsymbolic="all", gnu_unique=False).states("u") == ["E"]


def test_no_gnu_unique_makes_symbols_ordinary(decide):
    files = objects(Symbol("u", binding=UNIQUE))

    assert decide("shared", files).bound.flags("u") & IS_UNIQUE
    assert not decide("shared", files, gnu_unique=False).bound.flags("u") & IS_UNIQUE


def test_dynamic_list_of_a_shared_object_says_what_stays_preemptible(decide):
    decided = decide("shared", objects(Symbol("f"), Symbol("g"), Symbol("g2")), listed="{ f; g?; };")

    assert decided.states("f", "g", "g2") == ["EI", "E", "EI"]


def test_dynamic_list_of_a_program_says_what_is_exported(decide):
    decided = decide("pie", objects(Symbol("f"), Symbol("g"), Symbol("g2")), listed="{ f; g?; };")

    assert decided.states("f", "g", "g2") == ["E", "", "E"]


def test_export_dynamic_symbol_takes_names_and_patterns(decide):
    symbols = objects(Symbol("f"), Symbol("g1"), Symbol("g2"), Symbol("h"), Symbol("ff"))

    decided = decide("exec", symbols, export_dynamic_symbols=["f", "g*"])

    assert decided.states("f", "g1", "g2", "h", "ff") == ["E", "E", "E", "", ""]


def test_list_does_not_undo_a_version_script(decide):
    decided = decide(
        "exec", objects(Symbol("f"), Symbol("g")), script="{ local: f; };", export_dynamic_symbols=["f", "g"]
    )

    assert decided.states("f", "g") == ["L", "E"]


def test_symbols_of_excluded_libraries_are_localised(decide):
    files = [*objects(undefined("f")), (relocatable([Symbol("f")]), EXCLUDED_LIBS)]

    assert decide("shared", files).states("f") == ["L"]


@pytest.mark.parametrize(
    ("output", "strong", "weak"),
    [("shared", "I", "I"), ("pie", "", "I"), ("exec", "", "I"), ("static", "", ""), ("static-pie", "", "")],
)
def test_undefined_names_are_left_to_the_dynamic_linker_where_there_is_one(decide, output, strong, weak):
    decided = decide(output, objects(undefined("s"), undefined("w", WEAK)))

    assert decided.states("s", "w") == [strong, weak]


def test_hidden_undefined_names_cannot_be_imported(decide):
    decided = decide(
        "shared", objects(undefined("s", visibility=HIDDEN), undefined("w", WEAK, visibility=PROTECTED))
    )

    assert decided.states("s", "w") == ["", ""]


@pytest.mark.parametrize(
    ("fields", "in_shared", "in_program"),
    [
        ({"z_defs": True}, "", ""),
        ({"z_defs": False}, "I", "I"),
        ({"unresolved_symbols": "ignore-all"}, "I", "I"),
        ({"unresolved_symbols": "ignore-in-object-files"}, "I", "I"),
        ({"unresolved_symbols": "ignore-in-shared-libs"}, "", ""),
        ({"unresolved_symbols": "report-all"}, "", ""),
        ({"unresolved_symbols": "report-all", "z_defs": False}, "I", "I"),
    ],
)
def test_options_say_whether_names_may_be_undefined(decide, fields, in_shared, in_program):
    files = objects(undefined("f"))

    assert decide("shared", files, **fields).states("f") == [in_shared]
    assert decide("exec", files, **fields).states("f") == [in_program]


def test_undefined_weak_names_need_not_be_dynamic(decide):
    assert decide("pie", objects(undefined("w", WEAK)), z_dynamic_undefined_weak=False).states("w") == [""]


def test_definitions_of_shared_objects_are_imported(decide):
    assert decide("pie", [*objects(undefined("f")), (shared([Symbol("f")]), 0)]).states("f") == ["I"]


def test_name_of_a_library_that_is_dropped_after_all_is_not_imported(decide, pool):
    """Nothing has scanned relocations here, so no name needs anything."""
    decided = decide("pie", [*objects(undefined("f")), (shared([Symbol("f")]), AS_NEEDED)], gc_sections=True)
    before = decided.states("f")

    decided.bound.resolution.drop_unneeded(pool)

    assert before == ["I"]
    assert decided.states("f") == [""]


def test_static_program_has_no_dynamic_symbols(decide):
    decided = decide(
        "static", objects(Symbol("f"), Symbol("g")), export_dynamic=True, script="{ local: g; };"
    )

    assert decided.states("f", "g") == ["", ""]


# --- versions -----------------------------------------------------------------------------------------------


def test_nodes_are_named_with_what_they_succeed(decide):
    decided = decide("shared", objects(Symbol("f")), script="V1 { f; }; V2 { local: *; } V1; V3 { };")

    assert decided.exports.nodes == [(b"V1", [], True), (b"V2", [b"V1"], True), (b"V3", [], False)]
    assert decided.version("f") == 2


def test_symbols_bring_their_own_versions(decide):
    """f@V1 is not the default; f@@V2 is, and stands beside a plain f of the same file."""
    symbols = objects(Symbol("f@V1"), Symbol("f"), Symbol("f@@V2"))

    decided = decide("shared", symbols, script="V1 { f; local: *; }; V2 { } V1;")

    assert decided.version("f@V1") == 2 | VERSIONED_HIDDEN
    assert decided.version("f") == 3
    assert decided.states("f", "f@V1") == ["EI", "EI"]


def test_alias_of_a_default_version_is_not_exported_twice(decide):
    files = [*objects(Symbol("f@@V1")), *objects(undefined("f@V1"))]

    decided = decide("shared", files, script="V1 { f; };")

    assert decided.states("f", "f@V1") == ["EI", ""]


@pytest.mark.parametrize("name", ["f@V9", "f@@V9"])
def test_version_that_no_script_defines_is_an_error_of_a_shared_object(decide, name):
    with pytest.raises(LinkError, match=r"^1\.o: symbol f has version V9, which no version script defines$"):
        decide("shared", objects(Symbol(name)), script="V1 { f; };")


def test_program_drops_versions_that_no_script_defines(decide):
    decided = decide("exec", objects(Symbol("f@@V9")), export_dynamic=True)

    assert decided.version("f") == 1


def test_names_of_scripts_without_a_definition(decide):
    script = "{ global: f; missing; undefined; local: other; *; };"
    files = objects(Symbol("f"), undefined("undefined", WEAK))

    decide("shared", files, script=script)
    with pytest.raises(LinkError) as caught:
        decide("shared", files, script=script, undefined_version=False)

    assert [text.split()[3] for text in caught.value.messages] == ["missing", "undefined"]


def test_name_with_two_versions_is_warned_of(decide):
    decided = decide("shared", objects(Symbol("f")), script="V1 { f; }; V2 { f; };")

    assert decided.exports.warnings == ["version script: f is given two versions; the first counts"]
    assert decided.version("f") == 2


def test_file_that_cannot_be_read_is_named(decide):
    with pytest.raises(LinkError, match=r"^/nowhere/v\.map: cannot open: No such file or directory$"):
        decide("shared", objects(Symbol("f")), version_scripts=["/nowhere/v.map"])


# --- hidden symbols that shared objects want ----------------------------------------------------------------


def test_hidden_symbol_that_a_shared_object_needs_is_an_error(decide):
    files = [*objects(Symbol("f", visibility=HIDDEN)), (shared([undefined("f")]), 0)]

    with pytest.raises(LinkError, match=r"^2\.o: refers to f, which is hidden in the output$"):
        decide("exec", files)


@pytest.mark.parametrize(
    "libraries",
    [
        [shared([undefined("f", WEAK)])],
        [shared([undefined("f")]), shared([Symbol("f")])],
        [shared([undefined("f")], needed=("libunknown.so",))],
        [shared([Symbol("f")])],
    ],
    ids=["weak", "defined elsewhere", "incomplete", "defined there"],
)
def test_hidden_symbol_that_a_shared_object_can_do_without_is_no_error(decide, libraries):
    decided = decide(
        "exec", [*objects(Symbol("f", visibility=HIDDEN)), *[(library, 0) for library in libraries]]
    )

    assert decided.states("f") == [""]


def test_shared_objects_are_complete_when_all_they_need_is_part_of_the_link(pool):
    libraries = [
        shared([Symbol("a")], needed=("libb.so", "3.o")),
        shared([Symbol("b")], soname="libb.so"),
        shared([Symbol("c")], needed=("libd.so",)),
    ]

    inputs = bind(pool, [(library, 0) for library in libraries]).inputs

    assert complete_shared_objects(inputs) == {1, 2}
