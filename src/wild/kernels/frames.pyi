from wild.kernels.files import Inputs
from wild.kernels.pool import Pool
from wild.kernels.sections import SectionTable

class FrameTable:
    size: int
    hdr_size: int
    hdr_count: int
    def __init__(
        self, inputs: Inputs, sections: SectionTable, types: list[tuple[int, int, int, int, int]]
    ) -> None: ...
    def add_synthetic(self, records: bytes) -> int: ...
    def place_synthetic(self, number: int, address: int, size: int) -> None: ...
    def offset_of(self, link: int, offset: int) -> int: ...
    def write_at(
        self, pool: Pool, to: int, address: int, hdr: int, hdr_address: int, value_of: int, context: int = 0
    ) -> None: ...
