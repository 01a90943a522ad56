"""The linker on one page: the passes of a link, in order, each a function of earlier results.

What a pass does is told at the top of its file; docs/design.md draws the whole.
"""

from __future__ import annotations

from wild.clock import Clock
from wild.compose import Composition
from wild.decompress import decompress_sections
from wild.checks import Checks, check_inputs, explain
from wild.errors import LinkError
from wild.exports import decide_exports
from wild.inputs import InputSet
from wild.kernels.common_areas import drop_commons
from wild.kernels.crel import decode_relocations
from wild.kernels.files import Inputs
from wild.kernels.frames import FrameTable
from wild.kernels.measure import Layout
from wild.kernels.merge import MergeTable
from wild.kernels.names import NameTable
from wild.kernels.pool import Arena, KernelFault, Pool
from wild.kernels.reach import Reach
from wild.kernels.resolve import Resolution
from wild.kernels.sections import SectionTable
from wild.kernels.slots import Slots
from wild.kernels.views import Views
from wild.kernels.writers import size_frames
from wild.messages import Messages
from wild.mode import choose_kind, default_threads, output_mode, relocation_types
from wild.output_sections import Parts
from wild.own_symbols import OwnSymbols, init_functions
from wild.placing import place_output
from wild.roots import define_section_bounds, mark_roots
from wild.synthetic import Synthetic
from wild.wrap import wrap_names
from wild.writing import write_output

TYPE_CHECKING = False
if TYPE_CHECKING:
    from wild.options import Options


def link(options: Options, messages: Messages | None = None) -> None:
    """Make the output that the options describe; raises LinkError."""
    messages = messages or Messages(options)
    pool = Pool(options.threads or default_threads())
    pool.limit_faults(messages.room)
    inputs = Inputs(Arena())
    try:
        run_passes(pool, inputs, options, messages, Clock(options.time))
    except KernelFault as fault:
        raise messages.with_others(explain(inputs, fault)) from None
    except LinkError as error:
        raise messages.with_others(error) from None
    finally:
        inputs.end_guard()
        pool.close()


def run_passes(pool: Pool, inputs: Inputs, options: Options, messages: Messages, clock: Clock) -> None:
    """The passes."""
    # Open and map every input, split archives, read library scripts.
    sources = InputSet(pool, inputs, options)
    sources.open()
    own = OwnSymbols(options, sources.scripts)
    inputs.set_internal(*own.table())
    inputs.read_headers(pool)
    kind = choose_kind(inputs, options)
    clock.lap("open inputs")

    # Hash every global name once and number the distinct ones.
    names = NameTable(pool, inputs)
    clock.lap("index names")

    # Load the archive members that define something wanted.
    wrap_names(pool, options, names)
    resolution = Resolution(pool, inputs, names)
    resolution.load(pool)
    check_inputs(inputs, resolution, messages)
    clock.lap("load archives")
    # Beyond this line no file is added to the link.

    # Find the output part of every section; strike out the COMDAT groups that lost.
    parts = Parts()
    sections = SectionTable(pool, inputs, names, parts.rules(), options.gc_sections, options.strip != "none")
    decompress_sections(inputs, sections)
    decode_relocations(pool, inputs, sections)
    clock.lap("read sections")

    # Bind every name to its definition, then decide what the loader gets to see.
    resolution.bind(pool, sections)
    define_section_bounds(names, resolution, sections, options)
    checks = Checks(inputs, names, resolution, sections, messages)
    checks.definitions()
    exported = decide_exports(pool, inputs, names, resolution, sources.scripts, options, kind)
    clock.lap("bind names")
    # Beyond this line no symbol is added.

    # Walk the relocations from the roots: what is live, what needs a slot.
    frames = FrameTable(inputs, sections, relocation_types())
    frames.read(pool, names, resolution)
    mode = output_mode(options, kind)
    mark_roots(names, resolution, sections, own, options)
    reach = Reach(pool, inputs, names, resolution, sections, frames, mode, options.gc_sections)
    if options.gc_sections:
        resolution.drop_unneeded(pool)
        drop_commons(resolution)
    checks.references(reach)
    slots = Slots(inputs, names, resolution, reach, mode)
    clock.lap("reach")

    # Keep each string and constant once.
    merged = MergeTable.of(inputs, sections)
    composition = Composition(options, parts)
    composition.assign_keys(sections, merged)
    merged.merge(pool, options.optimize >= 2)
    clock.lap("merge")

    # Measure everything, so that the layout is one pass.
    layout = Layout(inputs, names, resolution, sections, frames, merged, slots, mode)
    composition.measure(pool, layout, merged, slots)
    size_frames(pool, frames, layout)
    views = Views.of(inputs, names, resolution, sections)
    synthetic = Synthetic(pool, options, composition, views, kind)
    functions = init_functions(options, names, resolution)
    synthetic.add_all(sources.sonames(), exported, functions, reach, slots, layout, frames)
    checks.features(synthetic.notes)
    kind.executable_stack = checks.executable_stack(synthetic.notes)
    clock.lap("measure")

    placement = place_output(
        pool, options, kind, composition, synthetic, layout, names, resolution, own, views, slots
    )
    clock.lap("lay out")
    # Addresses are final from here.
    if options.map_file or options.cref:
        from wild.map_file import write_maps

        write_maps(pool, options, checks.tables(), layout, composition, placement)

    write_output(
        pool, options, kind, placement, composition, synthetic, layout, merged, frames, names, inputs, checks
    )
    if options.dependency_file:
        from wild.dependency_file import write_dependencies

        write_dependencies(options.dependency_file, inputs, options)
    clock.lap("write")
    clock.report()
