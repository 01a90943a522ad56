"""--icf: what is to be folded, and the report of it; the algorithm is told in kernels/icf.py."""

from __future__ import annotations

from wild.kernels.icf import fold_identical, folded_sections
from wild.own_symbols import encode

TYPE_CHECKING = False
if TYPE_CHECKING:
    from wild.kernels.files import Inputs
    from wild.kernels.frames import FrameTable
    from wild.kernels.pool import Pool
    from wild.kernels.references import LinkTables
    from wild.link import Resolved
    from wild.options import Options


def fold(pool: Pool, inputs: Inputs, found: Resolved, frames: FrameTable, options: Options) -> None:
    """Fold identical code, and tell about it under --print-icf-sections."""
    unique = [number for number in map(found.names.find, map(encode, options.keep_unique)) if number]
    fold_identical(
        pool, inputs, found.names, found.resolution, found.sections, frames,
        options.icf == "safe", options.ignore_data_address_equality, found.parts.scripted, unique,
    )  # fmt: skip
    if options.print_icf_sections:
        found.checks.messages.tell(
            "\n".join(report(inputs, found.checks.tables(), folded_sections(found.sections)))
        )


def report(inputs: Inputs, tables: LinkTables, folded: list[tuple[int, int, int, int]]) -> list[str]:
    """A line for each section that is kept, and below it those that it stands for."""

    def name(file: int, section: int) -> str:
        text = tables.section_name(file, section).decode("utf-8", "surrogateescape")
        return f"{inputs.file_name(file)}:({text})"

    kept: dict[tuple[int, int], list[str]] = {}
    for file, section, other_file, other in folded:
        kept.setdefault((file, section), []).append(f"  removing identical section {name(other_file, other)}")
    lines = []
    for place in sorted(kept):
        lines += [f"selected section {name(*place)}", *kept[place]]
    return lines
