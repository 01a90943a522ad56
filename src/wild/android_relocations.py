"""--pack-dyn-relocs=android: .rela.dyn in the form that Android's loader reads (kernels/packed_rela.py has the format).

How large it is depends on the addresses in it, and these on how large it is.  So the layout is made with too little
room, all relocations are applied to a draft in memory, and what they leave for the loader is packed; while that does
not fit, the layout is made again with as much room as was missing.  Sizes change little between layouts, so the second
one nearly always does.
"""

from __future__ import annotations

from wild import elf
from wild.kernels.output import Output
from wild.kernels.packed_rela import PackedRela, Trial
from wild.kernels.pool import KernelFault
from wild.kernels.writers import use_output, write_sections

TYPE_CHECKING = False
if TYPE_CHECKING:
    from wild.kernels.measure import Layout
    from wild.kernels.pool import Pool
    from wild.output_sections import OutputSection
    from wild.synthetic import Synthetic

SMALLEST = 8  # bytes: the magic, and two numbers


class AndroidRelocations:
    """The packed form of `section`, which is to hold `count` relocations; made when sizes are final."""

    def __init__(self, layout: Layout, section: OutputSection, count: int) -> None:
        self.section = section
        section.type, section.size, section.entsize = elf.SHT_ANDROID_RELA, SMALLEST, 1
        self.table = PackedRela(count)
        self.trial = Trial(layout)

    def outgrow(self, pool: Pool, layout: Layout, synthetic: Synthetic, file_size: int) -> bool:
        """Do the relocations, for the addresses that everything has now, need more room than they have?

        Then they have got it, and everything is without addresses again."""
        draft = Output(synthetic.options.output, file_size, True)
        try:
            use_output(layout, draft, self.table)
            self.apply(pool, layout, draft)
            synthetic.write_slots(layout, synthetic.sections)
        finally:
            draft.abandon()
        size = self.table.pack()
        if size <= self.section.size:
            return False
        self.section.size = size
        self.trial.undo()
        return True

    def apply(self, pool: Pool, layout: Layout, draft: Output) -> None:
        """A value that does not fit is found again with the final addresses, and reported then."""
        try:
            write_sections(pool, layout, draft)
        except KernelFault:
            return

    def write(self, output: Output) -> None:
        """Write what was packed last."""
        self.table.write(output, self.section.offset, self.section.size)
