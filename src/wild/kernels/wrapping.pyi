from wild.kernels.names import NameTable
from wild.kernels.pool import Pool

def wrap(names: NameTable, pool: Pool, symbols: list[bytes]) -> None: ...
