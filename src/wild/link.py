"""The linker on one page: the passes of a link, in order, each a function of earlier results.

What a pass does is told at the top of its file; docs/design.md draws the whole.
"""

from __future__ import annotations

from wild.checks import Checks, check_inputs, explain
from wild.clock import Clock
from wild.compose import Composition, compose
from wild.decompress import decompress_sections
from wild.errors import LinkError
from wild.exports import decide_exports
from wild.inputs import InputSet
from wild.kernels.common_areas import drop_commons, import_commons
from wild.kernels.crel import decode_relocations
from wild.kernels.ctors import reverse_ctors
from wild.kernels.files import Inputs
from wild.kernels.frames import FrameTable
from wild.kernels.ir_files import ir_files
from wild.kernels.measure import Layout
from wild.kernels.merge import MergeTable
from wild.kernels.names import NameTable
from wild.kernels.pool import Arena, KernelFault, Pool
from wild.kernels.reach import Reach
from wild.kernels.resolve import Resolution
from wild.kernels.sections import SectionTable
from wild.kernels.slots import Slots
from wild.kernels.symbol_marks import forget_discarded
from wild.kernels.views import Views
from wild.kernels.writers import size_frames
from wild.messages import Messages
from wild.mode import choose_kind, choose_threads, orders_sections, output_mode, relocation_types
from wild.output_sections import Parts, parts_of
from wild.own_symbols import OwnSymbols, init_functions
from wild.placing import place_output
from wild.roots import define_section_bounds, hide_excluded, mark_roots
from wild.synthetic import Synthetic
from wild.wrap import wrap_names
from wild.writing import write_output

TYPE_CHECKING = False
if TYPE_CHECKING:
    from wild.exports import Exports
    from wild.incremental.session import Session
    from wild.mode import Kind
    from wild.options import Options
    from wild.scripted.tree import LayoutScript


def link(options: Options, messages: Messages | None = None, session: Session | None = None) -> None:
    """Make the output that the options describe, and save what a `session` needs; raises LinkError."""
    messages = messages or Messages(options)
    threads, tokens = choose_threads(options)
    pool = Pool(threads)
    pool.limit_faults(messages.room)
    inputs = Inputs(Arena())
    clock = Clock(options.time, options.time_trace, options.time_trace_granularity)
    try:
        run_passes(pool, inputs, options, messages, clock, session)
    except KernelFault as fault:
        raise messages.with_others(explain(inputs, fault)) from None
    except LinkError as error:
        raise messages.with_others(error) from None
    finally:
        inputs.end_guard()
        pool.close()
        if tokens:
            tokens.give_back()


def run_passes(
    pool: Pool, inputs: Inputs, options: Options, messages: Messages, clock: Clock, session: Session | None
) -> None:
    """All passes."""
    resolved = resolve(pool, inputs, options, messages, clock)
    # Beyond this line no file and no symbol is added.
    if resolved.kind.relocatable:
        from wild.partial import link_partially

        link_partially(pool, inputs, resolved, options, clock)
        clock.report()
        return
    measured = measure(pool, inputs, resolved, options, clock)
    # Beyond this line no size changes.
    produce(pool, inputs, resolved, measured, options, clock, session)
    if session is not None:
        # The next link of this output can be an update of this one.
        session.save(pool, inputs, resolved, measured, options, messages)
        clock.lap("save")
    elif options.incremental_diff_out:
        from wild.incremental.changed_functions import write_diff

        write_diff(options.incremental_diff_out, options.output, "full", [], None)
    clock.report()


class Resolved:
    """What takes part in the link, and what every name stands for."""

    sources: InputSet
    script: LayoutScript | None
    own: OwnSymbols
    kind: Kind
    names: NameTable
    resolution: Resolution
    parts: Parts
    sections: SectionTable
    checks: Checks
    exported: Exports


def resolve(pool: Pool, inputs: Inputs, options: Options, messages: Messages, clock: Clock) -> Resolved:
    """From the command line to the definition of every name."""
    it = Resolved()
    # Open and map every input, split archives, read library scripts.
    it.sources = InputSet(pool, inputs, options)
    it.sources.open()
    clock.step("map")
    it.script = it.sources.layout_script(messages)
    it.own = OwnSymbols(options, it.sources.scripts, it.script)
    it.sources.read_headers(it.own)
    if options.undefined_globs:
        it.own.refer_to_matching(pool, inputs, it.sources)
    clock.lap("open inputs")
    if ir_files(inputs):
        # Let the compiler's plugin make objects of intermediate code; they take its place.
        from wild.lto import compile_inputs

        options.incremental = False  # the objects that the plugin makes are new every time
        compile_inputs(pool, inputs, it, options, messages, bind_names)
        clock.lap("compile")
    bind_names(pool, inputs, it, options, messages, clock)
    return it


def bind_names(
    pool: Pool, inputs: Inputs, it: Resolved, options: Options, messages: Messages, clock: Clock
) -> None:
    """From the symbols of all files to the definition of every name."""
    it.kind = choose_kind(inputs, options)
    # Hash every global name once and number the distinct ones.
    it.names = NameTable(pool, inputs)
    wrap_names(pool, options, it.names)
    clock.lap("index names")

    # Load the archive members that define something wanted.
    it.resolution = Resolution(pool, inputs, it.names)
    it.resolution.load(pool)
    check_inputs(inputs, it.resolution, it.sources.unfound, messages)
    clock.lap("load archives")

    # Find the output part of every section; strike out the COMDAT groups that lost.
    it.parts = parts_of(options, it.script)
    whole, strip_debug = it.kind.relocatable, options.strip != "none"
    rules, scripted = it.parts.rules(whole), it.parts.scripted
    it.sections = SectionTable(
        pool, inputs, it.names, rules, options.gc_sections, strip_debug, whole, scripted, options.incremental
    )
    clock.step("tables")
    decompress_sections(inputs, it.sections)
    decode_relocations(pool, inputs, it.sections)
    if not whole:
        reverse_ctors(inputs, it.sections)
    clock.lap("read sections")

    # Bind every name to its definition, then decide what the loader gets to see.
    it.resolution.bind(pool, it.sections)
    if options.define_common is False and not whole:
        import_commons(it.resolution)
    if scripted and not whole:
        forget_discarded(inputs, it.names, it.resolution)
    hide_excluded(it.names, it.resolution, it.sources)
    it.own.take_types(inputs, it.names, it.resolution)
    define_section_bounds(it.names, it.resolution, it.sections, options)
    it.checks = Checks(inputs, it.names, it.resolution, it.sections, messages)
    it.checks.definitions()
    it.exported = decide_exports(pool, inputs, it.names, it.resolution, it.sources.scripts, options, it.kind)
    messages.warn(*it.exported.warnings)
    clock.lap("bind names")


class Measured:
    """What the output consists of, with all sizes."""

    frames: FrameTable
    slots: Slots
    merged: MergeTable
    composition: Composition
    layout: Layout
    views: Views
    synthetic: Synthetic


def measure(pool: Pool, inputs: Inputs, found: Resolved, options: Options, clock: Clock) -> Measured:
    """From definitions to sizes: everything is measured before anything is placed."""
    names, resolution, sections, kind = found.names, found.resolution, found.sections, found.kind
    it = Measured()
    # Walk the relocations from the roots: what is live, what needs a slot.
    it.frames = FrameTable(inputs, sections, relocation_types())
    it.frames.read(pool, names, resolution)
    clock.step("unwind records")
    mode = output_mode(options, kind)
    bounded = mark_roots(names, resolution, sections, found.own, options)
    reported = found.exported.reports_imports
    reach = Reach(pool, inputs, names, resolution, sections, it.frames, mode, bounded, reported)
    clock.step("walk")
    if options.gc_sections:
        resolution.drop_unneeded(pool)
        drop_commons(resolution)
    found.checks.references(pool, reach)
    it.slots = Slots(inputs, names, resolution, reach, mode)
    found.checks.copies(it.slots)
    clock.lap("reach")
    if options.why_live:
        from wild.why_live import live_texts

        found.checks.messages.tell("\n".join(live_texts(found.checks.tables(), it.frames, options)))
    if options.icf != "none":
        # Keep one of several functions that are the same.
        from wild.folding import fold

        fold(pool, inputs, found, it.frames, options)
        clock.lap("fold")

    # Keep each string and constant once.
    it.merged = MergeTable.of(inputs, sections)
    it.composition = compose(options, found.parts)
    it.composition.assign_keys(sections, it.merged)
    clock.step("compose")
    if options.orphan_handling in ("warn", "error"):
        from wild.scripted.orphans import report_orphans

        report_orphans(it.composition, found.checks.tables(), options, found.checks.messages.warn)
    if orders_sections(options):
        from wild.section_order import order_sections

        it.composition.orders = order_sections(inputs, found, options, it.composition.sorted)
    it.merged.merge(pool, options.optimize >= 2)
    clock.lap("merge")

    # Measure the parts, then the sections of the linker's own making.
    it.layout = Layout(inputs, names, resolution, sections, it.frames, it.merged, it.slots, mode)
    it.composition.measure(pool, it.layout, it.merged, it.slots)
    size_frames(pool, it.frames, it.layout)
    clock.step("parts")
    it.views = Views.of(inputs, names, resolution, sections)
    it.synthetic = Synthetic(pool, options, it.composition, it.views, kind)
    functions = init_functions(options, names, resolution)
    libraries = found.sources.sonames()
    it.synthetic.add_all(libraries, found.exported, functions, reach, it.slots, it.layout, it.frames)
    found.checks.features(it.synthetic.notes)
    kind.executable_stack = found.checks.executable_stack(it.synthetic.notes)
    clock.lap("measure")
    return it


def produce(
    pool: Pool,
    inputs: Inputs,
    found: Resolved,
    sized: Measured,
    options: Options,
    clock: Clock,
    session: Session | None,
) -> None:
    """From sizes to the file, and the reports about it."""
    # Give everything its address.
    placement = place_output(
        pool, options, found.kind, sized.composition, sized.synthetic, sized.layout, found.names, found.resolution,
        found.own, sized.views, sized.slots,
    )  # fmt: skip
    found.checks.segments(placement)
    clock.lap("lay out")
    # Addresses are final from here.
    if options.map_file or options.cref:
        from wild.map_file import contents_of_link, write_maps

        tables = found.checks.tables()
        contents = contents_of_link(options, tables, sized.layout, sized.composition, placement)
        write_maps(pool, options, tables, contents)

    if options.print_memory_usage:
        found.checks.messages.tell("\n".join(placement.memory_usage()))

    # Copy and relocate every section, fill the tables, give the file its name.
    write_output(
        pool, options, found.kind, placement, sized.composition, sized.synthetic, sized.layout, sized.merged,
        sized.frames, found.names, inputs, found.checks, clock, session,
    )  # fmt: skip
    if options.write_layout or options.write_trace or options.debug_address:
        from wild.layout_file import write_layout_files

        write_layout_files(pool, options, sized.layout, sized.composition, placement)
    if options.dependency_file:
        from wild.dependency_file import write_dependencies

        write_dependencies(options.dependency_file, inputs, found.sources.included(), options)
    clock.lap("write")
    if options.stats:
        from wild.totals import total_lines

        found.checks.messages.tell("\n".join(total_lines(found.checks.tables(), placement.file_size)))
