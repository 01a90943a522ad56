from wild.kernels.names import NameTable
from wild.kernels.pool import Pool
from wild.kernels.resolve import Resolution

class IrSymbols:
    def __init__(
        self,
        pool: Pool,
        names: NameTable,
        resolution: Resolution,
        claims: list[list[int]],
        all_visible: bool,
    ) -> None: ...
    def see(self, symbols: list[bytes]) -> None: ...
