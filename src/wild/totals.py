"""--stats: what a link had to do with, and what it cost, on standard error."""

from __future__ import annotations

import resource
import time

from wild.kernels.totals import totals

TYPE_CHECKING = False
if TYPE_CHECKING:
    from wild.kernels.references import LinkTables


def total_lines(tables: LinkTables, output_size: int) -> list[str]:
    """The first line is GNU ld's, which counts processor time."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    lines = [f"wild: total time in link: {time.process_time():.6f}"]
    counts = {
        **totals(tables),
        "distinct global names": len(tables.names),
        "bytes of output": output_size,
        "KiB of memory at most": usage.ru_maxrss,
    }
    return lines + [f"{count:>14}  {name}" for name, count in counts.items()]
