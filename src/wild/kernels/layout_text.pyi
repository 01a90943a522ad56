from wild.kernels.measure import Layout
from wild.kernels.pool import Pool

def write_layout(
    pool: Pool,
    layout: Layout,
    own: list[tuple[int, int, int, int, bytes, int, int]],
    commons: list[int],
    descriptor: int,
) -> None: ...
def write_trace(pool: Pool, layout: Layout, type_names: list[bytes], descriptor: int) -> None: ...
