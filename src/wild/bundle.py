"""The bundle: the code of all modules that a link imports, in one file, so that small links start sooner.

The import system looks for each module in the directories of `sys.path`, asks for the time of its source, and
opens and reads the compiled file beside it: ten system calls, and as many steps of interpreted code, for each of
fifty modules.  The bundle is one marshalled tuple: the directory of the package; a dictionary from the name of a
module to the time and size of its source and its code, which counts only while the source has that time and size
(the code of a module that only some links import is marshalled apart, so that the others need not make it);
and the orders in which kernels were initialised and modules are run, each after those that it uses, so that none has
to import another: to find one that is loaded is cheap, the rest of the import system takes 60 µs for each module.
The code has neither docstrings nor annotations of functions, which take a quarter of the time to read it.

A module that is not in the bundle, or has changed, is imported the usual way, and then the bundle is written anew
with it, and with all that it held and is still true: links that import different modules do not displace each other's.
So it needs no care: it may be deleted, be damaged, or be missing in a read-only installation.  Incremental updates
have a smaller one of their own, because they use few of the modules that a full link uses.

Measured on the link of a C program that prints one line: 55.1 million instructions of the processor without it,
50.1 with it, 47.9 with kernels in order and without docstrings and searches for garbage, 41.4 without the import
system; the interpreter's own start takes 14.5.  Today, with more modules: 45.7, and 42.7 since code that few links
need stays marshalled and modules say that they are complete.
"""

import sys
from _frozen_importlib import ModuleSpec
from io import open_code
from marshal import dumps, loads
from posix import W_OK, access, getpid, rename, stat

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ast import Module
    from types import CodeType, ModuleType

    Stamp = tuple[int, int]  # of a source: its modification time in ns, its size in bytes
    # The path of the source, what it was compiled to (marshalled, if few links need it), and the modules it imports.
    Entry = tuple[str, Stamp, CodeType | bytes, tuple[str, ...]]

PACKAGE = __file__.rpartition("/")[0]
DIRECTORY = f"{PACKAGE}/__pycache__"
BUNDLE = f"{DIRECTORY}/bundle.{sys.implementation.cache_tag}"
UPDATES = f"{DIRECTORY}/updates.{sys.implementation.cache_tag}"
PACKAGE_FILE = "/__init__.py"
ROOTS = {  # these, and what they use, are run at once
    BUNDLE: ("wild.options", "wild.messages", "wild.link"),
    UPDATES: ("wild.incremental.update",),
}
OFTEN = {BUNDLE: ("script",), UPDATES: ("incremental.imports",)}  # modules that are imported later, if at all
# Kernels that are imported later, by nearly every link.
LATER = {BUNDLE: ("conflicts", "references", "usage", "buildid"), UPDATES: ()}


class Bundle:
    """Finds and loads modules of this package, as one of `sys.meta_path`; `path` is one of ROOTS."""

    __slots__ = ("entries", "kernels", "kernels_before", "loaded_before", "order", "path")

    def __init__(self, path: str = BUNDLE) -> None:
        self.path = path
        self.entries, self.kernels, self.order = read_bundle(path)
        # An attempt to update brought in kernels that ordinary links do not use.
        self.kernels_before = "wild.kernels" in sys.modules
        self.loaded_before = frozenset(sys.modules)
        sys.meta_path.insert(0, self)

    def find_spec(self, name: str, path: object = None, target: object = None) -> ModuleSpec | None:
        """The import system's question; None sends it on to its other finders."""
        entry = self.entries.get(name)
        if not entry or stamp_of(source := entry[0]) != entry[1]:
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
        code = self.entries[module.__name__][2]
        exec(loads(code) if isinstance(code, bytes) else code, module.__dict__)

    def load(self) -> None:
        """Import what every link needs: kernels, then modules; the first that has changed ends it."""
        from wild.kernels import initialise

        initialise(self.kernels)
        if not self.kernels_before:
            self.kernels = []  # from now on, those that are initialised are all
        for name in self.order:
            spec = name not in sys.modules and self.find_spec(name)
            if spec is None:
                return
            if spec:
                self.run(spec)

    def run(self, spec: ModuleSpec) -> None:
        """What the import system does to import a module."""
        package, _, name = spec.name.rpartition(".")
        module = sys.modules[spec.name] = type(sys)(spec.name)
        spec._initializing = False  # type: ignore[attr-defined]  # or each import of it formats an AttributeError
        module.__spec__, module.__loader__, module.__file__ = spec, self, spec.origin  # type: ignore[assignment]
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

    def complete(self) -> None:
        """Write the bundle anew if modules had to be imported without it; whatever prevents it does no harm."""
        from wild.kernels import initialised

        imported = [sys.modules[name] for name in sys.modules.keys() - self.loaded_before if is_bundled(name)]
        missed = [module for module in imported if not isinstance(module.__loader__, Bundle)]
        if missed and access(DIRECTORY, W_OK):
            entries = {name: entry for name, entry in self.entries.items() if stamp_of(entry[0]) == entry[1]}
            sources = {module.__name__: str(module.__file__) for module in missed}
            sources |= {
                f"wild.{name}": f"{PACKAGE}/{name.replace('.', '/')}.py"
                for name in OFTEN[self.path]
                if f"wild.{name}" not in entries
            }
            try:
                entries |= {name: entry_of(source) for name, source in sources.items()}
                kernels = self.kernels if self.kernels_before else [*self.kernels, *initialised]
                kernels = [*kernels, *(f"wild.kernels.{name}" for name in LATER[self.path])]
                write_bundle(self.path, entries, list(dict.fromkeys(kernels)))
            except (OSError, SyntaxError):
                pass


def read_bundle(path: str) -> "tuple[dict[str, Entry], list[str], list[str]]":
    """What the bundle holds; nothing if there is none, if it is damaged, or if the package was moved."""
    try:
        with open_code(path) as file:
            package, entries, kernels, order = loads(file.read())
    except (OSError, EOFError, ValueError, TypeError):
        return {}, [], []
    return (entries, kernels, order) if package == PACKAGE else ({}, [], [])


def write_bundle(path: str, entries: "dict[str, Entry]", kernels: list[str]) -> None:
    """Put a new bundle in the place of the old one, in one step; raises OSError."""
    beside = f"{path}.{getpid()}"
    order = ordered(entries, ROOTS[path])
    packed = {
        name: (source, stamp, fitting(code, name in order), used)
        for name, (source, stamp, code, used) in entries.items()
    }
    with open(beside, "wb") as file:
        file.write(dumps((PACKAGE, packed, kernels, order)))
    rename(beside, path)


def fitting(code: "CodeType | bytes", at_once: bool) -> "CodeType | bytes":
    """A module's code as the bundle holds it: ready if every link runs it at once, else marshalled."""
    if at_once:
        return loads(code) if isinstance(code, bytes) else code
    return code if isinstance(code, bytes) else dumps(code)


def is_bundled(name: str) -> bool:
    """Is this a module of the package that is plain Python?"""
    return name.startswith("wild.") and not name.startswith("wild.kernels.")


def ordered(entries: "dict[str, Entry]", roots: tuple[str, ...]) -> list[str]:
    """The modules that `roots` use, each behind those that it uses itself."""
    order: dict[str, None] = {}

    def add(name: str) -> None:
        if name in entries and name not in order:
            for used in entries[name][3]:
                add(used)
            order[name] = None

    for name in roots:
        add(name)
    return list(order)


def entry_of(path: str) -> "Entry":
    """The entry of a module, without what only readers need; raises OSError, SyntaxError."""
    import __future__

    import ast

    stamp = stamp_of(path)  # before the source is read: should it change meanwhile, the entry will not count
    with open_code(path) as file:
        tree = ast.parse(file.read(), path)
    tree.body = [node for node in tree.body if getattr(node, "module", None) != "__future__"]
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            node.returns = None
        elif isinstance(node, ast.arg):
            node.annotation = None
    code = compile(tree, path, "exec", __future__.annotations.compiler_flag, dont_inherit=True, optimize=2)
    return path, stamp, code, used_by(tree)


def used_by(tree: "Module") -> tuple[str, ...]:
    """The modules of the package that a module imports while it is run."""
    import ast

    used: list[str] = []
    for node in tree.body:
        if isinstance(node, ast.ImportFrom) and node.module:
            used += [node.module.rpartition(".")[0], node.module]  # its package comes before it
            used += [f"{node.module}.{name.name}" for name in node.names]  # where these are modules
    return tuple(name for name in used if is_bundled(name))


def stamp_of(path: str) -> "Stamp":
    """The time and size of a source; zeros if it is not there."""
    try:
        status = stat(path)
    except OSError:
        return 0, 0
    return status.st_mtime_ns, status.st_size
