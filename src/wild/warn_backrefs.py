"""--warn-backrefs: archives that a linker which reads its inputs once, from left to right, would not search again.

A member that was loaded for a reference of a later file is reported, as by lld: such a command line depends on a linker
that searches all archives for every reference, and works with GNU ld only by luck.  Archives between --start-group and
--end-group are searched in any order, and so are the objects between --start-lib and --end-lib; and all is well if
something behind the reference defines the name, too.
"""

from __future__ import annotations

from wild.kernels.dependencies import extractions
from wild.kernels.usage import COMMON, DEFINITION, LAZY, mentions

TYPE_CHECKING = False
if TYPE_CHECKING:
    from wild.kernels.references import LinkTables
    from wild.options import Options

DEFINED = (DEFINITION, COMMON, LAZY)


def backward_references(tables: LinkTables, options: Options) -> list[str]:
    """The warnings, in the order in which members were loaded."""
    inputs = tables.inputs
    texts = []
    for file, member, name in extractions(tables):
        if not file or member > file:
            continue
        origin, archive = inputs.file_row(file)["path"], inputs.file_row(member)["path"]
        label = inputs.file_name(member)
        if group_of(origin, options) == group_of(archive, options) or is_excluded(label, options):
            continue
        if inputs.paths[archive] in inputs.paths[origin + 1 :] or is_defined_behind(tables, name, file):
            continue
        symbol = tables.names.text(name).decode("utf-8", "surrogateescape")
        texts.append(f"backward reference: {symbol} in {inputs.file_name(file)} refers to {label}")
    return texts


def group_of(index: int, options: Options) -> tuple[int, int]:
    """The inputs from, to, that are searched together with one; the index is that on the command line."""
    return next((group for group in options.groups if group[0] <= index < group[1]), (index, index + 1))


def is_excluded(label: str, options: Options) -> bool:
    """lld compares the name of an archive together with that of the member, as in `lib.a(member.o)`."""
    from fnmatch import fnmatchcase

    return any(fnmatchcase(label, glob) for glob in options.warn_backrefs_exclude)


def is_defined_behind(tables: LinkTables, name: int, file: int) -> bool:
    """Does an object or an archive member behind a file define a name?"""
    return any(other > file and kind in DEFINED for other, _, kind in mentions(tables, name))
