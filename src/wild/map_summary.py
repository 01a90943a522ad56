"""What a map in GNU ld's form says about the whole link: why files are in it, regions of memory, the output."""

from __future__ import annotations

from wild.file_reports import spellings
from wild.kernels.dependencies import extractions, needed_libraries

TYPE_CHECKING = False
if TYPE_CHECKING:
    from wild.kernels.references import LinkTables
    from wild.options import Options

FILE_WIDTH = 30
MEMBERS = "Archive member included to satisfy reference by file (symbol)"
LIBRARIES = "As-needed library included to satisfy reference by file (symbol)"
MEMORY = "\nMemory Configuration\n\nName             Origin             Length             Attributes\n"
HEAD = "\nLinker script and memory map\n\n"
ATTRIBUTES = "axrwl"  # in the order in which GNU ld writes them
LARGEST = (1 << 64) - 1


def texts_of(
    tables: LinkTables, options: Options, regions: list[tuple[str, int, int, str]]
) -> tuple[bytes, bytes, bytes]:
    """What stands before the common symbols, what before the list of files, and the end."""
    members = reasons_of(tables, MEMBERS, extractions(tables), options.demangle)
    libraries = reasons_of(tables, LIBRARIES, needed_libraries(tables), options.demangle)
    reasons = "\n".join(each for each in (members, libraries) if each)
    memory = "".join(
        f"{name:<16} 0x{origin:016x} 0x{length:016x} {in_order(attributes)}".rstrip() + "\n"
        for name, origin, length, attributes in (*regions, ("*default*", 0, LARGEST, ""))
    )
    end = f"OUTPUT({options.output} elf64-x86-64)\n"
    return encode(reasons), encode(MEMORY + memory + HEAD), encode(end)


def reasons_of(
    tables: LinkTables,
    title: str,
    rows: list[tuple[int | None, int, int]] | list[tuple[int, int, int]],
    demangle: bool,
) -> str:
    """Files that are in the link because another refers to a symbol of theirs."""
    if not rows:
        return ""
    lines = [f"{title}\n\n"]
    shown = spellings(tables, [name for _, _, name in rows], demangle)
    for (file, other, _), symbol in zip(rows, shown, strict=True):
        name = tables.inputs.soname(other) or tables.inputs.file_name(other)
        column = name.ljust(FILE_WIDTH) if len(name) < FILE_WIDTH - 1 else f"{name}\n{'':{FILE_WIDTH}}"
        by = f"{tables.inputs.file_name(file)} " if file else ""
        lines.append(f"{column}{by}({symbol})\n")
    return "".join(lines)


def in_order(attributes: str) -> str:
    wanted, _, unwanted = attributes.replace("i", "l").partition("!")
    found = "".join(each for each in ATTRIBUTES if each in wanted)
    return found + ("!" + "".join(each for each in ATTRIBUTES if each in unwanted) if unwanted else "")


def encode(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")
