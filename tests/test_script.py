"""Library scripts: commands, ways to write names, texts of errors, and the real scripts of this machine."""

from __future__ import annotations

import glob
import string
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from programs import ROOT

from wild.errors import LinkError
from wild.expression import evaluate
from wild.script import AS_NEEDED, HIDDEN, PROVIDE, Script, is_script, parse_script

LIBC = """\
/* GNU ld script
   Use the shared library, but some functions are only in
   the static library, so try that secondarily.  */
OUTPUT_FORMAT(elf64-x86-64)
GROUP ( /lib/libc.so.6 /usr/lib/libc_nonshared.a  AS_NEEDED ( /lib64/ld-linux-x86-64.so.2 ) )
"""


def parse(text: str) -> Script:
    return parse_script(text, "lib.so")


def inputs(text: str) -> list[tuple[str, int]]:
    return parse(text).inputs


def test_libc_script():
    script = parse(LIBC)

    assert script.output_format == "elf64-x86-64"
    assert script.inputs == [
        ("/lib/libc.so.6", 0),
        ("/usr/lib/libc_nonshared.a", 0),
        ("/lib64/ld-linux-x86-64.so.2", AS_NEEDED),
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("INPUT(libncurses.so.6 -ltinfo)", [("libncurses.so.6", 0), ("-ltinfo", 0)]),
        ("GROUP(a.o,b.o , c.o)", [("a.o", 0), ("b.o", 0), ("c.o", 0)]),
        ("GROUP(a.o);INPUT(b.o) ;", [("a.o", 0), ("b.o", 0)]),
        ("GROUP()", []),
        ("GROUP(AS_NEEDED(-lmd)b)", [("-lmd", AS_NEEDED), ("b", 0)]),
        ("INPUT(AS_NEEDED(a b), c AS_NEEDED(d))", [("a", 1), ("b", 1), ("c", 0), ("d", 1)]),
        ('INPUT("a b.o" "(" ")")', [("a b.o", 0), ("(", 0), (")", 0)]),
        ("INPUT(=/lib/a.o $SYSROOT/b.o -l:c.a ../d+e~f@1.so)",
         [("=/lib/a.o", 0), ("$SYSROOT/b.o", 0), ("-l:c.a", 0), ("../d+e~f@1.so", 0)]),
        ("INPUT(GROUP INPUT)", [("GROUP", 0), ("INPUT", 0)]),
        ("INPUT(\udcff.o é.o)", [("\udcff.o", 0), ("é.o", 0)]),
        ("# a line\nINPUT(a # of comment )\n/* and /* a block */ b)", [("a", 0), ("b", 0)]),
        ("INPUT(a)\r\n", [("a", 0)]),
        (" \t\n", []),
    ],
)  # fmt: skip
def test_inputs(text, expected):
    assert inputs(text) == expected


def test_commands_without_inputs():
    script = parse(
        'OUTPUT_FORMAT("elf64-x86-64", "elf64-x86-64", "elf64-x86-64") OUTPUT_ARCH(i386:x86-64)\n'
        'ENTRY(_start) SEARCH_DIR(=/usr/lib) SEARCH_DIR("/opt/my lib"); EXTERN(a b, "c d") EXTERN(e)\n'
        "TARGET(elf64-x86-64)"
    )

    assert (script.output_format, script.output_arch, script.entry) == (
        "elf64-x86-64",
        "i386:x86-64",
        "_start",
    )
    assert script.search_dirs == ["=/usr/lib", "/opt/my lib"]
    assert script.externs == ["a", "b", "c d", "e"]
    assert script.inputs == []


@pytest.mark.parametrize(
    ("text", "name", "value", "flags"),
    [
        ("a = 1 + 2;", "a", 3, 0),
        ("a=0x10;", "a", 16, 0),
        ("a += 2;", "a", 102, 0),
        ("a<<=2;", "a", 400, 0),
        ("a /* = */ = /* ; */ 5 /* ; */;", "a", 5, 0),
        ('"a b" = 1;', "a b", 1, 0),
        ("PROVIDE(a = MAX(1, 2));", "a", 2, PROVIDE),
        ("HIDDEN(a = (1));", "a", 1, HIDDEN),
        ("PROVIDE_HIDDEN ( a = 1 )", "a", 1, PROVIDE | HIDDEN),
        ('a = DEFINED(")") ;', "a", 1, 0),
    ],
)
def test_assignments(text, name, value, flags):
    ((symbol, expression, found_flags),) = parse(text).assignments

    assert (symbol, found_flags) == (name, flags)
    assert evaluate(expression, {"a": 100, ")": 0}.get) == value


def test_an_expression_knows_its_place():
    ((_, expression, _),) = parse("\n  a =\n b + 1;").assignments

    with pytest.raises(LinkError, match=r"^lib.so:3:2: undefined symbol 'b'"):
        evaluate(expression, {}.get)


def test_version_text_keeps_its_place():
    """Errors in it are reported by line and column of the script."""
    text = 'INPUT(a)\n VERSION { V1 { global: f; "}"; }; }\nVERSION {\n V2 { g; }; }'
    version_text = parse(text).version_text
    assert version_text is not None

    assert version_text.split() == ["V1", "{", "global:", "f;", '"}";', "};", "V2", "{", "g;", "};"]
    for word in ("V1", "f;", "V2", "g;"):
        assert position(version_text, word) == position(text, word)


def position(text: str, word: str) -> tuple[int, int]:
    at = text.index(word)
    return text.count("\n", 0, at), at - text.rfind("\n", 0, at)


def test_two_version_commands_on_one_line_keep_their_places():
    text = "VERSION { V1 { f; }; } VERSION { V2 { g; }; }"
    version_text = parse(text).version_text
    assert version_text is not None

    assert version_text.index("V2") == text.index("V2")


INSIDE = "in the expression '1 2'"
COMMAND = "expected a linker script command such as GROUP, INPUT or OUTPUT_FORMAT, found "


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("INCLUDE more.ld",
         "1:9: INCLUDE more.ld: there is no such file here or in the directories of -L"),
        ("int main(void) {}", "1:1: " + COMMAND + "'int'"),
        ("GROUP a", "1:7: expected '(' after GROUP, found 'a'"),
        ("GROUP(a", "1:8: expected a name or ')' in GROUP, found the end of the file"),
        ("GROUP(AS_NEEDED(a)", "1:19: expected a name or ')' in GROUP, found the end of the file"),
        ("GROUP(AS_NEEDED(AS_NEEDED(a)))", "1:26: expected a name or ')' in AS_NEEDED, found '('"),
        ("GROUP(AS_NEEDED)", "1:16: expected '(' after AS_NEEDED, found ')'"),
        ('GROUP("")', "1:7: expected a name or ')' in GROUP, found ''"),
        ("GROUP(a;b)", "1:8: expected a name or ')' in GROUP, found ';'"),
        ("GROUP(a))", "1:9: " + COMMAND + "')'"),
        ('INPUT("a)\n', "1:7: this quote is never closed"),
        ("INPUT(a) /* b", "1:10: this comment is never closed"),
        ("ENTRY(a b)", "1:10: ENTRY takes one name, not 2"),
        ("OUTPUT_FORMAT(a, b)", "1:19: OUTPUT_FORMAT takes one name or three, not 2"),
        ("TARGET(binary)", "1:14: TARGET(binary): only ELF inputs are supported"),
        ("VERSION { V1 { f; };", "1:21: expected '}' at the end of VERSION, found the end of the file"),
        ("VERSION V1 { f; };", "1:9: expected '{' after VERSION, found 'V1'"),
        (". = 5;", "1:1: .: the location counter can be assigned to inside of SECTIONS, or behind it, only"),
        ("a = 5", "1:6: expected ';' after the expression, found the end of the file"),
        ("a = ;", "1:5: expected a number or a symbol, found the end in the expression ''"),
        ("a = 1 2;", "1:5: expected an operator or the end of the expression, found '2' " + INSIDE),
        ("PROVIDE(5)", "1:9: expected symbol = expression in PROVIDE"),
        ("PROVIDE(a = 5", "1:14: expected ')' after the expression, found the end of the file"),
    ],
)  # fmt: skip
def test_errors_name_the_place_and_what_was_expected(text, message):
    with pytest.raises(LinkError) as caught:
        parse(text)

    assert str(caught.value) == f"lib.so:{message}"


@pytest.mark.parametrize("head", [LIBC.encode(), b"/* \xc3\xa9 */", b"INPUT(a)\r\n\t\f"])
def test_text_may_be_a_script(head):
    assert is_script(head)


@pytest.mark.parametrize(
    "head", [b"", b"\x7fELF\x02\x01\x01", b"INPUT(a)\0", b"BC\xc0\xde\x35\x14\0\0", b"\x1b[0m"]
)
def test_binary_is_no_script(head):
    assert not is_script(head)


def system_scripts() -> list[str]:
    """The libraries of this machine that are text."""
    names = glob.glob("/usr/lib/x86_64-linux-gnu/*.so") + glob.glob("/usr/lib/gcc/x86_64-linux-gnu/*/*.so")
    return sorted(name for name in names if is_script(Path(name).open("rb").read(512)))


def test_the_scripts_of_this_machine():
    """Each library the system offers as a script names something, and no punctuation became a name."""
    scripts = system_scripts()
    if not scripts:
        pytest.skip("no library of this machine is a script")
    for name in scripts:
        script = parse_script(Path(name).read_text(encoding="utf-8"), name)

        assert script.inputs, name
        assert not any(set(file) & set("(){};, \n") for file, _ in script.inputs), name


FILE_NAME = st.text(string.ascii_letters + string.digits + "/._-+=$:~@", min_size=1)
BLANK = st.sampled_from([" ", "\n", "\t", ",", " , ", " /* x ) */", " # y )\n"])


@given(st.lists(st.tuples(FILE_NAME, st.booleans(), BLANK)))
def test_names_survive_any_spelling(files):
    """Names are found again between all kinds of separators, quoted or not, AS_NEEDED or not."""
    quote = [index % 3 == 2 or "#" in name for index, (name, _, _) in enumerate(files)]
    words = [f'"{name}"' if quoted else name for quoted, (name, _, _) in zip(quote, files, strict=True)]
    text = "".join(
        f" AS_NEEDED({blank}{word}{blank if blank.strip() != ',' else ' '}){blank}"
        if lazy
        else f" {word} {blank}"
        for word, (_, lazy, blank) in zip(words, files, strict=True)
    )

    assert inputs(f"GROUP({text})") == [(name, int(lazy)) for name, lazy, _ in files]


def refusal(text: str) -> str:
    try:
        parse(text)
    except LinkError as error:
        return str(error)
    return "lib.so:"


@given(st.text())
def test_any_text_is_parsed_or_refused(text):
    assert refusal(text).startswith("lib.so:")


TOKENS = [
    "GROUP",
    "(",
    ")",
    "AS_NEEDED",
    "a",
    "=",
    ";",
    "PROVIDE",
    '"',
    "VERSION",
    "{",
    "}",
    "/*",
    "*/",
    "+",
    "1",
    "\n",
]


@given(st.lists(st.sampled_from(TOKENS)))
def test_any_token_soup_is_parsed_or_refused(tokens):
    assert refusal(" ".join(tokens)).startswith("lib.so:")


def test_a_script_costs_next_to_nothing(tmp_path):
    """Import and parse within 0.3 ms; five times that is allowed, as other work runs beside the tests."""
    program = tmp_path / "measure.py"
    program.write_text(
        f"import sys, time; sys.path.insert(0, {str(ROOT / 'src')!r}); import wild.errors\n"
        f"begin = time.perf_counter(); import wild.script; wild.script.parse_script({LIBC!r}, 'libc.so')\n"
        "print(time.perf_counter() - begin)"
    )
    command = [sys.executable, "-IS", program]
    times = [float(subprocess.check_output(command)) for _ in range(5)]

    assert min(times) < 0.0015
