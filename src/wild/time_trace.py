"""--time-trace: the passes of a link as a trace that Chrome (about:tracing) and Perfetto show.

The form is that of the "Trace Event Format": a complete event (`X`) for each pass and each step of one, in
microseconds.
"""

from __future__ import annotations

import json

from wild.errors import LinkError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from wild.clock import Lap


def write_trace(path: str, laps: list[Lap], granularity: int) -> None:
    """Write passes in their order to `path`; raises LinkError.

    Passes and steps of fewer than `granularity` microseconds are left out.
    """
    events: list[dict[str, object]] = [
        {"ph": "M", "pid": 1, "tid": 1, "name": "process_name", "args": {"name": "wild"}}
    ]
    total = sum(lap.spent for lap in laps)
    events.append(event_of("link", 0, total))
    begin = 0
    for lap in laps:
        shown = [(lap, begin)]
        for step in lap.steps:
            shown.append((step, begin))
            begin += step.spent
        begin = shown[0][1] + lap.spent
        events += [event_of(it.name, at, it.spent) for it, at in shown if it.spent >= granularity * 1000]
    try:
        with open(path, "w", encoding="utf-8") as file:
            json.dump({"traceEvents": events, "displayTimeUnit": "ms"}, file)
    except OSError as error:
        raise LinkError(f"{path}: cannot write the time trace: {error.strerror}") from None


def event_of(name: str, begin: int, spent: int) -> dict[str, object]:
    """A complete event; times in nanoseconds."""
    return {"ph": "X", "pid": 1, "tid": 1, "ts": begin / 1000, "dur": spent / 1000, "name": name}
