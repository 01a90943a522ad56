"""Options about the order of sections: what they ask for, and the files they name.

kernels/ordering.py gives the sections their places.  An ordering file has one name on a line; what follows a `#` is
a comment.
"""

from __future__ import annotations

from wild.errors import LinkError
from wild.kernels.call_graph import CallGraph
from wild.kernels.ordering import Ordering

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from wild.kernels.files import Inputs
    from wild.link import Resolved
    from wild.options import Options

FIRST = -1  # the rank of ordered parts inside their section of the output
NAMES_SHOWN = 5


def order_sections(
    inputs: Inputs, found: Resolved, options: Options, sorted_already: Iterable[int]
) -> dict[int, Ordering]:
    """Move what is to be ordered to parts of its own; returns those, each to be laid out by the Ordering.

    Parts that are `sorted_already` stay as they are.  Raises LinkError."""
    if found.parts.scripted:
        raise LinkError(
            "a linker script (-T) places the sections, which options about their order cannot change: leave one out"
        )
    ordering = Ordering(inputs, found.names, found.resolution, found.sections)
    is_whole = give_keys(ordering, found, options)
    moved: dict[int, Ordering] = {}
    parts = found.parts
    firsts: dict[tuple[str, bool], int] = {}
    for part in ordering.collect(options.sort_section == "name"):
        if part in sorted_already:
            continue
        place = parts.section[part], parts.unloaded[part]
        if is_whole:
            new = parts.add(place[0], parts.rank[part][0], place[1])
        else:
            if place not in firsts:
                firsts[place] = parts.add(place[0], FIRST, place[1])
            new = firsts[place]
        ordering.move(part, new)
        moved[new] = ordering
    return moved


def give_keys(ordering: Ordering, found: Resolved, options: Options) -> bool:
    """Give sections their keys, by the strongest of the options; true: all have one."""
    if options.symbol_ordering_file:
        missing = ordering.by_symbols(list(dict.fromkeys(read_names(options.symbol_ordering_file))))
        if missing and options.warn_symbol_ordering:
            found.checks.messages.warn(*missing_texts(options.symbol_ordering_file, missing))
        return False
    if options.section_ordering_file:
        ordering.by_names(read_names(options.section_ordering_file))
        return False
    if options.call_graph_ordering_file or options.call_graph_profile_sort != "none":
        graph = CallGraph(ordering)
        if options.call_graph_ordering_file:
            read_calls(graph, found, options.call_graph_ordering_file)
        else:
            graph.read_profiles()
        graph.order()
        return False
    if options.shuffle_sections is not None:
        ordering.by_hash(options.shuffle_sections)
    elif options.reverse_sections:
        ordering.reversed()
    elif options.sort_section == "alignment":
        ordering.by_alignment()
    else:
        ordering.by_name()
    return True


def read_lines(path: str) -> list[bytes]:
    try:
        with open(path, "rb") as file:
            lines = file.read().splitlines()
    except OSError as error:
        raise LinkError(f"{path}: cannot open: {error.strerror}") from None
    return [line.partition(b"#")[0].strip() for line in lines]


def read_names(path: str) -> list[bytes]:
    return [line for line in read_lines(path) if line]


def missing_texts(path: str, missing: list[bytes]) -> list[str]:
    shown = [
        f"{path}: no section to order by symbol {name.decode('utf-8', 'replace')}: it is not defined"
        for name in missing[:NAMES_SHOWN]
    ]
    rest = len(missing) - NAMES_SHOWN
    return shown + ([f"{path}: {rest} more symbols are not defined"] if rest > 0 else [])


def read_calls(graph: CallGraph, found: Resolved, path: str) -> None:
    """--call-graph-ordering-file: `caller callee weight` on each line; unknown names are passed over."""
    for number, line in enumerate(read_lines(path), 1):
        words = line.split()
        if not words:
            continue
        if len(words) != 3 or not words[2].isdigit() or int(words[2]) >> 62:
            raise LinkError(f"{path}:{number}: must be CALLER CALLEE WEIGHT")
        caller, callee = (found.names.find(word) for word in words[:2])
        if caller and callee:
            graph.add(caller, callee, int(words[2]))
