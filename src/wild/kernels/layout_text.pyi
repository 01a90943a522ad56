from wild.kernels.map_tables import MapTables
from wild.kernels.pool import Pool

def write_layout(
    pool: Pool,
    tables: MapTables,
    own: list[tuple[int, int, int, int, bytes, int, int]],
    commons: list[int],
    descriptor: int,
) -> None: ...
def write_trace(pool: Pool, tables: MapTables, type_names: list[bytes], descriptor: int) -> None: ...
