"""Version scripts and dynamic lists: grammar, precedence (checked with GNU ld), size, and shell patterns."""

from __future__ import annotations

import ctypes
import subprocess
import time

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from programs import assemble, tool

from wild.errors import LinkError
from wild.kernels.version_text import CXX, EXACT, PatternTable, VersionNames, VersionText, matches
from wild.versions import (
    FIRST_NODE,
    GLOBAL,
    LOCAL,
    VersionScript,
    parse_dynamic_list,
    parse_version_script,
    parse_version_scripts,
)


def parse(text: str) -> VersionScript:
    return parse_version_script(text.encode(), "v.map")


def nodes(script: VersionScript) -> list[tuple[str, int, list[int]]]:
    return [(node.name.decode(), node.version, node.parents) for node in script.nodes]


def test_named_nodes_and_their_parents():
    script = parse("V1 { f; };\nV2 { global: g; local: *; } V1;\n V3 { } V2 V1 ;")

    assert nodes(script) == [("V1", 2, []), ("V2", 3, [2]), ("V3", 4, [3, 2])]
    assert script.names.rows() == [(b"f", 2), (b"g", 3)]
    assert script.patterns == [(b"*", LOCAL, 0)]


def test_a_parent_may_follow():
    assert nodes(parse("V2 {} V1; V1 {};")) == [("V2", 2, [3]), ("V1", 3, [])]


@pytest.mark.parametrize("name", ["~V1", "Vé", "|"])
def test_names_of_nodes_need_not_be_letters(name):
    """What sorts behind `{` is no `{`, and UTF-8 is text."""
    script = parse_version_script(f"{name} {{ é; }};".encode(), "v.map")

    assert nodes(script) == [(name, 2, [])]
    assert script.names.rows() == [("é".encode(), 2)]


def test_a_node_does_not_begin_with_its_end():
    with pytest.raises(LinkError, match=r"v\.map:1"):
        parse("} f; };")


def test_anonymous_node():
    script = parse("{ global: f; local: *; };")

    assert script.nodes == []
    assert script.names.rows() == [(b"f", GLOBAL)]
    assert script.patterns == [(b"*", LOCAL, 0)]


@pytest.mark.parametrize(
    ("body", "names", "patterns"),
    [
        ("f;g;", [(b"f", 1), (b"g", 1)], []),
        ("f; g", [(b"f", 1), (b"g", 1)], []),
        ('f;"g*"/**/', [(b"f", 1), (b"g*", 1)], []),
        ("local: f; global: g; local: h;", [(b"f", 0), (b"g", 1), (b"h", 0)], []),
        ("global:f;local :g;", [(b"f", 1), (b"g", 0)], []),
        ("global; local; extern;", [(b"global", 1), (b"local", 1), (b"extern", 1)], []),
        ('"f*"; "a b;}"; "local";', [(b"f*", 1), (b"a b;}", 1), (b"local", 1)], []),
        ("f # g;\n ; /* h; */ i /**/ ; # no newline: the rest of the line }\n", [(b"f", 1), (b"i", 1)], []),
        ("f*; ?; [a-c]x; g;", [(b"g", 1)], [(b"f*", 1, 0), (b"?", 1, 0), (b"[a-c]x", 1, 0)]),
        (r"f\*; a\\b;", [], [(b"f*", 1, EXACT), (rb"a\b", 1, EXACT)]),
        (r"f\**;", [], [(rb"f\**", 1, 0)]),
        ("ns::f; _Z1f@x; a/b; +-.$~;", [(b"ns::f", 1), (b"_Z1f@x", 1), (b"a/b", 1), (b"+-.$~", 1)], []),
        ("::f;", [], [(b"::f", 1, EXACT)]),
        ("\xe9;", [("\xe9".encode(), 1)], []),
        ("\xe9*; g;", [(b"g", 1)], [("\xe9*".encode(), 1, 0)]),
        ('extern "C" { f; g* }; h;', [(b"f", 1), (b"h", 1)], [(b"g*", 1, 0)]),
        ('extern "C++" { "f(int)"; ns::g*; h; vtable }; i;', [(b"i", 1)],
         [(b"f(int)", 1, 3), (b"h", 1, 3), (b"vtable", 1, 3), (b"ns::g*", 1, CXX)]),
        ('extern "C++" { f; extern "C" { g; }; h };', [(b"g", 1)], [(b"f", 1, 3), (b"h", 1, 3)]),
        ('local: extern "C++" { f }', [], [(b"f", 0, CXX | EXACT)]),
        ("global: local:", [], []),
        ("", [], []),
    ],
)  # fmt: skip
def test_body(body, names, patterns):
    script = parse(f"{{ {body} }};")

    assert script.names.rows() == names
    assert script.patterns == patterns


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "1:1: expected a version node, found the end of the file"),
        ("# nothing\n", "2:1: expected a version node, found the end of the file"),
        ("V1", "1:3: expected '{' after version V1, found the end of the file"),
        ("V1 {", "1:5: expected a name or '}' in version V1, found the end of the file"),
        ("V1 { f", "1:7: expected ';', found the end of the file"),
        ("V1 { f; g h; };", "1:11: expected ';', found 'h'"),
        ("V1 { f;; };", "1:8: expected a name or '}' in version V1, found ';'"),
        ("V1 {\n\tf;\n\t:;\n};", "3:2: expected a name or '}' in version V1, found ':'"),
        ("V1 { f: ; };", "1:7: expected ';', found ':'"),
        ("V1 { f; }", "1:10: expected ';' or a version that V1 succeeds, found the end of the file"),
        ("V1 { f; } {", "1:11: expected ';' or a version that V1 succeeds, found '{'"),
        ("{ f; }", "1:7: expected ';' after the version node, found the end of the file"),
        ("{ f; } V1;", "1:8: expected ';' after the version node, found 'V1'"),
        ("{ f; }; { g; };", "1:9: a version node without a name must be the only one"),
        ("{ f; }; V1 { g; };", "1:9: a version node without a name must be the only one"),
        ("V1 { g; }; { f; };", "1:12: a version node without a name must be the only one"),
        ("V1 {}; V1 {};", "1:8: version V1 is defined twice"),
        ("V1 {};\nV2 {} V1 V9;", "2:10: there is no version V9 for V2 to succeed"),
        ("V1 {} V1;", "1:7: there is no version V1 for V1 to succeed"),
        ('V1 { extern "Java" { f; }; };', '1:13: unknown language "Java"; known are "C" and "C++"'),
        ('V1 { extern "C" f; };', "1:17: expected '{' after extern \"C\", found 'f'"),
        ('V1 { extern "C++" { f; local: g; }; };', "1:29: expected ';', found ':'"),
        ("V1 { f; /* g; };", "1:9: this comment is never closed"),
        ("V1 { f /* ; };", "1:8: this comment is never closed"),
        ('V1 { f; "g; };', "1:9: this quote is never closed"),
        ('V1 { ""; };', "1:6: expected a name or '}' in version V1, found '\"\"'"),
        ("V1 { f; \x01; };", "1:9: expected a name or '}' in version V1, found '\x01'"),
        ("V1 { f; \0", "1:9: expected a name or '}' in version V1, found '\0'"),
    ],
)  # fmt: skip
def test_errors_name_the_place_and_what_was_expected(text, message):
    with pytest.raises(LinkError) as caught:
        parse(text)

    assert str(caught.value) == f"v.map:{message}"


def test_too_many_versions():
    text = "".join(f"V{index} {{}};" for index in range(0x7FFF - FIRST_NODE + 2))

    with pytest.raises(LinkError, match="more than 32766 versions"):
        parse(text)
    assert parse(text[: text.rindex("V")]).nodes[-1].version == 0x7FFF


def test_several_scripts_are_one():
    script = parse_version_scripts(
        [(b"V1 { f; };", "a"), (b"{ g; local: *; };", "b"), (b"V2 { h*; } V1;", "c")]
    )

    assert nodes(script) == [("V1", 2, []), ("V2", 3, [2])]
    assert script.names.rows() == [(b"f", 2), (b"g", 1)]
    assert script.patterns == [(b"h*", 3, 0), (b"*", 0, 0)]


@pytest.mark.parametrize(
    ("second", "message"),
    [
        (b"\nV2 {} V3;", "b:2:7: there is no version V3"),
        (b"V1 {};", "b:1:1: version V1 is defined twice"),
        (b"", "b:1:1: expected a version node"),
        (b"V2 { f", "b:1:7: expected ';', found the end"),
    ],
)
def test_errors_in_a_later_script_name_it(second, message):
    with pytest.raises(LinkError) as caught:
        parse_version_scripts([(b"V1 { f;\n};", "a"), (second, "b"), (b"V7 {};", "c")])

    assert str(caught.value).startswith(message)


def version_of(script: VersionScript, name: str) -> int | None:
    """What a name becomes, as the link does it: the exact names, then the first pattern."""
    for exact, version in script.names.rows():
        if exact == name.encode():
            return version
    found = PatternTable(script.patterns).first_match(name.encode(), name.encode())
    return None if found < 0 else script.patterns[found][1]


SCRIPTS = [
    "V1 { global: foo; }; V2 { global: foo; };",
    "V2 { global: foo; local: *; }; V1 { global: foo; };",
    "V1 { global: foo*; }; V2 { global: foob*; };",
    "V1 { global: foob*; }; V2 { global: foo*; };",
    "V1 { global: foo*; local: *; }; V2 { global: foobar; };",
    "V1 { local: foobar; }; V2 { global: foo*; };",
    "V1 { global: foo*; }; V2 { local: foob*; };",
    "V1 { local: foob*; }; V2 { global: foo*; };",
    "V1 { global: *; local: foob*; };",
    "V1 { global: foo; local: foo; };",
    "V1 { global: *; }; V2 { global: *; };",
    "V1 { global: fo*; local: fo*; };",
    "V1 { local: fo*; }; V2 { global: *; };",
    "V1 { global: f*r; }; V2 { global: *; local: fo*; };",
    "V1 { global: *; *o; local: ?*; };",
    'V1 { global: "fo*"; local: *; };',
    r"V1 { global: fo\o; local: *; };",
    "V1 { global: foo; bar*; };",
    "{ global: f*; local: *; };",
    'V1 { global: extern "C++" { foo; b* }; local: extern "C++" { * }; };',
]
SYMBOLS = ["foo", "bar", "foobar", "baz"]


@pytest.mark.parametrize("text", SCRIPTS)
def test_precedence_is_that_of_gnu_ld(text, tmp_path):
    source = "".join(f".globl {name}\n.type {name}, @function\n{name}: ret\n" for name in SYMBOLS)
    (tmp_path / "v.map").write_text(text)
    command = [tool("ld"), "-shared", assemble(source), "-o", tmp_path / "lib.so"]
    subprocess.run([*command, f"--version-script={tmp_path / 'v.map'}"], check=True)
    listed = subprocess.run(
        [tool("nm"), "-D", tmp_path / "lib.so"], capture_output=True, text=True, check=True
    )
    exported = dict(line.split()[2].partition("@@")[::2] for line in listed.stdout.splitlines())

    script = parse(text)
    versions = {None: "", GLOBAL: "", **{node.version: node.name.decode() for node in script.nodes}}
    found = {name: version_of(script, name) for name in SYMBOLS}
    assert {name: versions[found[name]] for name in SYMBOLS if found[name] != LOCAL} == {
        name: exported[name] for name in SYMBOLS if name in exported
    }


def test_two_names_and_a_label_are_not_one_name():
    """`take_names` must stop before whatever is not just a name."""
    names = VersionNames(b'a; b ;"c";d e; f; ')
    text = VersionText(names, 0, len(names.source))
    text.take_names(7)

    assert names.rows() == [(b"a", 7), (b"b", 7), (b"c", 7)]
    assert (text.next_token(), text.offset()) == (b"d", 10)


@pytest.mark.parametrize(
    "rest", [":;", '";', '"";', "/*;", "a*;", "?;", "[;", "\\x;", "{;", "\x01;", "a:;", "::a;"]
)
def test_odd_statements_are_left_to_the_grammar(rest):
    names = VersionNames(f"f; {rest}".encode())
    VersionText(names, 0, len(names.source)).take_names(1)

    assert names.rows() == [(b"f", 1)]


def test_a_stretch_ends_where_it_ends():
    """The text behind the stretch is another source."""
    names = VersionNames(b"a; bc; /* */")
    text = VersionText(names, 2, 5)

    assert [text.next_token(), text.next_token()] == [b"bc", b""]
    for end, tokens in ((9, [b"/*"]), (8, [b"/"]), (10, [b"/*"])):
        assert VersionText(names, 7, end).next_token() == tokens[0]
    with pytest.raises(IndexError):
        VersionText(names, 0, 13)


def test_dynamic_list():
    result = parse_dynamic_list(b'{ foo; b*; extern "C++" { ns::*; "f(int)"; }; };\n{ global: bar };', "list")

    assert result.names.rows() == [(b"foo", GLOBAL), (b"bar", GLOBAL)]
    assert result.patterns == [(b"b*", 1, 0), (b"ns::*", 1, CXX), (b"f(int)", 1, CXX | EXACT)]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "1:1: expected '{' to begin a dynamic list, found the end of the file"),
        ("foo;", "1:1: expected '{' to begin a dynamic list, found 'foo'"),
        ("{ foo; }", "1:9: expected ';' after the dynamic list, found the end of the file"),
        ("{ foo; }; bar", "1:11: expected '{' or the end of the file, found 'bar'"),
        ("{ foo; local: *; };", "1:13: 'local:' has no meaning in a dynamic list"),
        ("{ foo bar; };", "1:7: expected ';', found 'bar'"),
        ("{ foo;", "1:7: expected a name or '}' in a dynamic list, found the end of the file"),
    ],
)
def test_errors_in_a_dynamic_list(text, message):
    with pytest.raises(LinkError) as caught:
        parse_dynamic_list(text.encode(), "list")

    assert str(caught.value) == f"list:{message}"


def test_a_huge_script_is_read_at_memory_speed():
    """360,000 names of 40 bytes: 15 ms here; a Python object for each would take ten times the limit."""
    count = 360_000
    name = b"_ZN4core3fmt9Formatter9write_fmt17h"
    text = b"{ global:\n" + b"".join(b"  %b%d;\n" % (name, i) for i in range(count)) + b"local: *; };\n"

    begin = time.process_time()
    script = parse_version_script(text, "v.map")
    spent = time.process_time() - begin

    assert len(script.names) == count
    assert script.names.name(count - 1) == name + b"%d" % (count - 1)
    assert spent < 0.15


WORD = st.text("abc_1.$@", min_size=1).filter(lambda word: word not in ("global", "local", "extern"))
GAP = st.sampled_from(["", " ", "\n\t", "/* ; */", " # }\n"])


@given(st.lists(st.tuples(GAP, WORD, GAP, st.booleans())), GAP)
def test_names_are_found_between_all_kinds_of_gaps(entries, last):
    text = "".join(
        f"{one}" + (f'"{word}"' if quoted else word) + f"{two};" for one, word, two, quoted in entries
    )

    assert parse(f"{{ {text}{last} }};").names.rows() == [
        (word.encode(), GLOBAL) for _, word, _, _ in entries
    ]


def refusal(text: bytes) -> str:
    try:
        parse_version_script(text, "v.map")
    except LinkError as error:
        return str(error)
    return "v.map:"


SOUP = [
    b"V1",
    b"{",
    b"}",
    b";",
    b":",
    b"global",
    b"local",
    b"extern",
    b'"C++"',
    b'"',
    b"*",
    b"/*",
    b"*/",
    b"\n",
    b" ",
    b"#",
]


@given(st.one_of(st.binary(), st.lists(st.sampled_from(SOUP)).map(b"".join)))
def test_any_bytes_are_parsed_or_refused(text):
    assert refusal(text).startswith("v.map:")


def bracket(pattern: bytes) -> tuple[frozenset[int], int] | None:
    """The bytes in the set that `pattern` begins with and its length, None when it is never closed."""
    at = 2 if pattern[1:2] in (b"!", b"^") else 1
    first, members = at, set()
    while at < len(pattern):
        if pattern[at] == ord("]") and at > first:
            return (frozenset(range(256)) - members if first == 2 else frozenset(members)), at + 1
        ends = []
        for _ in range(2):
            at += pattern[at : at + 1] == b"\\"
            if at >= len(pattern):
                return None
            ends.append(pattern[at])
            at += 1
            if pattern[at : at + 1] != b"-" or pattern[at + 1 : at + 2] in (b"", b"]") or len(ends) == 2:
                break
            at += 1
        members.update(range(ends[0], ends[-1] + 1))
    return None


def naive_match(pattern: bytes, name: bytes) -> bool:
    """The definition of a shell pattern, by recursion."""
    if not pattern:
        return not name
    if pattern[:1] == b"*":
        return naive_match(pattern[1:], name) or (name != b"" and naive_match(pattern, name[1:]))
    if not name:
        return False
    used = 1
    accepted = {pattern[0]}
    if pattern[:1] == b"?":
        accepted = set(range(256))
    elif pattern[:1] == b"\\":
        used, accepted = 2, set(pattern[1:2])
    elif pattern[:1] == b"[" and (found := bracket(pattern)):
        accepted, used = found
    return name[0] in accepted and naive_match(pattern[used:], name[1:])


PATTERN = st.lists(st.sampled_from([b"%c" % byte for byte in b"ab*?[]!^-\\\xff"]), max_size=10).map(b"".join)
NAME = st.lists(st.sampled_from([b"%c" % byte for byte in b"ab]!-[\\\xff"]), max_size=8).map(b"".join)


@given(PATTERN, NAME)
@example(b"[]-a]", b"^")
@example(b"[^]]", b"]")
@example(b"*a*b", b"aab")
@example(b"[a", b"[a")
@example(b"\\", b"\\")
@example(b"[\\]]", b"]")
@example(b"[b-a]", b"a")
def test_a_pattern_matches_what_its_definition_says(pattern, name):
    assert matches(pattern, name) == naive_match(pattern, name)


libc = ctypes.CDLL(None)


@given(PATTERN, NAME)
def test_a_pattern_matches_what_the_c_library_says(pattern, name):
    """Only for ASCII: the encoding of the locale does not count in a linker."""
    pattern, name = pattern.replace(b"\xff", b"c"), name.replace(b"\xff", b"c")

    assert matches(pattern, name) == (libc.fnmatch(pattern, name, 0) == 0)


def test_a_pattern_of_many_stars_takes_no_longer_than_the_product_of_both_lengths():
    begin = time.process_time()

    assert not matches(b"a*" * 1000 + b"b", b"a" * 10000)
    assert time.process_time() - begin < 1


def test_a_pattern_table_tells_mangled_from_demangled_names():
    table = PatternTable([(b"f*", 0, EXACT), (b"ns::f(*", 3, CXX), (b"_Z*", 2, 0), (b"g()", 1, CXX | EXACT)])

    assert (len(table), table.has_cxx) == (4, True)
    assert table.first_match(b"f*", b"f*") == 0
    assert table.first_match(b"fx", b"fx") == -1
    assert table.first_match(b"_ZN2ns1fEv", b"ns::f()") == 1
    assert table.first_match(b"_ZN2ns1gEv", b"ns::g()") == 2
    assert table.first_match(b"x", b"g()") == 3
    assert table.first_match(b"ns::f()", b"x") == -1
    assert not PatternTable([(b"*", 0, 0)]).has_cxx
