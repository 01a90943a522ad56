from wild.kernels.files import Inputs
from wild.kernels.names import NameTable
from wild.kernels.resolve import Resolution
from wild.kernels.sections import SectionTable

class Views:
    @staticmethod
    def of(inputs: Inputs, names: NameTable, resolution: Resolution, sections: SectionTable) -> Views: ...
    @staticmethod
    def at(owner: object, files: int, names: int, symbols: int, versions: int, sections: int) -> Views: ...
    def place(
        self,
        part_shndx: int,
        places: list[tuple[int, int, int]],
        tls_places: list[tuple[int, int, int]],
        tls_start: int,
    ) -> None: ...
    def place_own(self, pairs: list[tuple[int, int]]) -> None: ...
