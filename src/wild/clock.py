"""--time and --time-trace: how long each pass took, as a table on standard error and as a file."""

from __future__ import annotations

import sys
import time


class Clock:
    """Started at the beginning of a link; `lap` names what has just been done."""

    def __init__(self, wanted: bool, trace: str | None = None, granularity: int = 0) -> None:
        """`trace`: the file for --time-trace; `granularity`: passes of fewer microseconds are left out there."""
        self.wanted = wanted
        self.trace = trace
        self.granularity = granularity
        self.laps: list[tuple[str, int]] = []
        self.started = self.last = time.perf_counter_ns()

    def lap(self, name: str) -> None:
        """The pass of this name is over."""
        now = time.perf_counter_ns()
        self.laps.append((name, now - self.last))
        self.last = now

    def report(self) -> None:
        """Print the table if --time asked for it, write the file if --time-trace did."""
        if self.trace is not None:
            from wild.time_trace import write_trace

            write_trace(self.trace, self.laps, self.granularity)
        if not self.wanted:
            return
        for name, spent in self.laps:
            print(f"{spent / 1e6:9.2f} ms  {name}", file=sys.stderr)
        print(f"{(self.last - self.started) / 1e6:9.2f} ms  total", file=sys.stderr)
