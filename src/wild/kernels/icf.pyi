from wild.kernels.files import Inputs
from wild.kernels.frames import FrameTable
from wild.kernels.names import NameTable
from wild.kernels.pool import Pool
from wild.kernels.resolve import Resolution
from wild.kernels.sections import SectionTable

def fold_identical(
    pool: Pool,
    inputs: Inputs,
    names: NameTable,
    resolution: Resolution,
    sections: SectionTable,
    frames: FrameTable,
    safe: bool,
    data: bool,
    placed: bool,
    unique: list[int],
) -> None: ...
def folded_sections(sections: SectionTable) -> list[tuple[int, int, int, int]]: ...
