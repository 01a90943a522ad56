"""Rust's v0 mangling, decoded: names that begin with `_R` (RFC 2603, "Rust Symbol Mangling (v0)").

The name is a prefix notation of a path, read by recursive descent; each method names its production of the
RFC's grammar. A back reference points at an earlier place of the same name and is decoded by decoding that
place again, so a hostile name of a hundred bytes could ask for years of work: steps, nesting and text are
limited, and a name beyond the limits stays as it is.

What only keeps names apart is left out, as debuggers leave it out: crate disambiguators, types of integer
constants. Neighbour: `wild.demangle` chooses between languages, and decodes Rust's older mangling.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

_HEX = frozenset("0123456789abcdef")

_BASIC_TYPES = {
    "a": "i8", "b": "bool", "c": "char", "d": "f64", "e": "str", "f": "f32", "h": "u8", "i": "isize",
    "j": "usize", "l": "i32", "m": "u32", "n": "i128", "o": "u128", "p": "_", "s": "i16", "t": "u16",
    "u": "()", "v": "...", "x": "i64", "y": "u64", "z": "!",
}  # fmt: skip
_SIGNED = "asxlni"
_UNSIGNED = "hjmoty"

_MAX_DEPTH = 100
_MAX_STEPS = 20_000
_MAX_TEXT = 1 << 16


class _UndecodableError(Exception):
    """The name is not what it seemed to be, or beyond the limits."""


def demangle_v0(name: str) -> str | None:
    """The path of a v0 name; None if it is malformed or beyond the limits."""
    if not name.startswith("_R") or not name[2:3].isupper():
        return None
    name, dot, suffix = name.partition(".")
    decoder = _Decoder(name)
    try:
        decoder.path(in_value=True)
        text = "".join(decoder.pieces)
        if decoder.at < len(name):  # the crate that instantiated it
            decoder.path(in_value=False)
    except (_UndecodableError, UnicodeError):
        return None
    return text + visible(dot + suffix) if decoder.at == len(name) else None


def visible(suffix: str) -> str:
    """`.llvm.123`, made to keep names of split modules apart, says nothing; `.cold` does."""
    return suffix.partition(".llvm.")[0]


class _Decoder:
    """`at` is the next character of the name; text goes to `pieces` unless `silent`."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.at = 2
        self.pieces: list[str] = []
        self.silent = 0
        self.depth = 0
        self.steps = 0
        self.length = 0
        self.lifetimes = 0  # bound by the `for<…>` around here

    # reading

    def next(self) -> str:
        if self.at >= len(self.name):
            raise _UndecodableError
        self.at += 1
        return self.name[self.at - 1]

    def accept(self, char: str) -> bool:
        if self.name[self.at : self.at + 1] != char:
            return False
        self.at += 1
        return True

    def base62(self) -> int:
        """base-62-number: `_` is 0, `0_` is 1 …"""
        value = 0
        if self.accept("_"):
            return 0
        while (char := self.next()) != "_":
            if not (char.isascii() and char.isalnum()) or value >> 64:
                raise _UndecodableError
            digit = ord(char) - (48 if char.isdigit() else 87 if char.islower() else 29)
            value = value * 62 + digit
        return value + 1

    def optional62(self, tag: str) -> int:
        return self.base62() + 1 if self.accept(tag) else 0

    def decimal(self) -> int:
        """decimal-number: without leading zeros, so that `00` is two of them."""
        digits = self.at
        if self.accept("0"):
            return 0
        while "0" <= self.name[self.at : self.at + 1] <= "9" and self.at - digits < 6:
            self.at += 1
        if digits == self.at:
            raise _UndecodableError
        return int(self.name[digits : self.at])

    def identifier(self) -> str:
        """undisambiguated-identifier: [u] length [_] bytes; `u` marks Punycode with `_` in place of `-`."""
        punycode = self.accept("u")
        length = self.decimal()
        self.accept("_")
        text = self.name[self.at : self.at + length]
        if len(text) < length:
            raise _UndecodableError
        self.at += length
        if not punycode:
            return text
        head, _, tail = text.rpartition("_")
        text = (f"{head}-{tail}" if head else tail).encode("ascii").decode("punycode")
        if not text.isprintable():
            raise _UndecodableError
        return text

    # writing

    def write(self, text: str) -> None:
        if not self.silent:
            self.length += len(text)
            if self.length > _MAX_TEXT:
                raise _UndecodableError
            self.pieces.append(text)

    def list_of(self, item: Callable[[], None], separator: str = ", ") -> int:
        """{item} "E": how many there were."""
        count = 0
        while not self.accept("E"):
            if count:
                self.write(separator)
            item()
            count += 1
        return count

    def deeper(self) -> None:
        self.depth += 1
        self.steps += 1
        if self.depth > _MAX_DEPTH or self.steps > _MAX_STEPS:
            raise _UndecodableError

    def back_reference(self, production: Callable[[], None]) -> None:
        """backref: decode what stands at an earlier place once more."""
        start = self.at - 1
        target = 2 + self.base62()
        if target >= start:
            raise _UndecodableError
        if self.silent:
            return
        here, self.at = self.at, target
        self.deeper()
        production()
        self.depth -= 1
        self.at = here

    # paths

    def path(self, in_value: bool) -> None:
        """path; in a value `::<` begins generic arguments, in a type `<`."""
        self.deeper()
        tag = self.next()
        if tag == "C":
            self.optional62("s")
            self.write(self.identifier())
        elif tag == "N":
            self.nested_path(in_value)
        elif tag in {"M", "X", "Y"}:
            self.implementation(tag)
        elif tag == "I":
            self.path(in_value)
            self.write("::<" if in_value else "<")
            self.list_of(self.generic_argument)
            self.write(">")
        elif tag == "B":
            self.back_reference(lambda: self.path(in_value))
        else:
            raise _UndecodableError
        self.depth -= 1

    def nested_path(self, in_value: bool) -> None:
        """ "N" namespace path identifier; upper-case namespaces are of the compiler's making."""
        namespace = self.next()
        if not (namespace.isascii() and namespace.isalpha()):
            raise _UndecodableError
        self.path(in_value)
        number = self.optional62("s")
        name = self.identifier()
        if namespace.isupper():
            kind = {"C": "closure", "S": "shim"}.get(namespace, namespace)
            self.write(f"::{{{kind}{':' if name else ''}{name}#{number}}}")
        elif name:
            self.write(f"::{name}")

    def implementation(self, tag: str) -> None:
        """ "M" impl-path type, "X" impl-path type path, or "Y" type path; the impl-path is not shown."""
        if tag != "Y":
            self.silent += 1
            self.optional62("s")
            self.path(in_value=False)
            self.silent -= 1
        self.write("<")
        self.type()
        if tag != "M":
            self.write(" as ")
            self.path(in_value=False)
        self.write(">")

    def generic_argument(self) -> None:
        if self.accept("L"):
            self.lifetime()
        elif self.accept("K"):
            self.constant(in_value=False)
        else:
            self.type()

    # types

    def type(self) -> None:
        self.deeper()
        tag = self.next()
        if tag in _BASIC_TYPES:
            self.write(_BASIC_TYPES[tag])
        elif tag in _TYPES:
            _TYPES[tag](self, tag)
        elif tag == "B":
            self.back_reference(self.type)
        else:
            self.at -= 1
            self.path(in_value=False)
        self.depth -= 1

    def reference(self, tag: str) -> None:
        self.write("&")
        if self.accept("L") and not self.accept("_"):
            self.lifetime()
            self.write(" ")
        self.write("mut " if tag == "Q" else "")
        self.type()

    def pointer(self, tag: str) -> None:
        self.write("*const " if tag == "P" else "*mut ")
        self.type()

    def sequence(self, tag: str) -> None:
        self.write("[")
        self.type()
        if tag == "A":
            self.write("; ")
            self.constant(in_value=True)
        self.write("]")

    def tuple(self, tag: str) -> None:
        self.write("(")
        count = self.list_of(self.type)
        self.write(",)" if count == 1 else ")")

    def lifetime(self) -> None:
        """The rest of "L" base-62-number: 0 is erased, others count binders from the inside."""
        index = self.base62()
        if index > self.lifetimes:
            raise _UndecodableError
        self.write(_lifetime_name(self.lifetimes - index) if index else "'_")

    def in_binder(self, production: Callable[[], object]) -> None:
        """["G" base-62-number]: what follows may use so many more lifetimes."""
        count = self.optional62("G")
        if count > 1000:
            raise _UndecodableError
        if count:
            names = (_lifetime_name(self.lifetimes + index) for index in range(count))
            self.write(f"for<{', '.join(names)}> ")
        self.lifetimes += count
        production()
        self.lifetimes -= count

    def function(self, tag: str) -> None:
        self.in_binder(self.signature)

    def signature(self) -> None:
        """fn-sig: ["U"] ["K" abi] {type} "E" type."""
        if self.accept("U"):
            self.write("unsafe ")
        if self.accept("K"):
            abi = "C" if self.accept("C") else self.identifier().replace("_", "-")
            self.write(f'extern "{abi}" ')
        self.write("fn(")
        self.list_of(self.type)
        self.write(")")
        if not self.accept("u"):
            self.write(" -> ")
            self.type()

    def trait_object(self, tag: str) -> None:
        self.write("dyn ")
        self.in_binder(lambda: self.list_of(self.trait, " + "))
        if not self.accept("L"):
            raise _UndecodableError
        if not self.accept("_"):
            self.write(" + ")
            self.lifetime()

    def trait(self) -> None:
        """dyn-trait: path {"p" identifier type}; associated types join the generic arguments."""
        is_open = self.open_path()
        while self.accept("p"):
            self.write(", " if is_open else "<")
            is_open = True
            self.write(self.identifier() + " = ")
            self.type()
        self.write(">" if is_open else "")

    def open_path(self) -> bool:
        """A path whose closing `>` is not written yet; False when it has no generic arguments."""
        is_open = False
        if self.accept("B"):

            def again() -> None:
                nonlocal is_open
                is_open = self.open_path()

            self.back_reference(again)
        elif self.accept("I"):
            self.path(in_value=False)
            self.write("<")
            self.list_of(self.generic_argument)
            is_open = True
        else:
            self.path(in_value=False)
        return is_open

    # constants

    def constant(self, in_value: bool) -> None:
        """const: a literal, or an expression, which generic arguments put into braces."""
        self.deeper()
        tag = self.next()
        if tag == "p":
            self.write("_")
        elif tag == "B":
            self.back_reference(lambda: self.constant(in_value))
        elif tag in _SIGNED or tag in _UNSIGNED or tag in {"b", "c"}:
            self.literal(tag)
        elif tag == "R" and self.accept("e"):
            self.string()
        else:
            self.write("" if in_value else "{")
            self.aggregate(tag)
            self.write("" if in_value else "}")
        self.depth -= 1

    def aggregate(self, tag: str) -> None:
        if tag == "e":
            self.write("*")
            self.string()
        elif tag in {"R", "Q"}:
            self.write("&" if tag == "R" else "&mut ")
            self.constant(in_value=True)
        elif tag == "A":
            self.write("[")
            self.list_of(self.inner_constant)
            self.write("]")
        elif tag == "T":
            self.write("(")
            count = self.list_of(self.inner_constant)
            self.write(",)" if count == 1 else ")")
        elif tag == "V":
            self.variant()
        else:
            raise _UndecodableError

    def variant(self) -> None:
        """A value of a structure or enumeration: path ("U" | "T" {const} "E" | "S" {field const} "E")."""
        self.path(in_value=True)
        tag = self.next()
        if tag == "T":
            self.write("(")
            self.list_of(self.inner_constant)
            self.write(")")
        elif tag == "S":
            self.write(" { ")
            self.list_of(self.field)
            self.write(" }")
        elif tag != "U":
            raise _UndecodableError

    def field(self) -> None:
        self.optional62("s")
        self.write(self.identifier() + ": ")
        self.inner_constant()

    def inner_constant(self) -> None:
        self.constant(in_value=True)

    def string(self) -> None:
        digits = self.hexadecimal()
        if len(digits) % 2:
            raise _UndecodableError
        self.write(_quoted(bytes.fromhex(digits).decode(), '"'))

    def literal(self, tag: str) -> None:
        negative = tag in _SIGNED and self.accept("n")
        digits = self.hexadecimal()
        value = int(digits or "0", 16)
        if tag == "b":
            if value > 1:
                raise _UndecodableError
            self.write("true" if value else "false")
        elif tag == "c":
            if value > 0x10FFFF:
                raise _UndecodableError
            self.write(_quoted(chr(value), "'"))
        else:
            self.write(("-" if negative else "") + (str(value) if value < 1 << 64 else hex(value)))

    def hexadecimal(self) -> str:
        """const-data without its sign: digits up to `_`."""
        end = self.name.find("_", self.at)
        digits = self.name[self.at : max(end, 0)]
        if end < 0 or not _HEX.issuperset(digits):
            raise _UndecodableError
        self.at = end + 1
        return digits


def _lifetime_name(depth: int) -> str:
    return f"'{chr(97 + depth)}" if depth < 26 else f"'_{depth}"


def _quoted(text: str, quote: str) -> str:
    """As Rust's Debug writes it, for the characters that occur."""
    escapes = {"\n": "\\n", "\r": "\\r", "\t": "\\t", "\\": "\\\\", "\0": "\\0", quote: f"\\{quote}"}
    return quote + "".join(escapes.get(char) or _printable(char) for char in text) + quote


def _printable(char: str) -> str:
    return char if char.isprintable() else f"\\u{{{ord(char):x}}}"


_TYPES: dict[str, Callable[[_Decoder, str], None]] = {
    "A": _Decoder.sequence,
    "S": _Decoder.sequence,
    "T": _Decoder.tuple,
    "R": _Decoder.reference,
    "Q": _Decoder.reference,
    "P": _Decoder.pointer,
    "O": _Decoder.pointer,
    "F": _Decoder.function,
    "D": _Decoder.trait_object,
}
