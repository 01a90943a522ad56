"""--time-trace: the passes of a link as a trace that Chrome (about:tracing) and Perfetto show.

The form is that of the "Trace Event Format": a complete event (`X`) for each pass, in microseconds.
"""

from __future__ import annotations

import json

from wild.errors import LinkError


def write_trace(path: str, laps: list[tuple[str, int]], granularity: int) -> None:
    """Write passes, given as (name, nanoseconds) in their order, to `path`; raises LinkError.

    Passes of fewer than `granularity` microseconds are left out.
    """
    events: list[dict[str, object]] = [
        {"ph": "M", "pid": 1, "tid": 1, "name": "process_name", "args": {"name": "wild"}}
    ]
    total = sum(spent for _, spent in laps)
    events.append({"ph": "X", "pid": 1, "tid": 1, "ts": 0, "dur": total / 1000, "name": "link"})
    begin = 0
    for name, spent in laps:
        if spent >= granularity * 1000:
            event = {"ph": "X", "pid": 1, "tid": 1, "ts": begin / 1000, "dur": spent / 1000, "name": name}
            events.append(event)
        begin += spent
    try:
        with open(path, "w", encoding="utf-8") as file:
            json.dump({"traceEvents": events, "displayTimeUnit": "ms"}, file)
    except OSError as error:
        raise LinkError(f"{path}: cannot write the time trace: {error.strerror}") from None
