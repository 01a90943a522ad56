"""Memory regions: where the next section of each goes, and what does not fit."""

from __future__ import annotations

from wild import elf
from wild.errors import LinkError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from wild.expression import Node
    from wild.scripted.sections import ScriptedSection
    from wild.scripted.tree import LayoutScript, Region


USAGE_HEAD = "Memory region         Used Size  Region Size  %age Used"


def with_unit(size: int) -> str:
    """A number of bytes in the largest unit that divides it."""
    for bits, unit in ((30, "GB"), (20, "MB"), (10, "KB")):
        if size and not size % (1 << bits):
            return f"{size >> bits} {unit}"
    return f"{size} B"


class Space:
    """A region while sections are placed: `next` is the first free address, `end` the highest that was used."""

    __slots__ = ("length", "misplaced", "name", "next", "origin", "region")

    def __init__(self, region: Region) -> None:
        self.region = region
        self.name = region.name
        self.origin = 0
        self.length = 0
        self.next = 0
        self.misplaced: list[str] = []


class Regions:
    """The regions of MEMORY by name and alias."""

    def __init__(self, script: LayoutScript) -> None:
        self.spaces = {name: Space(region) for name, region in script.regions.items()}
        self.aliases = script.aliases

    def begin(self, evaluate: Callable[[Node], int]) -> None:
        """Empty all regions; their origins and lengths may be expressions."""
        for space in self.spaces.values():
            space.next = space.origin = evaluate(space.region.origin)
            space.length = evaluate(space.region.length)
            space.misplaced.clear()

    def get(self, name: str, where: str) -> Space:
        found = self.spaces.get(self.aliases.get(name, name))
        if found is None:
            known = ", ".join(self.spaces) or "none; MEMORY declares them"
            raise LinkError(f"{where}: there is no memory region {name}; known are {known}")
        return found

    def by_flags(self, section: ScriptedSection) -> Space | None:
        """The first region whose attributes ask for sections of this kind."""
        has = set("a")
        has |= {"w"} if section.flags & elf.SHF_WRITE else {"r"}
        has |= {"x"} if section.flags & elf.SHF_EXECINSTR else set()
        has |= set() if section.nobits else {"i", "l"}
        for space in self.spaces.values():
            wanted, _, unwanted = space.region.attributes.partition("!")
            if set(wanted) & has and not set(unwanted) & has:
                return space
        return None

    def usage(self) -> list[str]:
        """The lines of --print-memory-usage, as GNU ld writes them."""
        lines = [USAGE_HEAD]
        for space in self.spaces.values():
            used, length = space.next - space.origin, space.length
            share = 100 * used / length if length else 0.0
            lines.append(f"{space.name:>16}:{with_unit(used):>14}{with_unit(length):>13}{share:10.2f}%")
        return lines

    def check(self) -> None:
        """Report what does not fit; raises LinkError."""
        texts = []
        for space in self.spaces.values():
            texts += space.misplaced
            excess = space.next - (space.origin + space.length)
            if excess > 0:
                texts.append(
                    f"{space.region.where}: region '{space.name}' overflowed by {excess} bytes: it has {space.length}"
                )
        if texts:
            raise LinkError(*texts)
