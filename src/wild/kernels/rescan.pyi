from wild.kernels.frames import FrameTable
from wild.kernels.graft import Graft
from wild.kernels.pool import Pool

def scan_changed(graft: Graft, pool: Pool, frames: FrameTable, gc: bool, got_room: int) -> None: ...
