"""--separate-debug-file: debug information in a file of its own, which the output names.

The two files are those that `objcopy --only-keep-debug`, `--strip-debug` and `--add-gnu-debuglink` make of one that has
all (gdb's manual, "Debugging Information in Separate Files").  The output lacks the debug sections and has
.gnu_debuglink: the name of the other file, and its CRC-32.  The other file has the section headers of the output, but
of what is loaded only the beginning, up to the last note, since debuggers compare the build-id.  The symbol table is in
both.

Both are made from the finished bytes, so the build-id is that of the whole.
"""

from __future__ import annotations

from wild import elf
from wild.errors import LinkError
from wild.headers import EHDR_SIZE, PHDR_SIZE, NameTable
from wild.kernels.output import Output

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from wild.compose import Composition
    from wild.layout import Placement
    from wild.options import Options

LINK = ".gnu_debuglink"
CRC_SIZE = 4


def add_link(options: Options, composition: Composition) -> None:
    """Make .gnu_debuglink, if there is debug information to be separated; raises LinkError."""
    if options.oformat == "binary" or options.z_nosectionheader:
        raise LinkError(
            "--separate-debug-file: the output names the file in a section, so it needs section headers; "
            "leave out --oformat=binary and -z nosectionheader"
        )
    if any(is_debug(name) for name, loaded in composition.sections if not loaded):
        composition.add(LINK, elf.SHT_PROGBITS, 0, len(link_name(options)) + CRC_SIZE, 4)


def is_debug(name: str) -> bool:
    return name.startswith((".debug_", ".zdebug_")) or name == ".gdb_index"


def debug_path(options: Options) -> str:
    """The other file: as it was named, or OUTPUT.dbg."""
    return options.separate_debug_file or f"{options.output}.dbg"


def link_name(options: Options) -> bytes:
    """Its name without directories, ended and padded to a multiple of four."""
    name = debug_path(options).rpartition("/")[2].encode("utf-8", "surrogateescape") + b"\0"
    return name + bytes(-len(name) % 4)


def separate_debug(placement: Placement, draft: Output, write_headers: Callable[[Output], None]) -> Output:
    """Publish the debug file, and return the output without what is in it, both made from the finished `draft`.

    `placement` is changed to what the output is like.  Raises OSError or LinkError if a file cannot be written.
    """
    link = next((section for section in placement.unloaded if section.name == LINK), None)
    if link is None:
        return whole(placement, draft)
    contents = {id(section): (section.offset, section.size) for section in placement.sections}
    crc = write_debug_file(placement, draft, contents, write_headers)
    placement.unloaded = [section for section in placement.unloaded if not is_debug(section.name)]
    output = rebuild(placement, draft, contents, placement.options.output)
    try:
        output.copy(draft, 0, 0, placement.loaded_end)
        output.write(link.offset, link_name(placement.options) + crc.to_bytes(CRC_SIZE, "little"))
        write_headers(output)
    except BaseException:
        output.abandon()
        raise
    draft.abandon()
    return output


def whole(placement: Placement, draft: Output) -> Output:
    """Without debug information, the output is all there is."""
    output = Output(placement.options.output, placement.file_size)
    output.copy(draft, 0, 0, placement.file_size)
    draft.abandon()
    return output


def write_debug_file(
    placement: Placement,
    draft: Output,
    contents: dict[int, tuple[int, int]],
    write_headers: Callable[[Output], None],
) -> int:
    """Write the debug file and give it its name; returns the CRC-32 of its bytes."""
    from zlib import crc32

    sections, unloaded, end = placement.sections, placement.unloaded, placement.loaded_end
    before = [(section, section.type, section.offset) for section in sections]
    segments = [(segment, segment.file_size) for segment in placement.segments]
    placement.unloaded = [section for section in unloaded if section.name != LINK]
    try:
        placement.loaded_end = keep_notes(placement)
        for segment in placement.segments:
            segment.file_size = max(0, min(segment.file_size, placement.loaded_end - segment.offset))
        debug = rebuild(placement, draft, contents, debug_path(placement.options))
        try:
            debug.copy(draft, 0, 0, placement.loaded_end)
            write_headers(debug)
            crc = crc32(debug.view(0, debug.size))
            debug.commit(False)
        except BaseException:
            debug.abandon()
            raise
    finally:
        placement.sections, placement.unloaded, placement.loaded_end = sections, unloaded, end
        for section, type, offset in before:
            section.type, section.offset = type, offset
        for segment, size in segments:
            segment.file_size = size
    return crc


def keep_notes(placement: Placement) -> int:
    """Empty the loaded sections that go beyond the last note; returns where that ends."""
    end = EHDR_SIZE + PHDR_SIZE * len(placement.segments)
    for section in placement.loaded:
        if section.type == elf.SHT_NOTE:
            end = max(end, section.offset + section.size)
    for section in placement.loaded:
        if section.offset + section.size > end:
            section.type = elf.SHT_NOBITS
    return end


def rebuild(placement: Placement, draft: Output, contents: dict[int, tuple[int, int]], path: str) -> Output:
    """A file with the sections that are not loaded, at new places; the rest of it is still empty."""
    placement.sections = [*placement.loaded, *placement.unloaded]
    placement.replace_unloaded(NameTable(placement.sections))
    output = Output(path, placement.file_size)
    try:
        for section in placement.unloaded:
            if section is placement.sections[-1]:
                output.write(section.offset, bytes(placement.names.data))
            elif not section.nobits:
                output.copy(draft, contents[id(section)][0], section.offset, section.size)
    except BaseException:
        output.abandon()
        raise
    return output
