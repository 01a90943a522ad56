"""What the dynamic linker sees of the output: version scripts, dynamic lists, -E, -Bsymbolic and
--exclude-libs.

The command line's files are read here and put into the order of their precedence; which symbols they match
is found by the kernel, whose essay tells the rules (wild/kernels/exports.py).  Most links have none of these
files.
"""

from __future__ import annotations

from wild.elf import DT_NEEDED
from wild.errors import LinkError
from wild.kernels.exports import ExportTable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from wild.kernels.files import Inputs
    from wild.kernels.names import NameTable
    from wild.kernels.pool import Pool
    from wild.kernels.resolve import Resolution
    from wild.kernels.version_text import PatternTable, VersionNames
    from wild.mode import Kind
    from wild.options import Options
    from wild.script import Script
    from wild.versions import VersionScript

_GLOBAL = 1  # VER_NDX_GLOBAL
_SYMBOLIC = {
    "none": 0,
    "all": 1,
    "functions": 2,
    "non-weak": 3,
    "non-weak-functions": 4,
}  # kernels/exports.pxd
_MOST_HIDDEN = 1000  # reports of hidden symbols that shared objects refer to, before --error-limit cuts them
_PATTERN = b"*?[\\"
# What --dynamic-list-cpp-new and --dynamic-list-cpp-typeinfo stand for (GNU ld manual, "Options"); variables, which
# --dynamic-list-data is about, are told from functions by the kernel.
_BUILTIN_LISTS = {
    "data": b"{ };",
    "cpp-new": b'{ extern "C++" { "operator new*"; "operator delete*"; }; };',
    "cpp-typeinfo": b'{ extern "C++" { "typeinfo for*"; "typeinfo name for*"; }; };',
}


class Exports:
    """`nodes`: versions the output defines, as (name, names of the versions it succeeds, does it list names?), in
    order of their indices; `reports_imports`: are names that nothing defines reported although they are left to the
    loader?  `warnings`: texts about the files of the command line.
    """

    __slots__ = ("nodes", "reports_imports", "warnings")

    def __init__(self) -> None:
        self.nodes: list[tuple[bytes, list[bytes], bool]] = []
        self.reports_imports = False
        self.warnings: list[str] = []


def decide_exports(
    pool: Pool,
    inputs: Inputs,
    names: NameTable,
    resolution: Resolution,
    scripts: list[Script],
    options: Options,
    kind: Kind,
) -> Exports:
    """Decide what the output exports and imports, and under which versions; names must have been bound.

    Raises LinkError for a file that cannot be read or parsed, for symbols whose version no script defines,
    for names of scripts without a definition (--no-undefined-version), and for hidden symbols that shared
    objects need.
    """
    exports = Exports()
    exports.reports_imports = options.warn_unresolved_symbols and not _may_be_undefined(options, kind.shared)
    table = ExportTable(resolution)
    sources = [(_read(path), path) for path in options.version_scripts]
    sources += [
        (script.version_text.encode("utf-8", "surrogateescape"), "VERSION of a linker script")
        for script in scripts
        if script.version_text is not None
    ]
    versions = _parse(sources, exports) if sources else None
    unversioned = _GLOBAL
    if kind.dynamic:
        indices = {node.name: node.version for node in versions.nodes} if versions else {}
        if options.default_symver:
            unversioned = _default_version(options, exports, indices)
        unknown = table.take_symbol_versions(indices)
        if kind.shared:
            _check_versions(unknown, inputs, names, resolution)
        if versions:
            _take_versions(pool, table, versions, options, exports)
        _take_lists(pool, table, options)
    table.apply(pool, (*_rules(options, kind), unversioned))
    _check_hidden(table, inputs, names)
    return exports


def _default_version(options: Options, exports: Exports, indices: dict[bytes, int]) -> int:
    """--default-symver: exports that have no other version get the output's DT_SONAME, or its file name; returns the
    index of that version, which is added to those of the scripts.
    """
    from wild.versions import FIRST_NODE

    name = (options.soname or options.output.rpartition("/")[2]).encode("utf-8", "surrogateescape")
    if name not in indices:
        indices[name] = FIRST_NODE + len(exports.nodes)
        exports.nodes.append((name, [], True))
    return indices[name]


def _read(path: str) -> bytes:
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError as error:
        raise LinkError(f"{path}: cannot open: {error.strerror}") from None


def _parse(sources: list[tuple[bytes, str]], exports: Exports) -> VersionScript:
    from wild.versions import parse_version_scripts

    script = parse_version_scripts(sources)
    by_version = {node.version: node.name for node in script.nodes}
    exports.nodes = [
        (node.name, [by_version[parent] for parent in node.parents], node.lists_names)
        for node in script.nodes
    ]
    return script


def _take_versions(
    pool: Pool, table: ExportTable, script: VersionScript, options: Options, exports: Exports
) -> None:
    """Exact names, then patterns."""
    from wild.kernels.version_text import PatternTable

    table.take_names(pool, script.names)
    twice = table.contradictions(script.names)
    exports.warnings += [
        f"version script: {_shown(name)} is given two versions; the first counts" for name in twice
    ]
    if not options.undefined_version:
        missing = table.undefined_names(script.names)
        if missing:
            raise LinkError(*[f"version script: symbol {_shown(name)} is not defined" for name in missing])
    _match(pool, table, PatternTable(script.patterns), False)


def _take_lists(pool: Pool, table: ExportTable, options: Options) -> None:
    """--dynamic-list, --export-dynamic-symbol-list, --export-dynamic-symbol."""
    files = [*options.dynamic_lists, *options.export_dynamic_symbol_lists]
    if not files and not options.export_dynamic_symbols and not options.builtin_lists:
        return
    from wild.kernels.version_text import PatternTable
    from wild.versions import parse_dynamic_list

    patterns = []
    lists = [(_read(path), path) for path in files]
    lists += [(_BUILTIN_LISTS[name], f"--dynamic-list-{name}") for name in options.builtin_lists]
    for text, path in lists:
        listed = parse_dynamic_list(text, path)
        table.take_names(pool, listed.names, True)
        patterns += listed.patterns
    symbols = [name.encode("utf-8", "surrogateescape") for name in options.export_dynamic_symbols]
    table.take_names(pool, _exact_names(name for name in symbols if not _is_pattern(name)), True)
    patterns += [(name, _GLOBAL, 0) for name in symbols if _is_pattern(name)]
    if patterns:
        _match(pool, table, PatternTable(patterns), True)


def _is_pattern(name: bytes) -> bool:
    return any(character in name for character in _PATTERN)


def _exact_names(names: Iterable[bytes]) -> VersionNames:
    from wild.kernels.version_text import VersionNames, VersionText

    text = b"".join(name + b";" for name in names)
    rows = VersionNames(text)
    VersionText(rows, 0, len(text)).take_names(_GLOBAL)
    return rows


def _match(pool: Pool, table: ExportTable, patterns: PatternTable, listing: bool) -> None:
    """Match patterns; names of C++ are demangled only if some pattern is about demangled names."""
    cxx = table.take_patterns(pool, patterns, listing)
    if cxx:
        from wild.demangle import demangle_many

        demangled = demangle_many([name.decode("utf-8", "surrogateescape") for name in cxx])
        table.match_demangled(patterns, [text.encode("utf-8", "surrogateescape") for text in demangled])


def _rules(options: Options, kind: Kind) -> tuple[bool | int, ...]:
    """Rules of kernels/exports.pxd, in the order of `ExportTable.apply`, but for the last.

    A dynamic linker is there for a shared object and for a program that names one; a static PIE relocates
    itself and finds no symbols.  What an object mentions is looked up by it even if no relocation needs it, so that
    a missing library shows at the start; --gc-sections leaves what live code does not use out, as in GNU ld and lld.
    """
    linked = kind.dynamic and (kind.shared or kind.interp)
    ignored = _may_be_undefined(options, kind.shared)
    # As in lld, a program imports what the user says may be missing: a library that is preloaded can define it.
    may_be_missing = ignored or options.warn_unresolved_symbols
    return (
        kind.dynamic,
        kind.shared,
        kind.shared or options.export_dynamic,
        kind.shared and bool(options.dynamic_lists or options.builtin_lists),
        linked and may_be_missing,
        linked and options.z_dynamic_undefined_weak is not False,
        ignored and not kind.shared,
        "data" in options.builtin_lists,
        options.gnu_unique,
        not options.gc_sections,
        _SYMBOLIC[options.bsymbolic],
    )


def _may_be_undefined(options: Options, shared: bool) -> bool:
    """-z defs, -z undefs, --unresolved-symbols: may an object refer to what nothing defines?

    -z goes before --unresolved-symbols; by default only a shared object may.
    """
    if options.z_defs is not None:
        return not options.z_defs
    if options.unresolved_symbols is not None:
        return options.unresolved_symbols in {"ignore-all", "ignore-in-object-files"}
    return shared


def _check_versions(
    unknown: list[tuple[int, bytes]], inputs: Inputs, names: NameTable, resolution: Resolution
) -> None:
    """A shared object can define only versions that a script names (GNU ld: "version node not found")."""
    if not unknown:
        return
    texts = []
    for name, version in unknown:
        file = resolution.symbol(name)[0] or 0
        symbol = _shown(names.text(name).partition(b"@")[0])
        texts.append(
            f"{inputs.file_name(file)}: symbol {symbol} has version {_shown(version)}"
            ", which no version script defines"
        )
    raise LinkError(*texts)


def _check_hidden(table: ExportTable, inputs: Inputs, names: NameTable) -> None:
    """A shared object cannot be bound to a hidden symbol of the output.

    It may find another one in a library that it needs, but that is not part of the link: then nothing is said.
    """
    found = table.hidden_references(_MOST_HIDDEN)
    if not found:
        return
    complete = complete_shared_objects(inputs)
    texts = [
        f"{inputs.file_name(file)}: refers to {_shown(names.text(name))}, which is hidden in the output"
        for name, file in found
        if file in complete
    ]
    if texts:
        raise LinkError(*texts)


def complete_shared_objects(inputs: Inputs) -> set[int]:
    """FileIds of the shared objects all of whose DT_NEEDED are part of the link: what they lack, nobody has."""
    known = set(sonames(inputs))
    return {
        file for file in inputs.shared_files() if known.issuperset(inputs.dynamic_strings(file, DT_NEEDED))
    }


def sonames(inputs: Inputs) -> list[str]:
    """The names under which the shared objects of a link are needed."""
    return [
        inputs.soname(file) or inputs.file_name(file).rpartition("/")[2] for file in inputs.shared_files()
    ]


def _shown(name: bytes) -> str:
    return name.decode("utf-8", "replace")
