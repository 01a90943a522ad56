from wild.kernels.files import Inputs
from wild.kernels.pool import Pool
from wild.kernels.sections import SectionTable

def decode_relocations(pool: Pool, inputs: Inputs, sections: SectionTable) -> None: ...
def relocations(
    inputs: Inputs, sections: SectionTable, file: int, section: int
) -> list[tuple[int, int, int, int]]: ...
