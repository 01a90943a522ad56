"""--why-extract and --print-dependencies: which file needs which other, one tab-separated line each.

The first has the columns of lld and its header; the second has the letter `u` for an ordinary reference and
`w` for a weak one before the symbol.
"""

from __future__ import annotations

from wild.errors import LinkError
from wild.kernels.dependencies import dependencies, extractions

TYPE_CHECKING = False
if TYPE_CHECKING:
    from wild.kernels.references import LinkTables
    from wild.messages import Messages

INTERNAL_FILE = 0


def write_file_reports(tables: LinkTables, messages: Messages) -> None:
    """Write the reports that the options ask for; raises LinkError."""
    options = messages.options
    if options.why_extract is not None:
        write(options.why_extract, extraction_lines(tables, options.demangle), messages)
    if options.print_dependencies is not None:
        write(options.print_dependencies, dependency_lines(tables, options.demangle), messages)


def extraction_lines(tables: LinkTables, demangle: bool) -> list[str]:
    """`reference`, `extracted`, `symbol`; the linker's own references are those of the command line."""
    rows = extractions(tables)
    shown = spellings(tables, [name for _, _, name in rows], demangle)
    lines = ["reference\textracted\tsymbol"]
    for (file, member, _), symbol in zip(rows, shown, strict=True):
        lines.append(f"{file_label(tables, file)}\t{tables.inputs.file_name(member)}\t{symbol}")
    return lines


def file_label(tables: LinkTables, file: int | None) -> str:
    if file is None:
        return "<unknown>"
    return "<command line>" if file == INTERNAL_FILE else tables.inputs.file_name(file)


def dependency_lines(tables: LinkTables, demangle: bool) -> list[str]:
    """The referring file, the defining file, the kind of reference, the symbol."""
    rows = dependencies(tables)
    shown = spellings(tables, [row[2] for row in rows], demangle)
    name_of = tables.inputs.file_name
    return [
        f"{name_of(file)}\t{name_of(other)}\t{'w' if weak else 'u'}\t{symbol}"
        for (file, other, _, weak), symbol in zip(rows, shown, strict=True)
    ]


def spellings(tables: LinkTables, names: list[int], demangle: bool) -> list[str]:
    """Names as their sources spell them, unless --no-demangle."""
    texts = [tables.names.text(name).decode("utf-8", "surrogateescape") if name else "" for name in names]
    if not demangle:
        return texts
    from wild.demangle import demangle as demangled

    return [demangled(text) for text in texts]


def write(path: str, lines: list[str], messages: Messages) -> None:
    """To a file, or to standard output for `-`."""
    text = "\n".join(lines)
    if path == "-":
        messages.tell(text)
        return
    try:
        with open(path, "wb") as file:
            file.write(f"{text}\n".encode("utf-8", "surrogateescape"))
    except OSError as error:
        raise LinkError(f"{path}: cannot write: {error.strerror}") from None
