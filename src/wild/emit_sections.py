"""The `.rela` sections of --emit-relocs, one for each section of the output that inputs have relocations for.

kernels/emitted.py tells what is in them.
"""

from __future__ import annotations

from wild import elf
from wild.kernels.emitted import EmittedRelocations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from wild.compose import Composition
    from wild.kernels.frames import FrameTable
    from wild.kernels.measure import Layout
    from wild.kernels.pool import Pool
    from wild.kernels.symtab import SymbolTable
    from wild.output_sections import OutputSection

RELA_SIZE = 24
FRAMES = 0  # stands for .eh_frame, which has no part


class EmittedSections:
    """Sizes when made; `numbered` are the sections that symbols of the output stand for, in order."""

    def __init__(self, composition: Composition, layout: Layout, frames: FrameTable) -> None:
        self.relocations = EmittedRelocations(layout, frames)
        self.counts = self.relocations.counts()
        self.numbered = [section for section in composition.sections.values() if section.parts]
        if ".eh_frame" in composition.made:
            self.numbered.append(composition.made[".eh_frame"])
        # Number of the symbol, section, section of its relocations.
        self.rows: list[tuple[int, OutputSection, OutputSection]] = []
        for number, section in enumerate(self.numbered, 1):
            count = sum(self.counts[part] for part in self.parts_of(section))
            if count:
                key = f".rela{section.name}" + (
                    "" if section.flags & elf.SHF_ALLOC else " of what is not loaded"
                )
                emitted = composition.add(
                    key, elf.SHT_RELA, elf.SHF_INFO_LINK, count * RELA_SIZE, 8, RELA_SIZE
                )
                emitted.name = f".rela{section.name}"
                emitted.link = ".symtab"
                self.rows.append((number, section, emitted))

    def parts_of(self, section: OutputSection) -> list[int]:
        return [FRAMES] if section.made else section.parts

    def symbols(self) -> list[tuple[int, int]]:
        """(address, section index) for the symbols of sections, which are the first in .symtab."""
        return [(section.address, section.shndx) for section in self.numbered]

    def write(self, pool: Pool, symtab: SymbolTable) -> None:
        """Write all of them; the layout is final."""
        for number, section in enumerate(self.numbered, 1):
            for part in self.parts_of(section):
                self.relocations.place(part, 0, section.address, number)
        for number, section, emitted in self.rows:
            emitted.info = section.shndx
            offset = emitted.offset
            for part in self.parts_of(section):
                self.relocations.place(part, offset, section.address, number)
                offset += self.counts[part] * RELA_SIZE
        self.relocations.write(pool, symtab)
