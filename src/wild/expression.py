"""Expressions: `--defsym sym=expr` and the assignments of linker scripts.

The language is that of the chapter "Expressions in Linker Scripts" of GNU ld's manual: C's operators with C's
precedence on 64-bit integers, symbols, and a few functions. An expression is parsed once, to a tree of small
tuples, and evaluated when addresses are known. The nodes are

    ("number", value)    ("symbol", name)    ("unary", operator, node)    ("binary", operator, node, node)
    ("conditional", condition, node, node)   ("call", function, arguments)    ("place", where, node)

where arguments are nodes, except that a function about a symbol, section, segment, memory region or constant
has that name as its first argument, a plain str. "place" stands at the root and says where the text came
from.

Values are unsigned and wrap around at 2**64. As in GNU ld, `/` and `%` are signed and truncate toward zero;
comparisons, MAX and MIN are unsigned; `>>` shifts in zeros; shift counts count modulo 64. One difference is
wanted: a number begins with a digit (or `$`), so that `each` is a symbol and not hexadecimal 0xeac.
"""

from __future__ import annotations

from wild.errors import LinkError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, TypeAlias

    Node: TypeAlias = tuple[Any, ...]
    Lookup: TypeAlias = Callable[[str], int | None]
    FactLookup: TypeAlias = Callable[[str, str], int | None]

_MASK = (1 << 64) - 1

# Parsing and evaluating recurse; this keeps hostile input far from Python's own limit.
_MAX_DEPTH = 60
_MAX_OPERATORS = 200

_PRECEDENCE = {
    "||": 1,
    "&&": 2,
    "|": 3,
    "^": 4,
    "&": 5,
    "==": 6, "!=": 6,
    "<": 7, ">": 7, "<=": 7, ">=": 7,
    "<<": 8, ">>": 8,
    "+": 9, "-": 9,
    "*": 10, "/": 10, "%": 10,
}  # fmt: skip
_UNARY = "-~!+"
_PUNCTUATION = ("<<", ">>", "<=", ">=", "==", "!=", "&&", "||", *"+-*/%&|^~!<>?:(),")

# function -> the kinds of its arguments: e an expression, n a name, m a message; a ? makes the last optional
_FUNCTIONS = {
    "ABSOLUTE": "e", "ADDR": "n", "ALIGN": "ee?", "ALIGNOF": "n", "ASSERT": "em", "BLOCK": "e",
    "CONSTANT": "n", "DATA_SEGMENT_ALIGN": "ee", "DATA_SEGMENT_END": "e", "DATA_SEGMENT_RELRO_END": "ee",
    "DEFINED": "n", "LENGTH": "n", "LOADADDR": "n", "LOG2CEIL": "e", "MAX": "ee", "MIN": "ee", "NEXT": "e",
    "ORIGIN": "n", "SEGMENT_START": "ne", "SIZEOF": "n",
}  # fmt: skip

# functions that ask for a fact of the link -> what their argument names
_FACTS = {
    "ADDR": "section", "ALIGNOF": "section", "LOADADDR": "section", "SIZEOF": "section",
    "CONSTANT": "constant", "LENGTH": "memory region", "ORIGIN": "memory region", "SIZEOF_HEADERS": "",
}  # fmt: skip

_NAME_EXTRA = "_.$"


def parse_expression(text: str, where: str) -> Node:
    """The tree of an expression; `where` begins error texts, now and in `evaluate`.  Raises LinkError."""
    parser = ExpressionParser(text, where)
    node = parser.conditional()
    if parser.token is not None:
        raise parser.expected("an operator or the end of the expression")
    return ("place", where, node)


def evaluate(node: Node, lookup: Lookup, fact: FactLookup | None = None) -> int:
    """The value of an expression, 0 <= value < 2**64.

    `lookup(name)` is the value of a symbol (of `.` as well), None where it is undefined. `fact(function,
    name)` answers ADDR, ALIGNOF, LOADADDR, SIZEOF (of an output section), LENGTH, ORIGIN, CONSTANT,
    SEGMENT_START and SIZEOF_HEADERS (name is ""), None where there is nothing of that name. Raises LinkError
    for undefined names, division by zero and failed assertions.
    """
    return _Evaluator(lookup, fact).value(node)


def renamed(node: Node, names: dict[str, str]) -> Node:
    """The expression with other names for some symbols, also where DEFINED asks about them."""
    if node[0] == "symbol":
        return ("symbol", names.get(node[1], node[1]))
    if node[0] == "call":
        known = names if node[1] == "DEFINED" else {}
        arguments = [known.get(it, it) if isinstance(it, str) else renamed(it, names) for it in node[2]]
        return ("call", node[1], type(node[2])(arguments))
    return (node[0], *(renamed(it, names) if isinstance(it, tuple) else it for it in node[1:]))


def symbols_of(node: Node) -> list[str]:
    """The symbols an expression refers to, each once, in order; neither `.` nor those DEFINED asks about."""
    found: dict[str, None] = {}
    pending = [node]
    while pending:
        node = pending.pop()
        if node[0] == "symbol":
            if node[1] != ".":
                found[node[1]] = None
        elif node[0] == "call":
            pending += [argument for argument in reversed(node[2]) if not isinstance(argument, str)]
        else:
            pending += [child for child in reversed(node[1:]) if isinstance(child, tuple)]
    return list(found)


def relative_to(node: Node) -> tuple[str, int] | None:
    """(symbol, addend) when the expression is one symbol plus a constant, else None.

    Such a value keeps the symbol's section and moves with the image; every other value is taken as absolute.
    The addend is signed.
    """
    while node[0] == "place" or (node[0] == "unary" and node[1] == "+"):
        node = node[2]
    if node[0] == "symbol":
        return node[1], 0
    if node[0] != "binary" or node[1] not in {"+", "-"}:
        return None
    left, right = relative_to(node[2]), relative_to(node[3])
    if left and not symbols_of(node[3]) and (constant := _constant(node[3])) is not None:
        return left[0], signed(left[1] + (constant if node[1] == "+" else -constant))
    if right and node[1] == "+" and not symbols_of(node[2]) and (constant := _constant(node[2])) is not None:
        return right[0], signed(right[1] + constant)
    return None


def _constant(node: Node) -> int | None:
    """The value of an expression that depends on nothing, else None."""
    try:
        return evaluate(node, lambda name: None)
    except LinkError:
        return None


def signed(value: int) -> int:
    value &= _MASK
    return value - (1 << 64) if value >> 63 else value


class ExpressionParser:
    """Precedence climbing over one token of lookahead; `token` is None at the end."""

    __slots__ = ("at", "depth", "kind", "operators", "start", "text", "token", "where")

    def __init__(self, text: str, where: str, at: int = 0) -> None:
        self.text = text
        self.where = where
        self.at = at
        self.start = at  # of the token
        self.depth = 0
        self.operators = 0
        self.kind = ""  # of the token: "name", "quoted", "number", "operator"
        self.token: str | None = None
        self.advance()

    def advance(self) -> None:
        text, at = self.text, self.skip_blanks()
        self.start = at
        self.kind, self.token = "operator", None
        if at == len(text):
            self.at = at
        elif text[at] == '"':
            end = text.find('"', at + 1)
            if end < 0:
                raise self.error("a quote is never closed")
            self.kind, self.token, self.at = "quoted", text[at + 1 : end], end + 1
        elif _in_name(text[at]):
            end = at
            while end < len(text) and _in_name(text[end]):
                end += 1
            self.token, self.at = text[at:end], end
            self.kind = "number" if _is_number(self.token) else "name"
        else:
            self.token = next((one for one in _PUNCTUATION if text.startswith(one, at)), None)
            if self.token is None:
                self.token = self.foreign(text[at])
            self.at = at + len(self.token)

    def foreign(self, char: str) -> str:
        """What a character that belongs to no expression means: nothing here, in a script perhaps its end."""
        raise self.error(f"unexpected character '{char}'")

    def skip_blanks(self) -> int:
        text, at = self.text, self.at
        while at < len(text):
            if text[at].isspace():
                at += 1
            elif text.startswith("/*", at):
                end = text.find("*/", at + 2)
                if end < 0:
                    raise self.error("a comment is never closed")
                at = end + 2
            else:
                break
        return at

    def error(self, what: str) -> LinkError:
        return LinkError(f"{self.where}: {what} in the expression '{_shortened(self.text.strip())}'")

    def expected(self, what: str) -> LinkError:
        found = "the end" if self.token is None else f"'{self.token}'"
        return self.error(f"expected {what}, found {found}")

    def accept(self, operator: str) -> bool:
        if self.kind != "operator" or self.token != operator:
            return False
        self.advance()
        return True

    def expect(self, operator: str) -> None:
        if not self.accept(operator):
            raise self.expected(f"'{operator}'")

    def conditional(self) -> Node:
        self.deeper()
        node = self.binary(1)
        if self.accept("?"):
            then = self.conditional()
            self.expect(":")
            node = ("conditional", node, then, self.conditional())
        self.depth -= 1
        return node

    def deeper(self) -> None:
        self.depth += 1
        self.operators += 1
        if self.depth > _MAX_DEPTH or self.operators > _MAX_OPERATORS:
            raise self.error("too many operators or parentheses")

    def binary(self, lowest: int) -> Node:
        node = self.unary()
        while self.kind == "operator" and self.token in _PRECEDENCE and _PRECEDENCE[self.token] >= lowest:
            operator = self.token
            self.deeper()
            self.advance()
            node = ("binary", operator, node, self.binary(_PRECEDENCE[operator] + 1))
            self.depth -= 1
        return node

    def unary(self) -> Node:
        if self.kind != "operator" or self.token is None or self.token not in _UNARY:
            return self.primary()
        operator = self.token
        self.deeper()
        self.advance()
        node = ("unary", operator, self.unary())
        self.depth -= 1
        return node

    def primary(self) -> Node:
        if self.accept("("):
            node = self.conditional()
            self.expect(")")
            return node
        kind, token = self.kind, self.token
        if token is None or kind == "operator":
            raise self.expected("a number or a symbol")
        node = ("number", self.number(token)) if kind == "number" else ("symbol", token)
        self.advance()
        if kind != "name":
            return node
        if token in ("SIZEOF_HEADERS", "sizeof_headers"):
            return ("call", "SIZEOF_HEADERS", ("",))
        if token in _FUNCTIONS:
            return self.call(token)
        if self.token == "(" and self.kind == "operator":
            raise self.error(f"{token} is not a function known outside of SECTIONS")
        return node

    def call(self, function: str) -> Node:
        self.expect("(")
        kinds = _FUNCTIONS[function]
        arguments: list[Node | str] = []
        for kind in kinds.rstrip("?"):
            if arguments:
                if kinds.endswith("?") and self.token == ")":
                    break
                self.expect(",")
            arguments.append(self.conditional() if kind == "e" else self.name(function))
        self.expect(")")
        return ("call", function, tuple(arguments))

    def name(self, function: str) -> str:
        name = self.token
        if name is None or self.kind == "operator":
            raise self.expected(f"a name in {function}")
        self.advance()
        return name

    def number(self, token: str) -> int:
        value = _number(token)
        if value is None:
            raise self.error(f"malformed number '{token}'")
        if value > _MASK:
            raise self.error(f"number '{token}' does not fit into 64 bits")
        return value


def _in_name(char: str) -> bool:
    return char.isalnum() or char in _NAME_EXTRA or char > "\x7f"


def _is_number(word: str) -> bool:
    """Begins with a digit, or is `$` and hexadecimal digits; `$x` is a symbol."""
    return "0" <= word[0] <= "9" or (word[0] == "$" and _digits(word[1:], 16) is not None)


def _number(token: str) -> int | None:
    """0x10, 010, $10, 10 with K or M behind them for 1024 and 1024**2, or 10h, 10o, 10b, 10d."""
    word = token.lower()
    if word[-1] in "hobd" and not word.startswith(("0x", "$")):
        return _digits(word[:-1], {"h": 16, "o": 8, "b": 2, "d": 10}[word[-1]])
    scale = {"k": 1 << 10, "m": 1 << 20}.get(word[-1], 1)
    if scale > 1:
        word = word[:-1]
    if word.startswith("$"):
        value = _digits(word[1:], 16)
    elif word.startswith("0x"):
        value = _digits(word[2:], 16)
    else:
        value = _digits(word, 8 if word.startswith("0") else 10)
    return None if value is None else value * scale


def _digits(word: str, base: int) -> int | None:
    allowed = "0123456789abcdef"[:base]
    if not word or word.lower().strip(allowed):
        return None
    return int(word, base)


def _shortened(text: str) -> str:
    return text if len(text) <= 80 else text[:77] + "…"


class _Evaluator:
    __slots__ = ("fact", "lookup", "where")

    def __init__(self, lookup: Lookup, fact: FactLookup | None) -> None:
        self.lookup = lookup
        self.fact = fact
        self.where = "expression"

    def value(self, node: Node) -> int:
        kind = node[0]
        if kind == "place":
            self.where = node[1]
            return self.value(node[2])
        if kind == "number":
            number: int = node[1]
            return number
        if kind == "symbol":
            return self.known(self.lookup(node[1]), f"undefined symbol '{node[1]}' in an expression")
        if kind == "unary":
            return self.unary(node[1], self.value(node[2]))
        if kind == "conditional":
            return self.value(node[2] if self.value(node[1]) else node[3])
        if kind == "binary":
            return self.binary(node)
        return self.call(node[1], node[2])

    def known(self, value: int | None, otherwise: str) -> int:
        if value is None:
            raise LinkError(f"{self.where}: {otherwise}")
        return value & _MASK

    @staticmethod
    def unary(operator: str, value: int) -> int:
        if operator == "!":
            return int(not value)
        return {"-": -value, "~": ~value, "+": value}[operator] & _MASK

    def binary(self, node: Node) -> int:
        operator = node[1]
        left = self.value(node[2])
        if operator == "&&":  # like "||", it leaves its right side alone when the left one decides
            return int(bool(left) and bool(self.value(node[3])))
        if operator == "||":
            return int(bool(left) or bool(self.value(node[3])))
        right = self.value(node[3])
        if operator in {"/", "%"} and not right:
            raise LinkError(f"{self.where}: division by zero in an expression ('{operator}')")
        return int(BINARY[operator](left, right)) & _MASK

    def call(self, function: str, arguments: tuple[Any, ...]) -> int:
        if function in _FACTS:
            return self.fact_of(function, arguments[0])
        if function == "DEFINED":
            return int(self.lookup(arguments[0]) is not None)
        if function == "SEGMENT_START":
            given = self.fact(function, arguments[0]) if self.fact else None
            return self.value(arguments[1]) if given is None else given & _MASK
        if function == "ASSERT":
            return self.known(self.value(arguments[0]) or None, arguments[1])
        values = [self.value(argument) for argument in arguments]
        if function not in _CALLS:
            raise LinkError(f"{self.where}: {function} is not known outside of SECTIONS")
        if function in {"BLOCK", "NEXT"} or (function == "ALIGN" and len(values) == 1):
            values.insert(0, self.known(self.lookup("."), f"{function} of '.', which has no value here"))
        return _CALLS[function](*values) & _MASK

    def fact_of(self, function: str, name: str) -> int:
        value = self.fact(function, name) if self.fact else None
        if not name:
            return self.known(value, f"{function} is not known here")
        return self.known(value, f"{function}({name}): there is no {_FACTS[function]} of that name")


def _divide(left: int, right: int) -> int:
    """Signed division that truncates toward zero."""
    left, right = signed(left), signed(right)
    quotient = abs(left) // abs(right)
    return quotient if (left < 0) == (right < 0) else -quotient


def align_value(value: int, alignment: int) -> int:
    return value if alignment == 0 else (value + alignment - 1) // alignment * alignment


BINARY: dict[str, Callable[[int, int], int]] = {
    "+": lambda left, right: left + right,
    "-": lambda left, right: left - right,
    "*": lambda left, right: left * right,
    "/": _divide,
    "%": lambda left, right: left - _divide(left, right) * right,
    "<<": lambda left, right: left << (right & 63),
    ">>": lambda left, right: left >> (right & 63),
    "<": lambda left, right: left < right,
    ">": lambda left, right: left > right,
    "<=": lambda left, right: left <= right,
    ">=": lambda left, right: left >= right,
    "==": lambda left, right: left == right,
    "!=": lambda left, right: left != right,
    "&": lambda left, right: left & right,
    "|": lambda left, right: left | right,
    "^": lambda left, right: left ^ right,
}

_CALLS: dict[str, Callable[..., int]] = {
    "ABSOLUTE": lambda value: value,
    "ALIGN": align_value,
    "BLOCK": align_value,
    "LOG2CEIL": lambda value: (value - 1).bit_length() if value else 0,
    "MAX": max,
    "MIN": min,
    "NEXT": align_value,
}
