"""The kernels: Python with C types, compiled, all in one library (see setup.py).

A finder takes the place of the import system's search for a file per module. The sources beside it cannot be
imported, because they need their C declarations.
"""

import sys
from _frozen_importlib import ModuleSpec
from _frozen_importlib_external import ExtensionFileLoader
from _imp import extension_suffixes
from posix import stat

LIBRARY = f"{__file__.rpartition('/')[0]}/_library{extension_suffixes()[0]}"


class LibraryFinder:
    """Finds every module of this package in the library."""

    @staticmethod
    def find_spec(name: str, path: object = None, target: object = None) -> ModuleSpec | None:
        if name.startswith("wild.kernels."):
            return ModuleSpec(name, ExtensionFileLoader(name, LIBRARY), origin=LIBRARY)
        return None


try:
    stat(LIBRARY)
except OSError:
    raise ImportError(f"{LIBRARY}: not there; run `make build`") from None
sys.meta_path.insert(0, LibraryFinder)
