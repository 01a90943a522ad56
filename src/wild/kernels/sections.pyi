from typing import Any

from wild.kernels.files import Inputs
from wild.kernels.names import NameTable
from wild.kernels.pool import Pool

class SectionTable:
    key_count: int
    def __init__(
        self,
        pool: Pool,
        inputs: Inputs,
        names: NameTable,
        rules: list[tuple[Any, ...]],
        gc_sections: bool,
        strip_debug: bool,
        whole: bool = False,
        scripted: bool = False,
    ) -> None: ...
    def part_keys(self) -> list[tuple[int, bytes, int, int, int, int, int, int, int, int]]: ...
    def has_gnu_extensions(self) -> bool: ...
    def assign_parts(self, parts: list[int]) -> None: ...
    def compressed(self) -> list[tuple[int, int, bytes, int, int]]: ...
    def keep(self, key: int) -> None: ...
    def set_content(self, section: int, data: bytes) -> None: ...
