"""Why a symbol is undefined, where there is a likely cause: one or two lines to be added to the report.

In the order in which they are looked for, the surest first: there is a definition that does not count, as
the texts of `explain_definition` tell; the compiler makes the symbol only together with something else (a
vtable with its key function); it is known to be in a library; another name is spelt almost alike; its
beginning is that of a library; a library that a linked one needs, or another that is not linked, defines it.
"""

from __future__ import annotations

from wild.well_known import KNOWN_BEGINNINGS, KNOWN_NAMES

TYPE_CHECKING = False
if TYPE_CHECKING:
    from wild.kernels.references import LinkTables
    from wild.locations import Locations
    from wild.well_known import Advice

MOST_EXPLAINED = 20  # symbols
STB_LOCAL = 0
STV_HIDDEN = 2
SYM_RESTRICTED = 1 << 12 | 1 << 13  # SYM_HIDDEN, SYM_PROTECTED (kernels/tables.pxd)
FILE_OBJECT, FILE_SHARED = 1, 2

COMPILED_WITH = {
    "_ZTV": (
        "the vtable comes with the definition of the class's key function, its first virtual function that",
        "is neither inline nor pure: is that function defined, and its file linked?",
    ),
    "_ZTI": (
        "the type information comes with the definition of the class's key function, its first virtual",
        "function that is neither inline nor pure, and only from files compiled without -fno-rtti",
    ),
}
MAIN = ("a program needs a function main; to make a shared object, link with -shared",)


def likely_causes(locations: Locations, names: list[int]) -> list[list[str]]:
    """For each NameId the lines to add, often none."""
    explained = names[:MOST_EXPLAINED]
    found = unused_definitions(locations, explained)
    causes = [cause_of(locations, name, each) for name, each in zip(explained, found, strict=True)]
    search_libraries(locations, explained, causes)
    return causes + [[]] * (len(names) - len(explained))


def unused_definitions(locations: Locations, names: list[int]) -> list[list[tuple[int, int]]]:
    """For each NameId the (file, symbol index) of definitions of that spelling that do not count."""
    from wild.kernels.spellings import defined_elsewhere

    tables = locations.tables
    texts = [tables.names.text(name).partition(b"@")[0] for name in names]
    found: list[list[tuple[int, int]]] = [[] for _ in names]
    for index, file, symbol in defined_elsewhere(tables, texts):
        found[index].append((file, symbol))
    return found


def cause_of(locations: Locations, name: int, elsewhere: list[tuple[int, int]]) -> list[str]:
    """The lines about one name."""
    spelling = locations.tables.names.text(name)
    for file, symbol in elsewhere:
        lines = explain_definition(locations, name, file, symbol)
        if lines:
            return lines
    hidden = hidden_definition(locations, spelling)
    if hidden:
        return hidden
    text = spelling.decode("utf-8", "surrogateescape")
    known: tuple[str, ...] = MAIN if text == "main" else COMPILED_WITH.get(text[:4], ())
    known = known or library_advice(locations, KNOWN_NAMES.get(text))
    if known:
        return [f">>> {line}" for line in known]
    similar = similar_name(locations, spelling)
    if similar:
        return similar
    library = next((each for beginnings, each in KNOWN_BEGINNINGS if text.startswith(beginnings)), None)
    return [f">>> {line}" for line in library_advice(locations, library)]


def explain_definition(locations: Locations, name: int, file: int, symbol: int) -> list[str]:
    """Why a symbol of the name's spelling does not define it; empty where no reason is to be seen."""
    tables = locations.tables
    where = locations.file(file)
    _, spelling, section, _, info, _ = tables.symbol(file, symbol)
    shown = locations.shown(spelling)
    if tables.inputs.file_row(file)["kind"] == FILE_SHARED:
        version, is_old = tables.version(file, symbol)
        if is_old:
            old = f"{shown}@{version.decode('utf-8', 'replace')}"
            return [f">>> {where} defines {old}, a version that only serves programs linked long ago"]
        if tables.resolution.symbol(name)[4] & SYM_RESTRICTED:
            return [
                f">>> {where} defines it, but {restriction_of(locations, name)[0]} declares it hidden, so that",
                ">>> it has to be defined in the output: take the visibility from its declaration",
            ]
        return []
    if info >> 4 == STB_LOCAL:
        return [f">>> {where} has a local symbol of that name; is it static, or in an unnamed namespace?"]
    if section and tables.is_discarded(file, section):
        return discarded_definition(locations, file, section)
    if b"@" in spelling:
        return [f">>> {where} defines it as {shown}, which has to be asked for by that version"]
    return []


def hidden_definition(locations: Locations, spelling: bytes) -> list[str]:
    """Lines about a shared object that has the symbol and does not export it."""
    from wild.kernels.spellings import not_exported

    for _, file in not_exported(locations.tables, [spelling]):
        return [
            f">>> {locations.file(file)} has a symbol of that name that it does not export; was it compiled with",
            ">>> -fvisibility=hidden, or linked with a version script that does not name it?",
        ]
    return []


def restriction_of(locations: Locations, name: int) -> tuple[str, int]:
    """The first object that refers to a name and says that it is hidden or protected, and which of them it says."""
    for file, symbol in locations.tables.resolution.references_of(name, 1000):
        visibility = locations.tables.symbol(file, symbol)[5] & 3
        if visibility:
            return locations.file(file), visibility
    return "an object", STV_HIDDEN


def discarded_definition(locations: Locations, file: int, section: int) -> list[str]:
    """Lines about a definition in a COMDAT group of which another file's copy counts."""
    tables = locations.tables
    lines = [
        f">>> {locations.file(file)} defines it in {locations.section(file, section)}, which was discarded"
    ]
    signature, winner = tables.group(file, section)
    if signature:
        shown = locations.shown(tables.names.text(signature))
        lines.append(
            f">>> because the section group {shown} of {locations.file(winner)} counts, and lacks it;"
        )
        lines.append(
            ">>> are the two compiled from different definitions (one definition rule) or with other options?"
        )
    return lines


def similar_name(locations: Locations, spelling: bytes) -> list[str]:
    """`did you mean`, and where that is defined."""
    from wild.spelling import hint, nearest

    name = spelling.decode("utf-8", "surrogateescape")
    found = nearest(name, similar_candidates(locations.tables, spelling))
    text = hint(name, [found]) if found else None
    if not found or not text:
        return []
    number = locations.tables.names.find(found.encode("utf-8", "surrogateescape"))
    return [f">>> {text}", *locations.definition(number)]


def similar_candidates(tables: LinkTables, spelling: bytes) -> list[str]:
    """The defined names among which `nearest` of wild/spelling.py finds what it would find among all."""
    from wild.kernels.spellings import similar_names
    from wild.spelling import qualified_name

    name = spelling.decode("utf-8", "surrogateescape")
    parts, end = qualified_name(name)
    edits = min((len(name) + 1) // 4, 3)
    beginning = spelling[:end] if parts else b""
    piece = b"" if parts else b"%d%b" % (len(spelling), spelling)
    plain = parts[-1].encode("utf-8", "surrogateescape") if parts else b""
    found = similar_names(tables, spelling, edits, beginning, piece, plain)
    return [each.decode("utf-8", "surrogateescape") for each in found]


def search_libraries(locations: Locations, names: list[int], causes: list[list[str]]) -> None:
    """Name the library that defines what has no other explanation; it cannot define what must be in the output."""
    from wild.library_search import find_defining, first_defining, identity, option_for

    flags = locations.tables.resolution.symbol
    open_names = {
        index: name
        for index, name in enumerate(names)
        if not causes[index] and not flags(name)[4] & SYM_RESTRICTED
    }
    texts = {index: locations.tables.names.text(name) for index, name in open_names.items()}
    if not texts:
        return
    options = locations.options
    linked = set(map(identity, locations.tables.inputs.paths)) - {None}
    needed = first_defining(list(texts.values()), needed_libraries(locations), linked)
    open_texts = [text for text in texts.values() if text not in needed]
    found = find_defining(open_texts, options.library_paths + options.default_library_paths, linked)
    for index, text in texts.items():
        if text in needed:
            causes[index] = [
                f">>> defined in {needed[text]}, which a library of the line needs; it has to be on the line too:",
                f">>> add {option_for(needed[text])}, or link with --copy-dt-needed-entries",
            ]
        elif text in found:
            path = found[text]
            causes[index] = [f">>> defined in {path}, which is not on the line; add {option_for(path)}"]


def needed_libraries(locations: Locations) -> list[str]:
    """What the shared objects of the link need, where it can be found."""
    inputs = locations.tables.inputs
    if not inputs.shared_files():
        return []
    from wild.kernels.pool import Pool
    from wild.needed_search import NeededObjects

    pool = Pool(1)
    try:
        return NeededObjects(pool, inputs, locations.options).paths
    finally:
        pool.close()


def library_advice(locations: Locations, advice: Advice | None) -> tuple[str, ...]:
    """What to do to get a symbol of a library, unless the library is linked already."""
    if advice is None:
        return ()
    library, text = advice
    linked = (f"{library}.so", f"{library}.a", f"{library}-")
    if any(path.rpartition("/")[2].startswith(linked) for path in locations.tables.inputs.paths):
        return ()
    return (text,)
