from wild.kernels.map_tables import MapTables
from wild.kernels.pool import Pool

def write_map(
    pool: Pool,
    tables: MapTables,
    own: list[tuple[int, int, int, int, bytes, int, int]],
    commons: list[int],
    descriptor: int,
    demangle: int,
) -> None: ...
