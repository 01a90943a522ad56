"""Which libraries objects ask for: sections of type SHT_LLVM_DEPENDENT_LIBRARIES (LLVM, "Extensions", .deplibs).

clang writes them for `#pragma comment(lib, "name")`.  A section is a table of names, each ended by NUL.
"""

import cython
from cython.cimports.libc.stdint import int64_t, uint32_t, uint64_t
from cython.cimports.wild.kernels.elf import SHT_LLVM_DEPENDENT_LIBRARIES
from cython.cimports.wild.kernels.files import Inputs
from cython.cimports.wild.kernels.sections import section_header
from cython.cimports.wild.kernels.tables import FILE_LAZY, FILE_OBJECT, HAS_LIBRARIES

from wild.errors import LinkError


def asked_libraries(inputs: Inputs) -> list:
    """(FileId, is it an archive member or the like that may stay out?, name), in link order, each name once a file.

    Raises LinkError for a table that does not end with NUL."""
    view = cython.address(inputs.view)
    found: dict = {}
    f: int64_t
    k: uint32_t
    for f in range(view.count):
        row = cython.address(view.row[f])
        if row.kind != FILE_OBJECT or not row.has & HAS_LIBRARIES:
            continue
        for k in range(1, row.shnum):
            shdr = section_header(view.base[f], row, k)
            if shdr.sh_type != SHT_LLVM_DEPENDENT_LIBRARIES or shdr.sh_size == 0:
                continue
            start: uint64_t = shdr.sh_offset
            text = cython.cast(cython.p_const_char, view.base[f] + start)[: shdr.sh_size]
            if not text.endswith(b"\0"):
                raise LinkError(
                    f"{inputs.file_name(f)}: section {k} is a table of libraries (.deplibs) that does not end with NUL"
                )
            for name in text.split(b"\0"):
                if name:
                    found[f, row.flags & FILE_LAZY != 0, name] = None
    return list(found)


def is_live(inputs: Inputs, file: int64_t) -> bool:
    """Does a file take part in the link?"""
    inputs.check_file(file)
    return inputs.view.live[file] != 0
