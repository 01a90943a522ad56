from wild.kernels.frames import FrameTable
from wild.kernels.graft import Graft
from wild.kernels.pool import Arena, Pool
from wild.kernels.symtab import SymbolTable

def check_frames(graft: Graft) -> None: ...
def place_frames(graft: Graft, frames: FrameTable, used: int, room: int, offset: int) -> int: ...
def write_frames(
    graft: Graft,
    pool: Pool,
    frames: FrameTable,
    at: tuple[int, int, int],
    header: tuple[int, int] | None,
    index: tuple[int, int],
) -> int: ...
def part_indices(graft: Graft, arena: Arena) -> int: ...
def write_symbols(
    graft: Graft,
    pool: Pool,
    symtab: SymbolTable,
    offsets: tuple[int, int],
    local: tuple[int, int],
    other: tuple[int, int],
    names: tuple[int, int],
) -> list[int]: ...
