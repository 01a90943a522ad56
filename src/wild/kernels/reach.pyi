from wild.kernels.files import Inputs
from wild.kernels.frames import FrameTable
from wild.kernels.names import NameTable
from wild.kernels.pool import Pool
from wild.kernels.resolve import Resolution
from wild.kernels.sections import SectionTable

class OutputMode:
    def __init__(
        self,
        types: list[tuple[int, int, int, int, int]],
        shared: bool,
        pic: bool,
        dynamic: bool,
        relax: bool,
        textrel: bool,
        copyreloc: bool,
        near: bool,
        relr: bool,
        call: tuple[int, bool],
    ) -> None: ...

class Reach:
    needs_tlsld: bool
    static_tls: bool
    textrel: bool
    needs_got_base: bool
    missing: bool
    faults: list[tuple[int, int, int, int, int]]
    def __init__(
        self,
        pool: Pool,
        inputs: Inputs,
        names: NameTable,
        resolution: Resolution,
        sections: SectionTable,
        frames: FrameTable,
        mode: OutputMode,
        bounded: list[tuple[int, list[int]]] | None,
        reports_imports: bool = False,
    ) -> None: ...
