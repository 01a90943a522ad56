from wild.kernels.files import Inputs
from wild.kernels.frames import FrameTable
from wild.kernels.measure import Layout
from wild.kernels.merge import MergeTable
from wild.kernels.names import NameTable
from wild.kernels.pool import Pool
from wild.kernels.sections import SectionTable
from wild.kernels.symtab import SymbolTable

class TableWriter:
    directory: list[tuple[int, int, int]]
    def __init__(self, descriptor: int) -> None: ...
    def finish(self) -> None: ...

def save_tables(
    pool: Pool,
    descriptor: int,
    inputs: Inputs,
    names: NameTable,
    sections: SectionTable,
    frames: FrameTable,
    merged: MergeTable,
    layout: Layout,
    symtab: SymbolTable | None,
    leaves: bytes,
) -> list[tuple[int, int, int]]: ...
