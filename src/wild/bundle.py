"""The bundle: the code of all modules that a link imports, in one file, so that small links start sooner.

The import system looks for each module in the directories of `sys.path`, asks for the time of its source, and
opens and reads the compiled file beside it: ten system calls, and as many steps of interpreted code, for each of
fifty modules.  The bundle is one marshalled tuple: whom it is made for (`this_reader`); a dictionary from the name of a
module to the time and size of its source and its code, which counts only while the source has that time and size; and
the orders in which kernels were initialised and modules are run, each after those that it uses, so that none has to
import another: to find one that is loaded is cheap, the rest of the import system takes 60 µs for each module.  The
code of a module that not every link imports is marshalled apart, so that the others need not make it.  If few links do,
it stands behind the tuple in the file and is read when it is wanted.
The library of the kernels (kernel_library.c) maps the file instead of reading it, because a page of new memory costs
more than a microsecond.

A module that is not in the bundle, or has changed, is imported the usual way, and then the bundle is written anew
(bundle_writing.py).  So it needs no care: it may be deleted, be damaged, or be missing in a read-only installation.
Incremental updates have a smaller one of their own, because they use few of the modules that a full link uses.

Measured on the link of a C program that prints one line: 55.1 million instructions of the processor without it,
50.1 with it, 47.9 with kernels in order and without docstrings and searches for garbage, 41.4 without the import
system; the interpreter's own start takes 14.5.  Today, with more modules: 45.7; 42.7 since code that few links need
stays marshalled and modules say that they are complete; 41.7 since the library brings in kernels and maps the file.
With what was added since, 42.5; and 41.9 with plain texts in kernels and modules that raise no exceptions.
"""

import sys
from _frozen_importlib import ModuleSpec
from _imp import create_dynamic, extension_suffixes
from marshal import loads
from posix import O_CLOEXEC, O_RDONLY, W_OK, access, close, lseek, pread, stat
from posix import open as open_file

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import CodeType, ModuleType

    Stamp = tuple[int, int]  # of a source: its modification time in ns, its size in bytes
    Place = tuple[int, int]  # of marshalled code in the file: how far before its end, and the size
    # The path of the source, what it was compiled to, and the modules that it imports.
    Entry = tuple[str, Stamp, CodeType | bytes | Place, tuple[str, ...]]

PACKAGE = __file__.rpartition("/")[0]
DIRECTORY = f"{PACKAGE}/__pycache__"
BUNDLE = f"{DIRECTORY}/bundle.{sys.implementation.cache_tag}"
UPDATES = f"{DIRECTORY}/updates.{sys.implementation.cache_tag}"
LIBRARY = f"{PACKAGE}/kernels/_library{extension_suffixes()[0]}"
PACKAGE_FILE = "/__init__.py"
SEEK_END = 2

try:
    library = create_dynamic(ModuleSpec("wild.kernels._library", None, origin=LIBRARY))
except ImportError as error:
    from wild.errors import LinkError

    text = f"{error}\nthe linker's own library cannot be loaded; run `make build`, or install wild anew for this Python"
    raise LinkError(text) from None


class Module(type(sys)):  # type: ignore[misc]
    """A module, found out about faster: `from module import name` asks each whether it has a `__path__`, and a plain
    one answers with two exceptions and their texts, which takes 5,000 instructions.
    """

    __slots__ = ()
    __getattribute__ = object.__getattribute__


class Bundle:
    """Finds and loads modules of this package, as one of `sys.meta_path`; `path` is BUNDLE or UPDATES."""

    __slots__ = ("entries", "kernels", "kernels_before", "missed", "order", "path")

    def __init__(self, path: str = BUNDLE) -> None:
        self.path = path
        self.entries, self.kernels, self.order = read_bundle(path)
        self.missed: list[str] = []  # modules that had to be imported without it
        # An attempt to update brought in kernels that ordinary links do not use.
        self.kernels_before = "wild.kernels" in sys.modules
        sys.meta_path.insert(0, self)

    def find_spec(self, name: str, path: object = None, target: object = None) -> ModuleSpec | None:
        """The import system's question; None sends it on to its other finders."""
        entry = self.entries.get(name)
        if not entry or stamp_of(source := entry[0]) != entry[1]:
            if name.startswith("wild."):
                self.missed.append(name)
            return None
        spec = ModuleSpec(name, self, origin=source)  # type: ignore[arg-type]
        if source.endswith(PACKAGE_FILE):
            # Its directory, for those of its modules that are not here.
            spec.submodule_search_locations = [source.removesuffix(PACKAGE_FILE)]
        spec.has_location = True
        spec.cached = self.path
        return spec

    def create_module(self, spec: ModuleSpec) -> None:
        """Leaves making the module to the import system."""

    def exec_module(self, module: "ModuleType") -> None:
        """Run the module's code in its name space."""
        entry = self.entries[module.__name__]
        code = entry[2]
        if isinstance(code, bytes):
            code = loads(code)
        elif isinstance(code, tuple):
            code = code_at(self.path, code, entry) or compiled(entry[0])
        exec(code, module.__dict__)

    def load(self) -> None:
        """Import what every link needs: kernels, then modules; the first that has changed ends it."""
        if not self.has("wild.kernels"):  # which tells the library how
            return
        library.initialise(self.kernels)
        for name in self.order:
            if not self.has(name):
                return

    def bring(self, name: str) -> None:
        """Import one module, and before it those that it uses; what is not here is left to the import system."""
        entry = self.entries.get(name)
        if entry and name not in sys.modules:
            for used in entry[3]:
                self.bring(used)
            self.has(name)

    def has(self, name: str) -> bool:
        """Is a module imported, if need be from here?"""
        if name in sys.modules:
            return True
        spec = self.find_spec(name)
        if spec is not None:
            self.run(spec)
        return spec is not None

    def run(self, spec: ModuleSpec) -> None:
        """What the import system does to import a module."""
        package, _, name = spec.name.rpartition(".")
        module = sys.modules[spec.name] = Module(spec.name)
        spec._initializing = False  # type: ignore[attr-defined]  # or each import of it formats an AttributeError
        module.__spec__, module.__loader__, module.__file__ = spec, self, spec.origin
        module.__package__ = package
        if spec.submodule_search_locations is not None:
            module.__package__ = spec.name
            module.__path__ = spec.submodule_search_locations
        try:
            self.exec_module(module)
        except BaseException:
            del sys.modules[spec.name]
            raise
        setattr(sys.modules[package], name, module)

    def note_kernels(self) -> None:
        """The work begins: kernels that are brought in from now on, not every link needs.

        What ends before, as a wrong option does, tells nothing about kernels.
        """
        from wild.kernels import initialised

        if not self.kernels_before:
            self.kernels = list(initialised)

    def complete(self) -> None:
        """Write the bundle anew if modules had to be imported without it, and if it can be written."""
        if self.missed and access(DIRECTORY, W_OK):
            from wild.bundle_writing import complete

            complete(self)


def read_bundle(path: str) -> "tuple[dict[str, Entry], list[str], list[str]]":
    """What the bundle holds; nothing if there is none, if it is damaged, or if it is not for this reader."""
    try:
        reader, entries, kernels, order = library.load(path)
    except (OSError, EOFError, ValueError, TypeError):
        return {}, [], []
    return (entries, kernels, order) if reader == this_reader() else ({}, [], [])


def code_at(path: str, place: "Place", entry: "Entry") -> "CodeType | None":
    """Code behind the tuple of a bundle; None if another link has put another file in its place."""
    before_end, size = place
    try:
        descriptor = open_file(path, O_RDONLY | O_CLOEXEC)
        try:
            source, stamp, code = loads(pread(descriptor, size, lseek(descriptor, 0, SEEK_END) - before_end))
        finally:
            close(descriptor)
    except (OSError, EOFError, ValueError, TypeError):
        return None
    found: CodeType = code
    return found if (source, stamp) == entry[:2] else None


def compiled(source: str) -> "CodeType":
    """The code of a module from its source."""
    with open(source, "rb") as file:
        code: CodeType = compile(file.read(), source, "exec", dont_inherit=True)
    return code


def this_reader() -> tuple[str, int, int]:
    """What a bundle is made for: the directory of the package, and the version of this module."""
    return PACKAGE, *stamp_of(__file__)


def stamp_of(path: str) -> "Stamp":
    """The time and size of a source; zeros if it is not there."""
    try:
        status = stat(path)
    except OSError:
        return 0, 0
    return status.st_mtime_ns, status.st_size
