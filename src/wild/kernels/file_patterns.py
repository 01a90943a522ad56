"""Which files the rules of a linker script are about: `file`, `archive:file`, `archive:`, `:file`, EXCLUDE_FILE.

GNU ld's manual, "Input Section Basics": a pattern is compared with the name of an input as the command line gives it,
`*` matches slashes too, a member is compared by its own name, and `archive:file` with the names of both.  In
EXCLUDE_FILE, a pattern without a colon also excludes the members of an archive of that name.

Scripts name few files, so the answers are computed once for each pattern and file, and looked up for each section.
"""

import cython
from cython.cimports.cpython.bytes import PyBytes_AS_STRING, PyBytes_GET_SIZE
from cython.cimports.libc.stdint import int64_t, uint8_t, uint32_t
from cython.cimports.wild.kernels.files import Inputs
from cython.cimports.wild.kernels.glob import glob_match
from cython.cimports.wild.kernels.tables import FILE_OBJECT


@cython.cfunc
@cython.exceptval(check=True)
def match_files(inputs: Inputs, specs: list) -> cython.pointer[uint8_t]:
    """By row of `specs` and FileId: does the file fit?

    A spec is (pattern, tuple of excluded patterns), where a pattern is (archive, file): bytes, or None where anything
    fits, and b"" for "no archive".
    """
    files: int64_t = inputs.view.count
    table = cython.cast(cython.pointer[uint8_t], inputs.arena.array(files * len(specs) + 1, 1))
    file: int64_t
    row: int64_t
    for file in range(1, files):
        if inputs.view.live[file] and inputs.view.row[file].kind == FILE_OBJECT:
            archive, name = names_of(inputs, file)
            for row in range(len(specs)):
                wanted, excluded = specs[row]
                table[row * files + file] = fits(wanted, archive, name, False) and not excludes(
                    excluded, archive, name
                )
    return table


@cython.cfunc
def names_of(inputs: Inputs, file: int64_t):
    """(path of the archive or None, path of the file or name of the member)."""
    row = cython.address(inputs.view.row[file])
    path: str = inputs.paths[row.path]
    encoded = path.encode("utf-8", "surrogateescape")
    if not row.name_length:
        return None, encoded
    return encoded, inputs.names[row.name_offset : row.name_offset + row.name_length]


@cython.cfunc
def excludes(patterns: tuple, archive, name):
    for pattern in patterns:
        if fits(pattern, archive, name, True):
            return True
    return False


@cython.cfunc
def fits(pattern: tuple, archive, name, loose: cython.bint):
    """Does a file fit a pattern?  `loose`: a pattern without a colon may be the archive's."""
    of_archive, of_file = pattern
    if of_archive is None:
        if of_file is None or matches(of_file, name):
            return True
        return loose and archive is not None and matches(of_file, archive)
    if of_archive == b"":
        return archive is None and (of_file is None or matches(of_file, name))
    if archive is None or not matches(of_archive, archive):
        return False
    return of_file is None or matches(of_file, name)


@cython.cfunc
def matches(pattern: bytes, text: bytes) -> cython.bint:
    return glob_match(
        cython.cast(cython.pointer[cython.const[uint8_t]], PyBytes_AS_STRING(pattern)),
        cython.cast(uint32_t, PyBytes_GET_SIZE(pattern)),
        cython.cast(cython.pointer[cython.const[uint8_t]], PyBytes_AS_STRING(text)),
        cython.cast(uint32_t, PyBytes_GET_SIZE(text)),
    )
