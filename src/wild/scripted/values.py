"""The values of expressions in a layout script: a number, an absolute address, or a place in an output section.

GNU ld's manual, "The Section of an Expression", says what becomes of which.  A value is a pair (number, section):
section None is a plain number, ABSOLUTE an address, and otherwise the number counts from the start of that section.
Operators on two places of one section, or on a place and a number, work on the offsets; other mixtures become
addresses first.
"""

from __future__ import annotations

from wild.errors import LinkError
from wild.expression import BINARY, align_value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from wild.expression import Node
    from wild.scripted.layouter import Layouter
    from wild.scripted.sections import ScriptedSection

    Value = tuple[int, Any]

MASK = (1 << 64) - 1
LOGICAL = ("==", "!=", "<", ">", "<=", ">=", "&&", "||")


class Absolute:
    """The section of addresses that are in none."""

    address = 0


ABSOLUTE = Absolute()


class Values:
    """Evaluates expressions at a point of the layout: `link.dot`, `link.current`; raises LinkError."""

    def __init__(self, link: Layouter) -> None:
        self.link = link
        self.where = ""

    def address(self, node: Node) -> int:
        """The value as an address."""
        value, section = self.value(node)
        return (value + section.address if section is not None else value) & MASK

    def number(self, node: Node) -> int:
        """The value of something that is no address: a size, an alignment, a flag."""
        return self.value(node)[0]

    def value(self, node: Node) -> Value:
        kind = node[0]
        if kind == "place":
            self.where = node[1]
            return self.value(node[2])
        if kind == "number":
            return node[1], None
        if kind == "symbol":
            return self.symbol(node[1])
        if kind == "unary":
            return self.unary(node[1], *self.value(node[2]))
        if kind == "conditional":
            return self.value(node[2] if self.truth(node[1]) else node[3])
        if kind == "binary":
            return self.binary(node[1], node[2], node[3])
        return getattr(self, "call_" + node[1].lower())(*node[2])  # type: ignore[no-any-return]

    def error(self, text: str) -> LinkError:
        return LinkError(f"{self.where}: {text}")

    def truth(self, node: Node) -> bool:
        value, section = self.value(node)
        return bool(value + section.address if section is not None else value)

    def symbol(self, name: str) -> Value:
        if name == ".":
            return self.link.dot_value()
        found = self.link.symbol_value(name)
        if found is None:
            if self.link.final:
                raise self.error(f"undefined symbol '{name}' in an expression")
            return 0, None
        return found

    @staticmethod
    def unary(operator: str, value: int, section: Any) -> Value:
        if operator == "!":
            return int(not (value + section.address if section is not None else value)), None
        return {"-": -value, "~": ~value, "+": value}[operator] & MASK, section

    def binary(self, operator: str, left: Node, right: Node) -> Value:
        if operator == "&&":
            return int(self.truth(left) and self.truth(right)), None
        if operator == "||":
            return int(self.truth(left) or self.truth(right)), None
        return self.combine(operator, self.value(left), self.value(right))

    def combine(self, operator: str, one: Value, other: Value) -> Value:
        left, right, section = self.common(one, other)
        if operator in ("/", "%") and not right:
            if self.link.final:
                raise self.error(f"division by zero in an expression ('{operator}')")
            return 0, None
        result = int(BINARY[operator](left, right)) & MASK
        if operator in LOGICAL:
            return result, None
        if one[1] is not None and other[1] is not None:
            # Two places of one section, or two addresses: what their difference is no place any more.
            return result, (None if self.link.current is not None else ABSOLUTE)
        return result, section

    @staticmethod
    def common(one: Value, other: Value) -> tuple[int, int, Any]:
        """Both values counted from the same section."""
        (left, a), (right, b) = one, other
        if a is None or b is None or a is b:
            return left, right, a if a is not None else b
        return (left + a.address) & MASK, (right + b.address) & MASK, ABSOLUTE

    def in_section(self, address: int) -> Value:
        """An address as a place of the section that is being laid out."""
        section = self.link.current
        return (
            (address & MASK, ABSOLUTE) if section is None else ((address - section.address) & MASK, section)
        )

    # --- functions
    # --------------------------------------------------------------------------------------------

    def call_absolute(self, node: Node) -> Value:
        return self.address(node), ABSOLUTE

    def call_align(self, node: Node, align: Node | None = None) -> Value:
        if align is None:
            return self.in_section(align_value(self.link.dot, self.address(node)))
        value, section = self.value(node)
        base = section.address if section is not None else 0
        aligned = align_value((value + base) & MASK, self.address(align))
        return (aligned - base) & MASK, section

    call_block = call_align
    call_next = call_align

    def call_max(self, one: Node, other: Node) -> Value:
        left, right, section = self.common(self.value(one), self.value(other))
        return max(left, right), section

    def call_min(self, one: Node, other: Node) -> Value:
        left, right, section = self.common(self.value(one), self.value(other))
        return min(left, right), section

    def call_log2ceil(self, node: Node) -> Value:
        value = self.address(node)
        return ((value - 1).bit_length() if value else 0), None

    def call_defined(self, name: str) -> Value:
        return int(self.link.is_defined(name)), None

    def call_assert(self, node: Node, message: str) -> Value:
        where = self.where
        value = self.value(node)
        if self.link.final and not (value[0] + (value[1].address if value[1] is not None else 0)):
            raise LinkError(f"{where}: assertion failed: {message}")
        return value

    def section(self, name: str, function: str) -> ScriptedSection | None:
        found = self.link.section_of_name(name)
        if found is None and self.link.final and not self.link.is_named(name):
            raise self.error(
                f"{function}({name}): there is no section of that name in the output or the script"
            )
        return found

    def call_addr(self, name: str) -> Value:
        found = self.section(name, "ADDR")
        return (0, found) if found is not None else (0, ABSOLUTE)

    def call_loadaddr(self, name: str) -> Value:
        found = self.section(name, "LOADADDR")
        return (found.load_address if found is not None else 0), ABSOLUTE

    def call_sizeof(self, name: str) -> Value:
        found = self.section(name, "SIZEOF")
        return (found.size if found is not None else 0), None

    def call_alignof(self, name: str) -> Value:
        found = self.section(name, "ALIGNOF")
        return (found.align if found is not None else 0), None

    def call_sizeof_headers(self, name: str) -> Value:
        self.link.headers_asked = True
        return self.link.headers_size(), None

    def call_origin(self, name: str) -> Value:
        return self.in_section(self.link.regions.get(name, self.where).origin)

    def call_length(self, name: str) -> Value:
        return self.link.regions.get(name, self.where).length, None

    def call_constant(self, name: str) -> Value:
        found = self.link.constants.get(name)
        if found is None:
            raise self.error(f"unknown constant '{name}'; known are {', '.join(self.link.constants)}")
        return found, None

    def call_segment_start(self, name: str, default: Node) -> Value:
        given = self.link.segment_starts.get(name)
        return (given, ABSOLUTE) if given is not None else self.value(default)

    def call_data_segment_align(self, largest: Node, common: Node) -> Value:
        return self.link.data_segment.begin(self.number(largest), self.number(common)), ABSOLUTE

    def call_data_segment_relro_end(self, offset: Node, node: Node) -> Value:
        return self.link.data_segment.end_relro(self.number(offset), self.address(node)), ABSOLUTE

    def call_data_segment_end(self, node: Node) -> Value:
        return self.address(node), ABSOLUTE


def is_absolute(node: Node, known: set[str]) -> bool:
    """Does the value stay when the image moves, whatever the layout will be?  `known` symbols are absolute."""
    kind = node[0]
    if kind == "place":
        return is_absolute(node[2], known)
    if kind == "number":
        return True
    if kind == "symbol":
        return node[1] in known
    if kind == "unary":
        return node[1] == "!" or is_absolute(node[2], known)
    if kind == "conditional":
        return is_absolute(node[2], known) and is_absolute(node[3], known)
    if kind == "binary":
        left, right = is_absolute(node[2], known), is_absolute(node[3], known)
        return node[1] in LOGICAL or left == right if node[1] in ("-", *LOGICAL) else left and right
    return call_is_absolute(node[1], node[2], known)


def call_is_absolute(function: str, arguments: tuple[Any, ...], known: set[str]) -> bool:
    if function in ("MAX", "MIN", "ALIGN") and len(arguments) == 2:
        return all(is_absolute(argument, known) for argument in arguments)
    return function in (
        "ABSOLUTE", "ALIGNOF", "CONSTANT", "DEFINED", "LENGTH", "LOADADDR", "LOG2CEIL", "ORIGIN", "SIZEOF",
        "SIZEOF_HEADERS",
    )  # fmt: skip
