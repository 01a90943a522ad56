from wild.kernels.frames import FrameTable
from wild.kernels.graft import Graft
from wild.kernels.pool import Pool

def check_frames(graft: Graft) -> None: ...
def place_frames(
    graft: Graft, frames: FrameTable, used: int, room: int, offset: int, holes: list[tuple[int, int]]
) -> int: ...
def write_frames(
    graft: Graft,
    pool: Pool,
    frames: FrameTable,
    at: tuple[int, int, int],
    header: tuple[int, int] | None,
    index: tuple[int, int],
) -> int: ...
