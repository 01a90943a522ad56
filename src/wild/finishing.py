"""What is made of the finished bytes: .gdb_index, compressed sections, and files that are not all of an ELF file.

How large these become is known only after all relocations have been applied.  So such a link writes its output to a
draft in memory, with the layout that every link has; then the sections that are not loaded get their final sizes and
places, and the file is made of both.  Addresses do not change, since nothing that is loaded is touched.
"""

from __future__ import annotations

from wild.errors import LinkError
from wild.headers import NameTable
from wild.kernels.output import Output

TYPE_CHECKING = False
if TYPE_CHECKING:
    from wild.kernels.gdb_index import GdbIndex
    from wild.kernels.pool import Pool
    from wild.layout import Placement
    from wild.messages import Messages
    from wild.output_sections import OutputSection

E_SHOFF, E_SHENTSIZE = 0x28, 0x3A  # gABI, "ELF Header"
LARGEST_IMAGE = 1 << 36


def finish_draft(pool: Pool, messages: Messages, placement: Placement, draft: Output) -> Output:
    """The output, made from its draft; `placement` is changed to what the file is like.

    Headers are not written yet.  Raises LinkError where a compression library is missing."""
    from wild.compress import compress_sections

    options = messages.options
    index = make_index(pool, messages, placement, draft) if options.gdb_index else None
    places = [(section, section.offset) for section in placement.unloaded]
    compressed = compress_sections(pool.threads, options, placement.unloaded, draft)
    placement.replace_unloaded(NameTable(placement.sections))
    output = Output(options.output, placement.file_size)
    try:
        output.copy(draft, 0, 0, placement.loaded_end)
        for section, old in places:
            if section is placement.sections[-1]:
                output.write(section.offset, bytes(placement.names.data))
            elif section.name == ".gdb_index" and index is not None:
                index.write(pool, output.address + section.offset)
            elif section in compressed:
                write_pieces(output, section.offset, compressed[section])
            elif not section.nobits:
                output.copy(draft, old, section.offset, section.size)
    except BaseException:
        output.abandon()
        raise
    draft.abandon()
    return output


def write_pieces(output: Output, at: int, pieces: list[bytes]) -> None:
    for piece in pieces:
        output.write(at, piece)
        at += len(piece)


def make_index(pool: Pool, messages: Messages, placement: Placement, draft: Output) -> GdbIndex | None:
    """The index of what is in the draft, whose section gets its size; None if there can be none, and no section."""
    from wild.kernels.gdb_index import GdbIndex

    section = own_index(placement)
    if section is None:
        return None
    places = {each.name: (each.offset, each.size) for each in placement.unloaded if not each.nobits}
    index = GdbIndex(draft, places)
    reason = index.build(pool)
    if reason:
        messages.warn(f"--gdb-index: {placement.options.output} gets no index: {reason}")
        placement.sections.remove(section)
        placement.unloaded.remove(section)
        return None
    section.size = index.size
    return index


def own_index(placement: Placement) -> OutputSection | None:
    found = [section for section in placement.unloaded if section.name == ".gdb_index" and section.made]
    return found[0] if found else None


def cut_draft(placement: Placement, draft: Output) -> Output:
    """The output of --oformat=binary or -z nosectionheader, made from the whole file; raises LinkError.

    `placement` is changed to what the file is like."""
    options = placement.options
    if options.oformat == "binary":
        return memory_image(placement, draft)
    output = Output(options.output, placement.loaded_end)
    try:
        output.copy(draft, 0, 0, placement.loaded_end)
        output.write(E_SHOFF, bytes(8))
        output.write(E_SHENTSIZE, bytes(6))  # and e_shnum, e_shstrndx
    except BaseException:
        output.abandon()
        raise
    draft.abandon()
    return output


def memory_image(placement: Placement, draft: Output) -> Output:
    """The contents of the loaded sections, each at its load address, from the lowest one on."""
    found = [section for section in placement.loaded if section.size and not section.nobits]
    places = [(getattr(section, "load_address", section.address), section) for section in found]
    start = min((address for address, _ in places), default=0)
    size = max((address + section.size - start for address, section in places), default=0)
    if size > LARGEST_IMAGE:
        raise LinkError(
            f"--oformat=binary: from {start:#x} to {start + size:#x} the image would have {size} bytes; "
            "sections are too far apart"
        )
    output = Output(placement.options.output, size)
    try:
        for address, section in places:
            output.copy(draft, section.offset, address - start, section.size)
            section.offset = address - start
    except BaseException:
        output.abandon()
        raise
    draft.abandon()
    return output
