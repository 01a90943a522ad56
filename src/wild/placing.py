"""From sizes to addresses: order the sections, lay them out, and tell every kernel where everything is."""

from __future__ import annotations

from wild import elf
from wild.headers import NameTable as SectionNames
from wild.kernels.common_areas import place_commons
from wild.machine import x86_64
from wild.own_symbols import Places, encode, init_functions, page_sizes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from wild.compose import Composition
    from wild.kernels.measure import Layout
    from wild.kernels.names import NameTable
    from wild.kernels.pool import Pool
    from wild.kernels.resolve import Resolution
    from wild.kernels.slots import Slots
    from wild.kernels.views import Views
    from wild.layout import Placement
    from wild.mode import Kind
    from wild.options import Options
    from wild.output_sections import OutputSection
    from wild.own_symbols import OwnSymbols
    from wild.synthetic import Synthetic

RELA_SIZE = 24


def place_output(
    pool: Pool,
    options: Options,
    kind: Kind,
    composition: Composition,
    synthetic: Synthetic,
    layout: Layout,
    names: NameTable,
    resolution: Resolution,
    own: OwnSymbols,
    views: Views,
    slots: Slots,
) -> Placement:
    """Make all addresses final; returns sections and segments in their places."""
    base = options.image_base if options.image_base is not None else (0 if kind.pic else x86_64.IMAGE_BASE)
    page = options.z_max_page_size or x86_64.MAX_PAGE_SIZE
    composition.add(".shstrtab", elf.SHT_STRTAB, 0, 1)
    synthetic.add_section_indices()
    sections = composition.ordered()
    section_names = SectionNames(sections)
    sections[-1].size = len(section_names.data)
    while True:
        while True:
            placement = composition.placement(
                sections, section_names, base, page, kind.executable_stack, (layout, names, resolution)
            )
            placement.place()
            composition.place_parts(layout, sections)
            if not synthetic.outgrows_layout(layout):
                break
        layout.set_places(synthetic.places(placement, slots, composition.part_address(composition.copies)))
        place_commons(layout, [composition.part_address(part) for part in composition.commons])
        layout.place(pool)
        views.place(layout.part_indices(), *section_places(sections), placement.tls_start)
        # In a program the module's block ends at the thread pointer, and offsets of rewritten code count from there.
        tls_base = placement.tls_start if kind.shared else placement.tls_end
        places = Places(sections, placement.base, synthetic.got_base, tls_base)
        if not kind.dynamic and ".rela.plt" in synthetic.sections:
            plt = synthetic.sections[".rela.plt"]
            places.iplt = (plt.address, plt.address + plt.size)
        places.numbers = {**page_sizes(options), ("SIZEOF_HEADERS", ""): placement.headers_size}
        own.set_values(places, names, resolution, layout)
        placement.set_symbols(layout, views)
        set_bounds(sections, names, resolution, layout)
        set_init(options, synthetic, names, resolution, layout)
        packed = synthetic.packed
        if packed is None or not packed.outgrow(pool, layout, synthetic, placement.file_size):
            return placement


Triple = tuple[int, int, int]


def section_places(sections: list[OutputSection]) -> tuple[list[Triple], list[Triple]]:
    """(start, end, index) of the sections in memory, and of those of the TLS template."""
    loaded = [section for section in sections if section.flags & elf.SHF_ALLOC]
    plain = [section for section in loaded if not (section.flags & elf.SHF_TLS and section.nobits)]
    tls = [section for section in loaded if section.flags & elf.SHF_TLS]

    def triples(found: list[OutputSection]) -> list[Triple]:
        found.sort(key=lambda section: section.address)
        return [(section.address, section.address + section.size, section.shndx) for section in found]

    return triples(plain), triples(tls)


def set_bounds(
    sections: list[OutputSection], names: NameTable, resolution: Resolution, layout: Layout
) -> None:
    """`__start_NAME` and `__stop_NAME` of sections with names that C code can spell."""
    for section in sections:
        for prefix, value in (("__start_", section.address), ("__stop_", section.address + section.size)):
            number = names.find(encode(prefix + section.name))
            if number and resolution.symbol(number)[0] == 0 and resolution.symbol(number)[1] == 0:
                layout.set_symbol(number, value)


def set_init(
    options: Options, synthetic: Synthetic, names: NameTable, resolution: Resolution, layout: Layout
) -> None:
    """DT_INIT and DT_FINI, when the functions are defined here."""
    if synthetic.entries is None:
        return
    init, fini = init_functions(options, names, resolution)
    synthetic.entries.init = layout.symbol_address(init) if init else None
    synthetic.entries.fini = layout.symbol_address(fini) if fini else None
