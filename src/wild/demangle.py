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

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

_LIBRARIES = ("libstdc++.so.6", "libc++abi.so.1", "libc++.so.1")

_HEX = frozenset("0123456789abcdef")
# Characters that a C++ name cannot hold, in Rust's legacy names between dollar signs.
_ESCAPES = {"SP": "@", "BP": "*", "RF": "&", "LT": "<", "GT": ">", "LP": "(", "RP": ")", "C": ","}

_cxx: Callable[[str], str | None] | None = None


def demangle(name: str) -> str:
    """The name in its source language, or `name` itself; a symbol version (`@V`, `@@V`) is kept behind it."""
    if not name.startswith("_"):
        return name
    symbol, at, version = name.partition("@")
    text = demangle_v0(symbol) or _demangle_legacy(symbol)
    if text is None and symbol.startswith("_Z"):
        text = _demangle_cxx()(symbol)
    return name if text is None else text + at + version


def demangle_many(names: list[str]) -> list[str]:
    """What C++ patterns of a version script are compared with: C++ names demangled, all others as they are.

    Rust's legacy names count as the C++ names they look like, as in GNU ld.
    """
    cxx = _demangle_cxx()
    return [(cxx(name) or name) if name.startswith("_Z") else name for name in names]


def can_demangle_cxx() -> bool:
    """Is there a C++ runtime library on this machine?"""
    return _demangle_cxx() is not _unknown


def cxx_demangler_address() -> int:
    """Where __cxa_demangle is, for kernels that have many names to demangle; 0 if there is none."""
    import ctypes

    function = _find_cxx()
    return ctypes.cast(function, ctypes.c_void_p).value or 0 if function else 0


def _demangle_cxx() -> Callable[[str], str | None]:
    global _cxx
    if _cxx is None:
        _cxx = _load_cxx()
    return _cxx


def _unknown(name: str) -> None:
    return None


def _find_cxx() -> Any:
    """__cxa_demangle of the first library that can be loaded (Itanium C++ ABI, "Demangler API"), or None."""
    import ctypes

    for library in _LIBRARIES:
        try:
            return ctypes.CDLL(library)["__cxa_demangle"]
        except (OSError, AttributeError):
            continue
    return None


def _load_cxx() -> Callable[[str], str | None]:
    import ctypes

    function = _find_cxx()
    if function is None:
        return _unknown
    free = ctypes.CDLL(None).free
    free.argtypes = [ctypes.c_void_p]
    function.restype = ctypes.c_void_p
    function.argtypes = [ctypes.c_char_p, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p]
    string_at = ctypes.string_at

    def demangle_one(name: str) -> str | None:
        address = function(name.encode("utf-8", "surrogateescape"), None, None, None)
        if not address:
            return None
        text = string_at(address).decode("utf-8", "surrogateescape")
        free(address)
        return text

    return demangle_one


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
