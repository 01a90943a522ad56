"""Did you mean …?: the known name that an unknown one was probably meant to be.

Candidates may be all symbols of a link, so few are compared letter by letter. `k` edits cannot touch more
than 2`k` of the pieces a name is cut into (a swap of neighbours may touch two), so with 2`k` + 1 pieces one
is left as it was, and at most `k` letters from its place: looking for it costs no more than a call. Names of
large C++ programs share so many pieces that many pass; those that share most are then compared first, and not
all.

What makes the unknown names of a linker different from other misspellings is tried before: a function that is
`extern "C"` on one side only, other parameters, a name in the wrong case, and the leading underscores of
other object formats.
"""

from __future__ import annotations

from wild.demangle import demangle

_MOST_COMPARED = 2_000


def hint(name: str, candidates: list[str]) -> str | None:
    """What to add to the report of an undefined symbol: `nearest`, as its source spells it."""
    found = nearest(name, candidates)
    if found is None:
        return None
    text = f"did you mean: {demangle(found)}"
    if _plain_name(found) == name:
        return f'{text}, which is defined without extern "C"'
    if _plain_name(name) == found:
        return f'{text}, which is defined as extern "C"'
    return text


def nearest(name: str, candidates: list[str]) -> str | None:
    """The candidate that `name` was probably meant to be, None when none is near enough.

    In order of preference: the same function with the other language linkage (`foo` for `_Z3foov` and the
    reverse), the same letters but for case and leading underscores, the same C++ function with other
    parameters, then the fewest edits, of which a quarter of the length is allowed, 3 at most. Of equals the
    first counts. What is in a namespace or class hardly ever is `extern "C"`, so there that comes last.
    """
    known = [candidate for candidate in candidates if candidate != name]
    if len(qualified_name(name)[0]) > 1:
        return (
            _same_letters(name, known)
            or _other_parameters(name, known)
            or _fewest_edits(name, known)
            or _other_linkage(name, known)
        )
    return (
        _other_linkage(name, known)
        or _same_letters(name, known)
        or _other_parameters(name, known)
        or _fewest_edits(name, known)
    )


def _other_linkage(name: str, known: list[str]) -> str | None:
    if name.startswith("_Z"):
        plain = _plain_name(name)
        return plain if plain and plain in known else None
    part = f"{len(name)}{name}"
    for candidate in known:
        if part in candidate and candidate.startswith("_Z") and _plain_name(candidate) == name:
            return candidate
    return None


def _same_letters(name: str, known: list[str]) -> str | None:
    letters = name.lstrip("_").casefold()
    limit = len(name) + 2
    for candidate in known:
        if len(candidate) <= limit and candidate.lstrip("_").casefold() == letters:
            return candidate
    return None


def _other_parameters(name: str, known: list[str]) -> str | None:
    parts, end = qualified_name(name)
    if not parts:
        return None
    function = name[:end]
    return next((candidate for candidate in known if candidate.startswith(function)), None)


def _plain_name(mangled: str) -> str:
    """`foo` of `_Z3foov` and of `_ZN2ns3fooEv`; "" of other kinds of names."""
    parts, _ = qualified_name(mangled)
    return parts[-1] if parts else ""


def qualified_name(mangled: str) -> tuple[list[str], int]:
    """The identifiers of a C++ name without template arguments, and where its parameters begin.

    <encoding> ::= <name> <parameters>, and <name> is a <source-name> or N [qualifiers] <source-name>* E
    (Itanium C++ ABI, "Mangling"); of everything else there are no identifiers.
    """
    if not mangled.startswith("_Z"):
        return [], 0
    at = 2
    nested = mangled[at : at + 1] == "N"
    if nested:
        at += 1
        while mangled[at : at + 1] in ("r", "V", "K", "R", "O"):
            at += 1
    parts = []
    while "0" < mangled[at : at + 1] <= "9":
        digits = at
        while "0" <= mangled[at : at + 1] <= "9":
            at += 1
        length = int(mangled[digits : min(at, digits + 6)])
        parts.append(mangled[at : at + length])
        at += length
        if not nested:
            return parts, at
    return (parts, at + 1) if parts and mangled[at : at + 1] == "E" else ([], 0)


def _fewest_edits(name: str, known: list[str]) -> str | None:
    limit = min((len(name) + 1) // 4, 3)
    if not limit:
        return None
    best = None
    for candidate in _plausible(name, known, limit):
        edits = _edits(name, candidate, limit)
        if edits <= limit:
            best, limit = candidate, edits - 1
            if not limit:
                break
    return best


def _plausible(name: str, known: list[str], limit: int) -> list[str]:
    """The candidates that may be `limit` edits away, in their order unless there are too many of them."""
    count = 2 * limit + 1
    cuts = [len(name) * index // count for index in range(count + 1)]
    pieces = [
        (name[cuts[index] : cuts[index + 1]], max(cuts[index] - limit, 0), cuts[index + 1] + limit)
        for index in range(count)
    ]
    shortest, longest = len(name) - limit, len(name) + limit
    found = []
    for candidate in known:
        if shortest <= len(candidate) <= longest:
            shared = sum([candidate.find(piece, begin, end) >= 0 for piece, begin, end in pieces])
            if shared:
                found.append((shared, candidate))
    if len(found) > _MOST_COMPARED:
        found.sort(key=lambda pair: -pair[0])
    return [candidate for _, candidate in found[:_MOST_COMPARED]]


def _edits(one: str, other: str, limit: int) -> int:
    """Insertions, deletions, replacements, swaps of neighbours from one name to the other, at most limit + 1.

    The usual table, of which only the cells within `limit` of the diagonal can matter.
    """
    too_many = limit + 1
    before: list[int] = []
    row = [min(column, too_many) for column in range(len(other) + 1)]
    for line, letter in enumerate(one, 1):
        before, above = row, before
        row = [too_many] * (len(other) + 1)
        if line <= limit:
            row[0] = line
        for column in range(max(line - limit, 1), min(line + limit, len(other)) + 1):
            there = other[column - 1]
            edits = min(before[column] + 1, row[column - 1] + 1, before[column - 1] + (letter != there))
            if line > 1 and column > 1 and letter == other[column - 2] and there == one[line - 2]:
                edits = min(edits, above[column - 2] + 1)
            row[column] = edits
    return min(row[-1], too_many)
