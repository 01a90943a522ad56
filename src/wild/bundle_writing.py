"""Writing the bundle (bundle.py) anew, with modules that it did not hold or that have changed.

It keeps all that it held and is still true: links that import different modules do not displace each other's.  The
code has neither docstrings nor annotations of functions, which take a quarter of the time to read it.
"""

from __future__ import annotations
import __future__

import ast
import sys
from io import open_code
from marshal import dumps, loads
from posix import getpid, rename

from wild.bundle import BUNDLE, PACKAGE, UPDATES, Bundle, code_at, stamp_of, this_reader

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import CodeType

    from wild.bundle import Entry, Stamp

    Whole = tuple[str, Stamp, CodeType, tuple[str, ...]]  # an entry with its code at hand

ROOTS = {  # these, and what they use, are run at once
    BUNDLE: ("wild.options", "wild.messages", "wild.link"),
    UPDATES: ("wild.incremental.update",),
}
# The code of these, and of what they use, is made whenever the bundle is read.
READY = {BUNDLE: ROOTS[BUNDLE], UPDATES: ("wild.incremental.session", "wild.incremental.request")}
# Modules that are imported later, by most links.
OFTEN = {BUNDLE: ("wild.script",), UPDATES: ("wild.incremental.imports",)}
# Kernels that are imported later, by nearly every link.
LATER = {BUNDLE: ("conflicts", "references", "usage", "buildid"), UPDATES: ()}


def complete(bundle: Bundle) -> None:
    """Write the bundle anew with the modules that it missed; whatever prevents it does no harm."""
    names = [name for name in bundle.missed if is_bundled(name) and name != __name__]
    missed = [sys.modules[name] for name in names if name in sys.modules]
    if not missed:
        return
    sources = {module.__name__: str(module.__file__) for module in missed}
    for name in OFTEN[bundle.path]:
        sources.setdefault(name, f"{PACKAGE}/{name.removeprefix('wild.').replace('.', '/')}.py")
    try:
        entries = still_true(bundle)
        for name, source in sources.items():
            if name not in entries:
                entries[name] = entry_of(source)
        kernels = [*bundle.kernels, *(f"wild.kernels.{name}" for name in LATER[bundle.path])]
        write_bundle(bundle.path, entries, list(dict.fromkeys(kernels)))
    except (OSError, SyntaxError, KeyboardInterrupt):
        pass


def still_true(bundle: Bundle) -> dict[str, Whole]:
    """The entries whose sources are what they were, with all code."""
    kept: dict[str, Whole] = {}
    for name, entry in bundle.entries.items():
        source, stamp, code, used = entry
        if stamp_of(source) == stamp:
            made = code_at(bundle.path, code, entry) if isinstance(code, tuple) else code
            if made is not None:
                kept[name] = source, stamp, loads(made) if isinstance(made, bytes) else made, used
    return kept


def write_bundle(path: str, entries: dict[str, Whole], kernels: list[str]) -> None:
    """Put a new bundle in the place of the old one, in one step; raises OSError."""
    beside = f"{path}.{getpid()}"
    order, ready = ordered(entries, ROOTS[path]), ordered(entries, READY[path])
    often = {*order, *OFTEN[path]}
    packed: dict[str, Entry] = {}
    behind: list[bytes] = []  # from the end of the file on
    before_end = 0
    for name, (source, stamp, code, used) in entries.items():
        fitting: CodeType | bytes | tuple[int, int] = code
        if name not in ready and name in often:
            fitting = dumps(code)
        elif name not in ready:
            behind.append(dumps((source, stamp, code)))
            before_end += len(behind[-1])
            fitting = before_end, len(behind[-1])
        packed[name] = source, stamp, fitting, used
    with open(beside, "wb") as file:
        file.write(dumps((this_reader(), packed, kernels, order)) + b"".join(reversed(behind)))
    rename(beside, path)


def is_bundled(name: str) -> bool:
    """Is this a module of the package that is plain Python?"""
    return name.startswith("wild.") and not name.startswith("wild.kernels.")


def ordered(entries: dict[str, Whole], roots: tuple[str, ...]) -> list[str]:
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


def entry_of(path: str) -> Whole:
    """The entry of a module, without what only readers need; raises OSError, SyntaxError."""
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


def used_by(tree: ast.Module) -> tuple[str, ...]:
    """The modules of the package that a module imports while it is run."""
    used: list[str] = []
    for node in tree.body:
        if isinstance(node, ast.ImportFrom) and node.module:
            used += [node.module.rpartition(".")[0], node.module]  # its package comes before it
            used += [f"{node.module}.{name.name}" for name in node.names]  # where these are modules
    return tuple(name for name in used if is_bundled(name))
