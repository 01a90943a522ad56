from wild.kernels.graft import Graft
from wild.kernels.pool import Arena, Pool
from wild.kernels.symtab import SymbolTable

def part_indices(graft: Graft, arena: Arena) -> int: ...
def symbol_runs(graft: Graft) -> list[tuple[tuple[int, int], tuple[int, int]]]: ...
def write_symbols(
    graft: Graft,
    pool: Pool,
    symtab: SymbolTable,
    offsets: tuple[int, int],
    local: tuple[int, int],
    other: tuple[int, int],
    names: tuple[int, int],
    holes: tuple[list[tuple[int, int]], list[tuple[int, int]], list[tuple[int, int]]],
) -> list[int]: ...
