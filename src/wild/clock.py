"""--time and --time-trace: how long each pass and its steps took, as a table on standard error and as a file.

The table has the time that went by and the processor time of all threads: what threads share well shows twice as much
of that with two threads, a pass on one thread as much of both.
"""

from __future__ import annotations

import sys
import time

Reading = tuple[int, int]  # nanoseconds by the clock, and of all processors


class Lap:
    """A pass, or a step of one, and the nanoseconds that it took."""

    __slots__ = ("name", "processors", "spent", "steps")

    def __init__(self, name: str, begin: Reading, end: Reading) -> None:
        self.name = name
        self.spent = end[0] - begin[0]
        self.processors = end[1] - begin[1]
        self.steps: list[Lap] = []


class Clock:
    """Started at the beginning of a link; `step` names what was done of a pass, `lap` the pass that is over."""

    def __init__(self, wanted: bool, trace: str | None = None, granularity: int = 0) -> None:
        """`trace`: the file for --time-trace; `granularity`: passes of fewer microseconds are left out there."""
        self.wanted = wanted
        self.trace = trace
        self.granularity = granularity
        self.laps: list[Lap] = []
        self.steps: list[Lap] = []
        self.started = self.last = self.last_step = read()

    def step(self, name: str) -> None:
        """This part of the current pass is over."""
        now = read()
        self.steps.append(Lap(name, self.last_step, now))
        self.last_step = now

    def lap(self, name: str) -> None:
        """The pass of this name is over."""
        now = read()
        lap = Lap(name, self.last, now)
        lap.steps, self.steps = self.steps, []
        self.laps.append(lap)
        self.last = self.last_step = now

    def report(self) -> None:
        """Print the table if --time asked for it, write the file if --time-trace did."""
        if self.trace is not None:
            from wild.time_trace import write_trace

            write_trace(self.trace, self.laps, self.granularity)
        if not self.wanted:
            return
        for lap in self.laps:
            tell(lap)
            for step in lap.steps:
                tell(step, "  ")
        tell(Lap("total", self.started, self.last))


def read() -> Reading:
    return time.perf_counter_ns(), time.process_time_ns()


def tell(lap: Lap, indent: str = "") -> None:
    """One row of the table."""
    print(
        f"{lap.spent / 1e6:9.2f} ms {lap.processors / 1e6:9.2f} ms CPU  {indent}{lap.name}", file=sys.stderr
    )
