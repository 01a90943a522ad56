"""The kernels: Python with C types, compiled, all in one library (see setup.py).

A finder takes the place of the import system's search for a file per module. The sources beside it cannot be
imported, because they need their C declarations.
"""

import sys
from _frozen_importlib import ModuleSpec
from _frozen_importlib_external import ExtensionFileLoader
from _imp import create_dynamic, exec_dynamic, extension_suffixes
from posix import stat

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType

LIBRARY = f"{__file__.rpartition('/')[0]}/_library{extension_suffixes()[0]}"


initialised: list[str] = []  # the kernels that were imported, each after those that it uses


class KernelLoader(ExtensionFileLoader):
    """Notes down in which order kernels become ready."""

    def exec_module(self, module: "ModuleType") -> None:
        super().exec_module(module)
        initialised.append(module.__name__)


class LibraryFinder:
    """Finds every module of this package in the library."""

    @staticmethod
    def find_spec(name: str, path: object = None, target: object = None) -> ModuleSpec | None:
        if name.startswith("wild.kernels."):
            return ModuleSpec(name, KernelLoader(name, LIBRARY), origin=LIBRARY)
        return None


def initialise(kernels: list[str]) -> None:
    """Import kernels in an order that was noted down, without a detour through the import system for each.

    The rest is left to the import system when one of them is not there any more.
    """
    for name in kernels:
        if name not in sys.modules:
            spec = ModuleSpec(name, KernelLoader(name, LIBRARY), origin=LIBRARY)
            try:
                module = sys.modules[name] = create_dynamic(spec)
            except ImportError:
                return
            spec._initializing = False  # type: ignore[attr-defined]  # or each import of it formats an AttributeError
            module.__spec__ = spec
            exec_dynamic(module)
            initialised.append(name)


try:
    stat(LIBRARY)
except OSError:
    raise ImportError(f"{LIBRARY}: not there; run `make build`") from None
sys.meta_path.insert(0, LibraryFinder)
