from collections.abc import Sequence

from wild.kernels.frames import FrameTable
from wild.kernels.measure import Layout
from wild.kernels.output import Output
from wild.kernels.packed_rela import PackedRela
from wild.kernels.pool import Pool

def use_output(layout: Layout, output: Output, packed: PackedRela | None = None) -> None: ...
def size_frames(pool: Pool, frames: FrameTable, layout: Layout) -> None: ...
def write_frames(
    pool: Pool,
    frames: FrameTable,
    layout: Layout,
    output: Output,
    at: tuple[int, int],
    header: tuple[int, int] | None,
) -> None: ...
def locator(layout: Layout) -> tuple[int, int]: ...
def write_sections(
    pool: Pool, layout: Layout, output: Output, tombstones: Sequence[tuple[bytes, int]] = ()
) -> None: ...
