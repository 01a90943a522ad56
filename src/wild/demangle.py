"""Symbols as programmers wrote them: for error texts, and for `extern "C++"` patterns of version scripts.

C++ names (the Itanium C++ ABI's mangling) are left to the C++ runtime library, which nearly every machine
with a compiler has: its `__cxa_demangle` is the reference, and version scripts are written against what it
prints. Where there is no such library a name stays as it is, and `can_demangle_cxx` says so.

Rust's older names look like C++ names (`_ZN4core3fmt5Write9write_fmt17h0123456789abcdefE`): a path whose
last part is a hash, which is left out here; what C++ names cannot hold is written `$LT$`, `$u20$`, and `::`
as `..`. Rust's newer names are the business of `wild.demangle_rust`.

Nothing here is imported by a link that has neither an error nor such patterns.
"""

from __future__ import annotations

from wild.demangle_rust import demangle_v0, visible
from wild.kernels.cxx_names import demangled, find_demangler

_LIBRARIES = [b"libstdc++.so.6", b"libc++abi.so.1", b"libc++.so.1"]

_HEX = frozenset("0123456789abcdef")
# Characters that a C++ name cannot hold, in Rust's legacy names between dollar signs.
_ESCAPES = {"SP": "@", "BP": "*", "RF": "&", "LT": "<", "GT": ">", "LP": "(", "RP": ")", "C": ","}

_address: int | None = None  # of __cxa_demangle, once it was looked for


def demangle(name: str) -> str:
    """The name in its source language, or `name` itself; a symbol version (`@V`, `@@V`) is kept behind it."""
    if not name.startswith("_"):
        return name
    symbol, at, version = name.partition("@")
    text = demangle_v0(symbol) or _demangle_legacy(symbol)
    if text is None and symbol.startswith("_Z"):
        text = _demangle_cxx(symbol)
    return name if text is None else text + at + version


def demangle_many(names: list[str]) -> list[str]:
    """What C++ patterns of a version script are compared with: C++ names demangled, all others as they are.

    Rust's legacy names count as the C++ names they look like, as in GNU ld.
    """
    return [(_demangle_cxx(name) or name) if name.startswith("_Z") else name for name in names]


def can_demangle_cxx() -> bool:
    """Is there a C++ runtime library on this machine?"""
    return cxx_demangler_address() != 0


def cxx_demangler_address() -> int:
    """Where __cxa_demangle is, for kernels that have many names to demangle; 0 if there is none."""
    global _address
    if _address is None:
        _address = find_demangler(_LIBRARIES)
    return _address


def _demangle_cxx(name: str) -> str | None:
    address = cxx_demangler_address()
    text = demangled(address, name.encode("utf-8", "surrogateescape")) if address else None
    return None if text is None else text.decode("utf-8", "surrogateescape")


def _demangle_legacy(name: str) -> str | None:
    """The path of a legacy name without its hash; None if it is none (C++ names begin alike)."""
    if not name.startswith("_ZN"):
        return None
    parts = []
    at = 3
    while "0" <= name[at : at + 1] <= "9":
        digits = at
        while "0" <= name[at : at + 1] <= "9":
            at += 1
        if at - digits > 6:
            return None
        end = at + int(name[digits:at])
        parts.append(name[at:end])
        at = end
    suffix = name[at + 1 :]
    if name[at : at + 1] != "E" or len(parts) < 2 or not _is_hash(parts.pop()) or suffix[:1] not in ("", "."):
        return None
    return "::".join(map(_unescaped, parts)) + visible(suffix)


def _is_hash(part: str) -> bool:
    return len(part) == 17 and part[0] == "h" and _HEX.issuperset(part[1:])


def _unescaped(part: str) -> str:
    if part.startswith("_$"):
        part = part[1:]
    pieces = part.replace("..", "::").split("$")
    if len(pieces) % 2 == 0:
        return part
    for index in range(1, len(pieces), 2):
        code = pieces[index]
        if code in _ESCAPES:
            pieces[index] = _ESCAPES[code]
        elif code[:1] == "u" and code[1:] and _HEX.issuperset(code[1:]) and int(code[1:], 16) <= 0x10FFFF:
            pieces[index] = chr(int(code[1:], 16))
        else:
            return part
    text = "".join(pieces)
    return text if text.isprintable() else part
