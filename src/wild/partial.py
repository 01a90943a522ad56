"""Partial linking (-r): the passes from bound names to an object that can be linked again.

The algorithm is told at the top of kernels/partial_sections.py.  What the kernel builds, libtool and compilers' -r
ask of it: `-r` with archives (--whole-archive), -x, -X, -s, -S, -d, -u, --defsym, --wrap, --unique, --gc-sections with
roots, and --force-group-allocation.  Options about running programs mean nothing here.
"""

from __future__ import annotations

from wild import elf
from wild.checks import check_unchanged
from wild.errors import LinkError
from wild.kernels.common_areas import drop_commons
from wild.kernels.frames import FrameTable
from wild.kernels.notes import NoteTable
from wild.kernels.output import Output
from wild.kernels.partial_link import PartialLink
from wild.kernels.pool import KernelFault
from wild.kernels.reach import Reach
from wild.kernels.views import Views
from wild.mode import output_mode, relocation_types
from wild.notes import property_note
from wild.own_symbols import INTERNAL_FILE, encode, page_sizes
from wild.roots import mark_roots

TYPE_CHECKING = False
if TYPE_CHECKING:
    from wild.clock import Clock
    from wild.kernels.files import Inputs
    from wild.kernels.pool import Pool
    from wild.link import Resolved
    from wild.options import Options

STRIP = {"default": 0, "none": 0, "locals": 1, "all": 2}  # STRIP_* of kernels/partial.pxd, by --discard-*
STRIP_ALL = 3
COMMON_TYPES = {None: 0, False: 1, True: 5}  # STT_ of common symbols by -z common; 0: as in the input
PROPERTIES = b".note.gnu.property"


def link_partially(pool: Pool, inputs: Inputs, found: Resolved, options: Options, clock: Clock) -> None:
    """Make one object of all that is live; raises LinkError."""
    check_options(options)
    found.checks.messages.stop_if_failed()
    if options.gc_sections:
        collect_garbage(pool, inputs, found, options)
        clock.lap("reach")

    # Join sections of the same name and flags; keep the groups.
    strip = STRIP_ALL if options.strip == "all" else STRIP[options.discard]
    partial = PartialLink(
        inputs, found.names, found.resolution, found.sections, strip, COMMON_TYPES[options.z_common]
    )
    if options.z_unique_symbol:
        partial.name_apart()
    if found.script is not None:
        from wild.scripted.partial_script import statements_of

        partial.place(statements_of(found.parts))
    partial.join(found.sections, not options.force_group_allocation, list(map(encode, options.unique)))
    views = Views.of(inputs, found.names, found.resolution, found.sections)
    properties = property_note(NoteTable(pool, views).properties)
    if properties:
        partial.add_section(PROPERTIES, elf.SHT_NOTE, elf.SHF_ALLOC, 8, properties)
    define_symbols(partial, found)

    # Find which symbols are needed; number everything and place it in the file.
    try:
        partial.measure(pool, views, found.resolution, bool(options.define_common))
    except KernelFault as fault:
        found.checks.values(fault)
        raise
    clock.lap("measure")
    if found.script is not None:
        define_places(partial, found)

    output = Output(options.output, partial.size)
    try:
        inputs.guard_truncation(output.temporary)
        partial.write(pool, output)
        check_unchanged(pool, inputs)
        output.commit(False)
    except BaseException:
        output.abandon()
        raise
    if options.map_file or options.cref:
        from wild.map_file import contents_of_partial, write_maps

        write_maps(pool, options, found.checks.tables(), contents_of_partial(partial))
    if options.dependency_file:
        from wild.dependency_file import write_dependencies

        write_dependencies(options.dependency_file, inputs, found.sources.included(), options)
    clock.lap("write")


def check_options(options: Options) -> None:
    """What cannot be had together with -r."""
    refused = {
        "--separate-debug-file": options.separate_debug_file is not None,
        "--retain-symbols-file": options.retain_symbols_file,
    }
    wrong = [f"{name}: this version cannot do that with -r" for name, value in refused.items() if value]
    roots = options.undefined or options.require_defined or options.entry or options.gc_keep_exported
    if options.gc_sections and not roots:
        wrong.append(
            "--gc-sections with -r needs a root: name the symbols to keep with -u or -e, or use --gc-keep-exported"
        )
    if wrong:
        raise LinkError(*wrong)


def collect_garbage(pool: Pool, inputs: Inputs, found: Resolved, options: Options) -> None:
    """Walk from the roots; what relocations would need in a program is of no interest here."""
    frames = FrameTable(inputs, found.sections, relocation_types())
    frames.read(pool, found.names, found.resolution)
    bounded = mark_roots(found.names, found.resolution, found.sections, found.own, options)
    mode = output_mode(options, found.kind)
    Reach(pool, inputs, found.names, found.resolution, found.sections, frames, mode, bounded)
    drop_commons(found.resolution)
    if options.print_gc_sections:
        from wild.notices import dropped

        found.checks.messages.tell(dropped(found.checks.tables()))


def define_places(partial: PartialLink, found: Resolved) -> None:
    """The symbols that a script assigns."""
    from wild.scripted.partial_script import numbers_of, places_of

    def is_ours(number: int) -> bool:
        return bool(number) and found.resolution.symbol(number)[0] == INTERNAL_FILE

    for name, first, last, behind in places_of(found.parts):
        number = found.names.find(encode(name))
        if is_ours(number):
            partial.set_place(number, first, last, behind)
    for name, value in numbers_of(found.parts):
        number = found.names.find(encode(name))
        if is_ours(number):
            partial.set_symbol(number, 0, value)


def define_symbols(partial: PartialLink, found: Resolved) -> None:
    """--defsym: a number, or a symbol plus a number, which stays in that symbol's section."""
    if not found.own.definitions:
        return
    from wild.expression import evaluate, relative_to

    sizes = page_sizes(found.own.options)
    for name, node, _ in found.own.definitions:
        number = found.names.find(name)
        if found.resolution.symbol(number)[0] != INTERNAL_FILE:
            continue
        base = relative_to(node)
        if base is None:
            value = evaluate(node, lambda symbol: None, lambda function, name: sizes.get((function, name)))
            partial.set_symbol(number, 0, value)
            continue
        other = found.names.find(encode(base[0]))
        if not other or found.resolution.symbol(other)[0] is None:
            raise LinkError(f"--defsym {name.decode()}: symbol {base[0]} is not defined in this link")
        partial.set_symbol(number, other, base[1])
