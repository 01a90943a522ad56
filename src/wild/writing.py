"""Writing the output: sections, tables and headers into the mapped file, the build-id last, then the file's name."""

from __future__ import annotations

from wild import elf
from wild.checks import check_unchanged
from wild.errors import LinkError
from wild.headers import write_headers
from wild.kernels.output import Output
from wild.kernels.pool import KernelFault
from wild.kernels.writers import use_output, write_sections
from wild.machine import x86_64
from wild.own_symbols import encode, is_number

TYPE_CHECKING = False
if TYPE_CHECKING:
    from wild.checks import Checks
    from wild.clock import Clock
    from wild.compose import Composition
    from wild.incremental.session import Session
    from wild.kernels.files import Inputs
    from wild.kernels.frames import FrameTable
    from wild.kernels.measure import Layout
    from wild.kernels.merge import MergeTable
    from wild.kernels.names import NameTable
    from wild.kernels.pool import Pool
    from wild.layout import Placement
    from wild.mode import Kind
    from wild.options import Options
    from wild.output_sections import OutputSection
    from wild.synthetic import Synthetic

# Large sections of the linker's own whose kernels write every byte.
WHOLE = frozenset((".symtab", ".strtab", ".eh_frame", ".eh_frame_hdr"))
HASHED_EARLY = 1 << 20  # bytes of output from which that pays
LARGE = 16 << 20  # bytes of output whose link leaves much to free
BUILD_ID_HEADER = 16  # bytes of a note before a description whose owner is "GNU"


def write_output(
    pool: Pool,
    options: Options,
    kind: Kind,
    placement: Placement,
    composition: Composition,
    synthetic: Synthetic,
    layout: Layout,
    merged: MergeTable,
    frames: FrameTable,
    names: NameTable,
    inputs: Inputs,
    checks: Checks,
    clock: Clock,
    session: Session | None = None,
) -> None:
    """Write the file; whatever goes wrong, no half-written output stays.

    A `session` takes a link to the output before it is published."""
    output = open_output(options, placement, composition, inputs)
    try:
        if output.reused:
            clear_gaps(output, placement, composition)
        in_leaves = composition.room is not None
        if output.mapped and output.size >= HASHED_EARLY and is_hashed_fast(synthetic, in_leaves):
            from wild.kernels.buildid import start_hash

            start_hash(output)
        use_output(layout, output, synthetic.packed.table if synthetic.packed else None)
        for offset, size, pattern in placement.gaps():
            output.write(offset, (pattern * (size // len(pattern) + 1))[:size])
        try:
            write_sections(pool, layout, output, options.dead_relocations)
        except KernelFault as fault:
            checks.values(fault)
        clock.step("sections")
        write_merged(pool, output, composition, merged)
        clock.step("merged")
        write_data(output, placement, composition)
        synthetic.write(output, layout, frames)
        write_tables(output, placement, composition)
        if is_finished(options) and not is_cut(options):
            from wild.finishing import finish_draft

            output = finish_draft(pool, checks.messages, placement, output)
        type = elf.ET_DYN if kind.pic else elf.ET_EXEC
        osabi = elf.ELFOSABI_GNU if composition.gnu_extensions else elf.ELFOSABI_NONE
        entry = entry_address(options, names, layout, placement)
        headers = (type, x86_64.MACHINE, entry, osabi)
        write_headers(output, placement, *headers)
        clock.step("tables")
        output = cut(options, placement, output)
        leaves = write_build_id(pool, output, synthetic, in_leaves)
        clock.step("build-id")
        output = divide(options, placement, output, headers)
        check_unchanged(pool, inputs)
        if session is not None and composition.room is not None:
            session.take(output, leaves)
        publish(output, options)
        clock.step("publish")
    except BaseException:
        output.abandon()
        raise


def cut(options: Options, placement: Placement, output: Output) -> Output:
    """The output without what is to be left out."""
    if not is_cut(options):
        return output
    from wild.finishing import cut_draft

    return cut_draft(placement, output)


def divide(
    options: Options, placement: Placement, output: Output, headers: tuple[int, int, int, int]
) -> Output:
    """The output without what is to be in a file of its own; `headers`: for write_headers."""
    if options.separate_debug_file is not None:
        from wild.separate_debug import separate_debug

        return separate_debug(placement, output, lambda made: write_headers(made, placement, *headers))
    return output


def open_output(options: Options, placement: Placement, composition: Composition, inputs: Inputs) -> Output:
    """The output, or a draft of it; an older file is written over if that is asked for and possible."""
    has_draft = needs_draft(options)
    # The room of an incremental link is filled only where it must not be zero.
    fresh = has_draft or composition.parts.scripted or composition.room is not None
    reuse = options.update_in_place and not fresh
    return Output(options.output, placement.file_size, has_draft, reuse, inputs.guard_truncation)


def publish(output: Output, options: Options) -> None:
    """Give the file its name; what is to be freed after a large link can be left to a child (parting.py)."""
    if not (options.early_exit and output.mapped and output.size >= LARGE):
        output.commit(True)
        return
    from wild.kernels.parting import leave_to_child, open_older

    older = open_older(options.output)
    output.commit(True)
    leave_to_child(older)


def write_merged(pool: Pool, output: Output, composition: Composition, merged: MergeTable) -> None:
    """Strings and constants, each once."""
    for part, group in composition.merged.items():
        if part in composition.part_offsets:
            merged.write(pool, group, output.address + composition.part_offsets[part], output)


def write_data(output: Output, placement: Placement, composition: Composition) -> None:
    """What the layout itself holds, and the fill of an incremental link's room."""
    for offset, data in placement.data():
        output.write(offset, data)
    if composition.room is not None:
        from wild.incremental.room import fill_room

        fill_room(output, composition)


def needs_draft(options: Options) -> bool:
    """Is something made of the finished bytes (finishing.py, separate_debug.py)?"""
    return is_finished(options) or options.separate_debug_file is not None or is_cut(options)


def is_finished(options: Options) -> bool:
    """Do some sections get their final sizes only when they have been written?"""
    compressed = options.compress_debug_sections != "none" or bool(options.compress_sections)
    return compressed or options.gdb_index


def is_cut(options: Options) -> bool:
    """Is a part of what is written left out of the file in the end?"""
    return options.oformat == "binary" or options.z_nosectionheader


def clear_gaps(output: Output, placement: Placement, composition: Composition) -> None:
    """Zero what the old bytes of an older file would shine through: all that is not written byte for byte."""
    end = 0
    for section in sorted(placement.sections, key=lambda section: section.offset):
        for begin, size in written_ranges(section, composition):
            output.clear(end, begin)
            end = begin + size
    output.clear(end, output.size)


def written_ranges(section: OutputSection, composition: Composition) -> list[tuple[int, int]]:
    """(file offset, size) of what the kernels write in full."""
    if section.nobits:
        return []
    if section.made:
        return [(section.offset, section.size)] if section.name in WHOLE else []
    zeros = (*composition.commons, composition.copies)
    parts = [part for part in section.parts if part not in zeros]
    return [(composition.part_offsets[part], composition.measured[part][0]) for part in parts]


def write_tables(output: Output, placement: Placement, composition: Composition) -> None:
    """Section names, and .comment when no input has one."""
    output.write(placement.sections[-1].offset, bytes(placement.names.data))
    if composition.comment:
        output.write(composition.made[".comment"].offset, composition.comment)


def entry_address(options: Options, names: NameTable, layout: Layout, placement: Placement) -> int:
    """e_entry: -e, else _start, else the code's begin (GNU ld manual, "Entry Point"); a shared object needs none, but a
    loader is one that begins there."""
    if options.entry and is_number(options.entry):
        return int(options.entry, 0)
    number = names.find(encode(options.entry or "_start"))
    address = layout.symbol_address(number) if number else 0
    if address or options.kind == "shared":
        return address
    return next((section.address for section in placement.sections if section.name == ".text"), 0)


def is_hashed_fast(synthetic: Synthetic, in_leaves: bool) -> bool:
    """Is the fast hash (buildid.py) what the build-id needs?"""
    id = synthetic.build_id
    return id is not None and not id.fixed and (in_leaves or id.style == "fast")


def write_build_id(pool: Pool, output: Output, synthetic: Synthetic, in_leaves: bool) -> bytes:
    """Hash the finished output into its own note, which holds zeros while that is done.

    `in_leaves`: always as a tree, whose leaves are returned, so that an update has to hash only what it changes."""
    if synthetic.build_id is None:
        return b""
    section = synthetic.sections[".note.gnu.build-id"]
    leaves = b""
    if is_hashed_fast(synthetic, in_leaves):
        from wild.kernels.buildid import digest_of, finish_hash

        leaves = finish_hash(pool, output)
        digest = digest_of(leaves, output.size)[: synthetic.build_id.size]
    else:
        digest = synthetic.build_id.digest(pool, output.address, output.size)
    padded = len(digest) + -len(digest) % 4  # gABI, "Note Section": descriptions are padded
    if padded + BUILD_ID_HEADER != section.size:
        raise LinkError(f"a build-id of {len(digest)} bytes does not fit its note of {section.size}")
    output.write(section.offset + BUILD_ID_HEADER, digest)
    return leaves
