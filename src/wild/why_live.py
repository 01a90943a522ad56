"""--why-live: who keeps what --gc-sections has kept; the way to it is found by kernels/why_live.py."""

from __future__ import annotations

from wild.kernels.why_live import is_root, ways_to
from wild.locations import Locations
from wild.own_symbols import encode

TYPE_CHECKING = False
if TYPE_CHECKING:
    from wild.kernels.frames import FrameTable
    from wild.kernels.references import LinkTables
    from wild.options import Options


def live_texts(tables: LinkTables, frames: FrameTable, options: Options) -> list[str]:
    """A text for each symbol that one of the globs fits."""
    if not options.gc_sections:
        return ["--why-live: everything is kept; --gc-sections would drop what nothing refers to"]
    locations = Locations(tables, options)
    texts = []
    for glob in options.why_live:
        found = ways_to(tables, frames, encode(glob))
        if not found:
            texts.append(f"--why-live={glob}: no object of this link defines such a symbol")
        for name, way in found:
            texts.append("\n".join(lines_of(tables, locations, locations.shown(name), way)))
    return texts


def lines_of(tables: LinkTables, locations: Locations, name: str, way: list[int]) -> list[str]:
    if not way:
        return [f"dropped symbol: {name}", ">>> nothing that is kept refers to its section"]
    places = [
        f"{locations.file(file)}:({locations.section(file, k)})" for file, k in map(tables.place_of, way)
    ]
    lines = [f"live symbol: {name} in {places[0]}"]
    lines += [f">>> referenced by {place}" for place in places[1:]]
    symbols, by_itself = is_root(tables, way[-1])
    if symbols:
        shown = ", ".join(locations.shown(tables.names.text(symbol)) for symbol in symbols)
        lines.append(f">>> which is kept for {shown}: the entry point, -u, -init, -fini, or exported")
    elif by_itself:
        lines.append(">>> which is kept for its own sake: by its name, KEEP, or SHF_GNU_RETAIN")
    else:
        lines.append(
            ">>> which is kept with others of its group, by SHF_LINK_ORDER, or by __start_ and __stop_"
        )
    return lines
