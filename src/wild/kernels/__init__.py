"""The kernels: Python with C types, compiled, all in one library (see setup.py).

The library brings in its kernels itself (kernel_library.c); a finder sends the import system there, in place of its
search for a file per module.  The sources beside it cannot be imported, because they need their C declarations.
"""

import sys
from _frozen_importlib import ModuleSpec

from wild.bundle import LIBRARY, Module, library

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType


class KernelSpec:
    """What the import system wants to know of a kernel; made for each at every start, so as light as can be."""

    loader = None
    origin = LIBRARY
    parent = "wild.kernels"
    submodule_search_locations = None
    has_location = True
    cached = None
    _initializing = False  # or each import of the kernel formats an AttributeError

    def __init__(self, name: str) -> None:
        self.name = name


class KernelFinder:
    """Finds and loads every module of this package in the library, as one of `sys.meta_path`."""

    @staticmethod
    def find_spec(name: str, path: object = None, target: object = None) -> ModuleSpec | None:
        if name.startswith("wild.kernels."):
            return ModuleSpec(name, KernelFinder, origin=LIBRARY)  # type: ignore[arg-type]
        return None

    @staticmethod
    def create_module(spec: ModuleSpec) -> "ModuleType":
        module: ModuleType = library.kernel(spec.name)
        return module

    @staticmethod
    def exec_module(module: "ModuleType") -> None:
        """Nothing is left to do: the library has filled the module."""


initialised: list[str] = []  # the kernels that were brought in, each after those that it uses
library.prepare(KernelSpec, Module, initialised)
sys.meta_path.insert(0, KernelFinder)  # type: ignore[arg-type]
