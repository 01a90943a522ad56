"""Numbers about a link: --write-gc-stats, --print-archive-stats, --sym-info."""

from __future__ import annotations

from wild.demangle import demangle
from wild.errors import LinkError
from wild.kernels.gc_stats import archive_members, code_bytes
from wild.kernels.usage import mentions
from wild.notices import KINDS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from wild.kernels.references import LinkTables
    from wild.messages import Messages
    from wild.options import Options

BOUND_FLAGS = (  # of SymbolRow (kernels/tables.pxd)
    (1 << 2, "weak"), (1 << 3, "common"), (1 << 4, "absolute"), (1 << 5, "thread-local"), (1 << 6, "ifunc"),
    (1 << 7, "function"), (1 << 8, "unique"), (1 << 12, "hidden"), (1 << 13, "protected"), (1 << 14, "exported"),
    (1 << 15, "imported"), (1 << 16, "localised"), (1 << 17, "GOT"), (1 << 18, "PLT"), (1 << 19, "canonical PLT"),
    (1 << 20, "copied"), (1 << 21, "TLS offset slot"), (1 << 22, "TLS pair"), (1 << 23, "TLS descriptor"),
)  # fmt: skip
COLUMNS = "      kept   dropped  dropped%  input"


def write_text(path: str, text: str, messages: Messages) -> None:
    """To a file, or to standard output if it is called `-`; raises LinkError."""
    if path == "-":
        messages.tell(text)
        return
    try:
        with open(path, "w", encoding="utf-8", errors="surrogateescape") as file:
            file.write(f"{text}\n")
    except OSError as error:
        raise LinkError(f"{path}: cannot be written: {error.strerror}") from None


def gc_stats(tables: LinkTables, options: Options) -> str:
    """Bytes of code that --gc-sections kept and dropped, in the inputs that dropped most first.

    Members of an archive count together unless --verbose-gc-stats is given.  What another file's COMDAT copy
    replaced was not dropped by garbage collection, and does not count.
    """
    totals: dict[str, list[int]] = {}
    for file, kept, dropped in code_bytes(tables):
        name = tables.inputs.file_name(file)
        if any(text in name for text in options.gc_stats_ignore):
            continue
        if not options.verbose_gc_stats and name.endswith(")"):
            name = name.rpartition("(")[0]
        total = totals.setdefault(name, [0, 0])
        total[0] += kept
        total[1] += dropped
    rows = sorted(totals.items(), key=lambda item: (-item[1][1], -item[1][0], item[0]))
    rows.append(("total", [sum(total[0] for _, total in rows), sum(total[1] for _, total in rows)]))
    lines = [f"{kept:10} {dropped:9} {share(dropped, kept):9}  {name}" for name, (kept, dropped) in rows]
    return "\n".join([COLUMNS, *lines])


def share(part: int, rest: int) -> str:
    """A share in per cent, with one digit behind the point."""
    return f"{100 * part / (part + rest):.1f}" if part else "0.0"


def archive_stats(tables: LinkTables) -> str:
    """How many members each archive has and how many were linked, in the order of the command line (lld's form)."""
    totals: dict[str, list[int]] = {}
    for file, is_linked in archive_members(tables):
        total = totals.setdefault(tables.inputs.file_name(file).rpartition("(")[0], [0, 0])
        total[0] += 1
        total[1] += is_linked
    return "\n".join(
        ["members\textracted\tarchive", *(f"{m}\t{n}\t{name}" for name, (m, n) in totals.items())]
    )


def symbol_info(tables: LinkTables, symbol: str) -> str:
    """--sym-info: what a name is bound to, what the link makes for it, and every file that mentions it."""
    name = tables.names.find(symbol.encode("utf-8", "surrogateescape"))
    if not name:
        return f"{symbol}: no input mentions it"
    file, _, value, section, flags = tables.resolution.symbol(name)
    shown = demangle(symbol)
    lines = [f"{symbol}{f' = {shown}' if shown != symbol else ''}"]
    if file is None:
        lines.append("  bound to nothing")
    else:
        _, index = tables.place_of(section) if section else (0, 0)
        place = (
            f":({tables.section_name(file, index).decode('utf-8', 'replace')}+{value:#x})" if section else ""
        )
        lines.append(f"  bound to {tables.inputs.file_name(file) if file else 'the linker'}{place}")
    lines.append(f"  flags: {', '.join(word for bit, word in BOUND_FLAGS if flags & bit) or 'none'}")
    for mentioning, _, kind in mentions(tables, name):
        if mentioning:
            lines.append(
                f"  {KINDS[kind].removesuffix(' to').removesuffix(' of')} in {tables.inputs.file_name(mentioning)}"
            )
    return "\n".join(lines)
