"""Expressions: values against GNU ld and a twin, errors, and what an expression says about symbols."""

from __future__ import annotations

import subprocess
from itertools import pairwise, product

import pytest
from hypothesis import given
from hypothesis import strategies as st
from programs import assemble, tool

from wild.errors import LinkError
from wild.expression import evaluate, parse_expression, relative_to, symbols_of

MASK = (1 << 64) - 1
SYMBOLS = {"start": 0x401000, "a": 1, "a.b": 2, "$x": 3, "a-b": 4, "each": 5, ".": 0x1001}


def value(text: str) -> int:
    return evaluate(parse_expression(text, "--defsym"), SYMBOLS.get, facts)


def facts(function: str, name: str) -> int | None:
    known = {
        ("ADDR", ".text"): 0x1000,
        ("SIZEOF", ".text"): 0x20,
        ("SIZEOF_HEADERS", ""): 0x40,
        ("CONSTANT", "MAXPAGESIZE"): 4096,
        ("SEGMENT_START", "text-segment"): 0x400000,
    }
    return known.get((function, name))


# What GNU ld makes of them as well: the next test asks it.
LIKE_GNU_LD = {
    "10": 10, "010": 8, "0x10": 16, "0X1f": 31, "$ff": 255, "10h": 16, "0ffh": 255,
    "101b": 5, "17o": 15, "9d": 9,
    "1K": 1024, "2M": 2 << 20, "0x1K": 1024, "1k": 1024,
    "-8/2": -4, "-7/2": -3, "-8%3": -2, "7%-3": 1, "-8>>1": (MASK - 7) >> 1, "1<<63": 1 << 63,
    "-1<1": 0, "1<2": 1, "2>=2": 1, "1!=1": 0, "1==3>2": 1, "2==2>1": 0, "5&3==3": 1,
    "1?2:3?4:5": 2, "0?2:0?4:5": 5, "~0": -1, "!0": 1, "!7": 0, "1 - -1": 2, "+5": 5, "- -5": 5,
    "1+2*3": 7, "(1+2)*3": 9, "10-3-2": 5, "1<<2+1": 8, "1|2&0": 1, "1&&0||1": 1,
    "MAX(-1,2)": -1, "MIN(-1,2)": 2, "ALIGN(5,8)": 8, "ALIGN(0x1234,0)": 0x1234, "ALIGN(0x13,3)": 0x15,
    "LOG2CEIL(5)": 3, "LOG2CEIL(0)": 0, "LOG2CEIL(-1)": 64, "LOG2CEIL(8)": 3,
    "ABSOLUTE(5)+1": 6, 'SEGMENT_START("nothing",7)': 7, "ASSERT(3,\"no\")": 3,
    "DEFINED(nothing)": 0, "DEFINED(\"nothing\")": 0, "/* c */ 5 /**/": 5, "1+\n2": 3,
    "0x7fffffffffffffff+1": 1 << 63, "-1*-1": 1, "-9223372036854775807/-1": (1 << 63) - 1,
}  # fmt: skip


@pytest.mark.parametrize("text", LIKE_GNU_LD)
def test_value(text):
    assert value(text) == LIKE_GNU_LD[text] & MASK


def test_gnu_ld_computes_the_same_values(tmp_path):
    start = assemble(".globl _start\n_start: ret")
    options = [f"--defsym=x{index}={text}" for index, text in enumerate(LIKE_GNU_LD)]
    subprocess.run([tool("ld"), start, "-o", tmp_path / "out", *options], check=True)
    listed = subprocess.run([tool("nm"), tmp_path / "out"], capture_output=True, text=True, check=True)
    values = {name: int(number, 16) for number, _, name in map(str.split, listed.stdout.splitlines())}

    assert {text: values[f"x{i}"] for i, text in enumerate(LIKE_GNU_LD)} == {
        text: number & MASK for text, number in LIKE_GNU_LD.items()
    }


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("start+4", 0x401004),
        ("a.b", 2),
        ("$x", 3),
        ('"a-b"', 4),
        ("a-a", 0),
        ("each", 5),
        ("DEFINED(a)", 1),
        (".", 0x1001),
        ("ALIGN(16)", 0x1010),
        ("NEXT(16)", 0x1010),
        ("BLOCK(16)", 0x1010),
        ("ADDR(.text)+SIZEOF(.text)", 0x1020),
        ("SIZEOF_HEADERS*2", 0x80),
        ("CONSTANT(MAXPAGESIZE)", 4096),
        ('SEGMENT_START("text-segment", 7)', 0x400000),
        ("1^3", 2),
        ("0 && 1/0", 0),
        ("1 || 1/0", 1),
        ("1 ? 5 : 1/0", 5),
        ("DEFINED(nothing) && nothing", 0),
    ],
)
def test_symbols_and_facts(text, expected):
    assert value(text) == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "expected a number or a symbol, found the end in the expression ''"),
        ("1+", "expected a number or a symbol, found the end in the expression '1+'"),
        ("(1", "expected ')', found the end in the expression '(1'"),
        ("1)", "expected an operator or the end of the expression, found ')' in the expression '1)'"),
        ("1 2", "expected an operator or the end of the expression, found '2' in the expression '1 2'"),
        ("a b", "expected an operator or the end of the expression, found 'b' in the expression 'a b'"),
        ("1?2", "expected ':', found the end in the expression '1?2'"),
        ("1@2", "unexpected character '@' in the expression '1@2'"),
        ("08", "malformed number '08' in the expression '08'"),
        ("0x", "malformed number '0x' in the expression '0x'"),
        ("0b101", "malformed number '0b101' in the expression '0b101'"),
        ("12abc", "malformed number '12abc' in the expression '12abc'"),
        ("1KM", "malformed number '1KM' in the expression '1KM'"),
        ("1_000", "malformed number '1_000' in the expression '1_000'"),
        ("9" * 20, f"number '{'9' * 20}' does not fit into 64 bits in the expression '{'9' * 20}'"),
        ('"a', "a quote is never closed in the expression '\"a'"),
        ("1 /* a", "a comment is never closed in the expression '1 /* a'"),
        ("MAX(1)", "expected ',', found ')' in the expression 'MAX(1)'"),
        ("MAX(1,2,3)", "expected ')', found ',' in the expression 'MAX(1,2,3)'"),
        ("ALIGN 8", "expected '(', found '8' in the expression 'ALIGN 8'"),
        ("ADDR(+)", "expected a name in ADDR, found '+' in the expression 'ADDR(+)'"),
        ("FOO(1)", "FOO is not a function known outside of SECTIONS in the expression 'FOO(1)'"),
        ("1/0", "division by zero in an expression ('/')"),
        ("1%0", "division by zero in an expression ('%')"),
        ("nothing", "undefined symbol 'nothing' in an expression"),
        ("ADDR(.none)", "ADDR(.none): there is no section of that name"),
        ("LENGTH(ram)", "LENGTH(ram): there is no memory region of that name"),
        ('ASSERT(0, "too big")', "too big"),
        ("(" * 1000, f"too many operators or parentheses in the expression '{'(' * 77}…'"),
        ("1+" * 1000, f"too many operators or parentheses in the expression '{'1+' * 38}1…'"),
        ("-" * 1000 + "1", f"too many operators or parentheses in the expression '{'-' * 77}…'"),
    ],
)  # fmt: skip
def test_errors_begin_with_the_place(text, message):
    with pytest.raises(LinkError) as caught:
        value(text)

    assert str(caught.value) == f"--defsym: {message}"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a+b*a-c", ["a", "b", "c"]),
        ("DEFINED(d) ? e : MAX(f, ALIGN(g, 4)) + .", ["e", "f", "g"]),
        ("ADDR(.text) + 5", []),
        ('-"x y"', ["x y"]),
    ],
)
def test_symbols_of(text, expected):
    assert symbols_of(parse_expression(text, "x")) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a", ("a", 0)),
        ("(a)", ("a", 0)),
        ("a+4", ("a", 4)),
        ("4+a", ("a", 4)),
        ("a+4+4", ("a", 8)),
        ("4+a+4", ("a", 8)),
        ("a-(2*4)+1", ("a", -7)),
        ("1-1+a", ("a", 0)),
        ("+a", ("a", 0)),
        ("5", None),
        ("-a", None),
        ("4-a", None),
        ("a-b", None),
        ("a+b", None),
        ("a*1", None),
        ("a+1/0", None),
        ("a+.", None),
        ("a+SIZEOF(.text)", None),
        ("ABSOLUTE(a)", None),
        ("1?a:b", None),
    ],
)
def test_relative_to(text, expected):
    assert relative_to(parse_expression(text, "x")) == expected


# A twin that does what C does with uint64_t, on text with all parentheses written.
def c_signed(number: int) -> int:
    return number - (1 << 64) if number >> 63 else number


def c_quotient(left: int, right: int) -> int:
    quotient = abs(c_signed(left)) // abs(c_signed(right))
    return quotient if (c_signed(left) < 0) == (c_signed(right) < 0) else -quotient


TWIN = {
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "/": c_quotient,
    "%": lambda a, b: c_signed(a) - c_quotient(a, b) * c_signed(b),
    "<<": lambda a, b: a * 2 ** (b % 64),
    ">>": lambda a, b: a // 2 ** (b % 64),
    "<": lambda a, b: a < b,
    ">": lambda a, b: a > b,
    "<=": lambda a, b: a <= b,
    ">=": lambda a, b: a >= b,
    "==": lambda a, b: a == b,
    "!=": lambda a, b: a != b,
    "&": lambda a, b: a & b,
    "|": lambda a, b: a | b,
    "^": lambda a, b: a ^ b,
    "&&": lambda a, b: a != 0 and b != 0,
    "||": lambda a, b: a != 0 or b != 0,
}
LEVELS = ["||", "&&", "|", "^", "&", "== !=", "< > <= >=", "<< >>", "+ -", "* / %"]
LEVEL = {operator: level for level, operators in enumerate(LEVELS) for operator in operators.split()}

NUMBERS = st.one_of(st.integers(0, 9), st.integers(0, MASK), st.sampled_from([1 << 63, MASK, 64])).map(
    lambda number: (str(number), number, 99)
)


def combine(left, operator, right):
    """(text, value, level) with no more parentheses than precedence and left associativity ask for."""
    (left_text, left_value, left_level), (right_text, right_value, right_level) = left, right
    if operator in "/%" and right_value == 0:
        operator = "+"
    level = LEVEL[operator]
    if left_level < level:
        left_text = f"({left_text})"
    if right_level <= level:
        right_text = f"({right_text})"
    return f"{left_text} {operator} {right_text}", int(TWIN[operator](left_value, right_value)) & MASK, level


def prefix(operator, operand):
    text, number, level = operand
    result = {"-": -number, "~": ~number, "!": number == 0}[operator]
    return f"{operator}{text if level == 99 else f'({text})'}", int(result) & MASK, 50


EXPRESSIONS = st.recursive(
    NUMBERS,
    lambda inner: st.one_of(
        st.builds(combine, inner, st.sampled_from(sorted(LEVEL)), inner),
        st.builds(prefix, st.sampled_from("-~!"), inner),
    ),
    max_leaves=12,
)


@pytest.mark.parametrize(("low", "high"), list(pairwise(LEVELS)))
def test_each_level_binds_tighter_than_the_one_before(low, high):
    """Also where it is on the right: of numbers for which the other grouping has another value."""
    for first, second in product(low.split(), high.split()):
        tried = 0
        for a, b, c in product(range(5), repeat=3):
            if second in "/%" and c == 0:
                continue
            right = int(TWIN[first](a, int(TWIN[second](b, c)) & MASK)) & MASK
            left = int(TWIN[second](int(TWIN[first](a, b)) & MASK, c)) & MASK
            if left != right:
                tried += 1
                assert value(f"{a} {first} {b} {second} {c}") == right
        assert tried


@pytest.mark.parametrize(("left", "right"), [*product((-9, -1, 0, 1, 9), (-2, -1, 1, 2))])
def test_division_truncates_toward_zero(left, right):
    quotient = abs(left) // abs(right) * (1 if (left < 0) == (right < 0) else -1)

    assert value(f"({left}) / ({right})") == quotient & MASK
    assert value(f"({left}) % ({right})") == left - quotient * right & MASK


@given(EXPRESSIONS)
def test_values_equal_those_of_the_twin(expression):
    text, expected, _ = expression

    assert value(text) == expected


def refusal(text: str) -> str:
    try:
        value(text)
    except LinkError as error:
        return str(error)
    return "--defsym:"


@given(st.one_of(st.text(), st.text('()?:+-*/%<>=!&|~^,.$ 019axhKM"AX')))
def test_any_text_is_evaluated_or_refused(text):
    assert refusal(text).startswith("--defsym:")
