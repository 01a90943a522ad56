from wild.kernels.files import Inputs
from wild.kernels.ir_symbols import IrSymbols

INFO: int
WARNING: int
ERROR: int
FATAL: int

class Plugin:
    path: str
    messages: list[tuple[int, str]]
    added_files: list[str]
    added_libraries: list[str]
    library_paths: list[str]
    def __init__(self, inputs: Inputs, path: str, wraps: list[bytes]) -> None: ...
    def has_failed(self) -> bool: ...
    def claim(self, file: int, path: str) -> bool: ...
    def files(self) -> list[int]: ...
    def all_symbols_read(self, symbols: IrSymbols) -> None: ...
    def clean_up(self) -> None: ...
