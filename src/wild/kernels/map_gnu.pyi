from wild.kernels.measure import Layout
from wild.kernels.pool import Pool

def write_gnu_map(
    pool: Pool,
    layout: Layout,
    own: list[tuple[int, int, int, int, bytes, int, int]],
    commons: list[int],
    descriptor: int,
    demangle: int,
    texts: tuple[bytes, bytes, bytes],
    show_discarded: bool,
    show_locals: bool,
) -> None: ...
