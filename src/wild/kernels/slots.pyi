from wild.kernels.files import Inputs
from wild.kernels.names import NameTable
from wild.kernels.reach import OutputMode, Reach
from wild.kernels.resolve import Resolution

class Slots:
    def __init__(
        self, inputs: Inputs, names: NameTable, resolution: Resolution, reach: Reach, mode: OutputMode
    ) -> None: ...
    @property
    def got_slots(self) -> int: ...
    @property
    def plt_entries(self) -> tuple[int, int]: ...
    @property
    def dynamic(self) -> tuple[int, int, int]: ...
    @property
    def copies(self) -> tuple[tuple[int, int], tuple[int, int]]: ...
