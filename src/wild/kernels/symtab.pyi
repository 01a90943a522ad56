from wild.kernels.output import Output
from wild.kernels.pool import Pool
from wild.kernels.views import Views

class SymbolTable:
    count: int
    first_global: int
    string_size: int
    room: int
    name_room: int
    def __init__(
        self,
        pool: Pool,
        views: Views,
        discard: int,
        only: list[bytes] | None = None,
        sections: int = 0,
        unique: bool = False,
    ) -> None: ...
    @property
    def size(self) -> int: ...
    def make_room(self, entries: int, names: int) -> None: ...
    def locate_with(self, function: int, context: int) -> None: ...
    def write_sections(self, rows: list[tuple[int, int]]) -> None: ...
    def write(self, symbols: int, strings: int, extended: int = 0, output: Output | None = None) -> None: ...
