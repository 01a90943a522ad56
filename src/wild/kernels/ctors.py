"""`.ctors` and `.dtors`: lists of functions to be run at the start and at the end, before there was
.init_array.

Start files of today run .init_array forwards; those of old ran .ctors backwards.  So a linker that is to
make old objects work puts .ctors into .init_array (.dtors into .fini_array) and turns it round: the
addresses of a section in reverse order, and `.ctors.N` where `.init_array.(65535 - N)` would be, because
the higher N ran first.  This is what GNU ld's default script does; init_order.py sorts.

Turning round is done before any pass reads contents or relocations: the section gets a copy of both in
reverse order, in the place of uncompressed contents and of decoded relocations.  A list of one address
is already in reverse order.

The compiler's own crtbegin.o and crtend.o may have .ctors to mark the ends of the list for code that
walks through it; as in GNU ld's script, these stay in an output section of that name.
"""

import cython
from cython.cimports.libc.stdint import int64_t, uint8_t, uint32_t, uint64_t
from cython.cimports.wild.kernels.ctors import is_ctors
from cython.cimports.wild.kernels.elf import Bytes, Elf64_Rela, Shdr, read64, write64
from cython.cimports.wild.kernels.files import Inputs
from cython.cimports.wild.kernels.sections import (
    RelaSpan,
    SectionTable,
    relocations_of,
    section_bytes,
    section_header,
    section_name,
)
from cython.cimports.wild.kernels.tables import HAS_CTORS, NONE, SEC_ALLOC, SEC_CREL, SEC_PLAIN, SectionRow

from wild.errors import LinkError

WORD = cython.declare(cython.const[uint64_t], 8)


@cython.cfunc
@cython.exceptval(-1, check=False)
def spare_start_files(inputs: Inputs, sections: cython.pointer[SectionRow]) -> cython.int:
    """Make orphans of the plain .ctors and .dtors of crtbegin and crtend."""
    file: int64_t
    k: uint32_t
    for file in range(1, inputs.view.count):
        row = cython.address(inputs.view.row[file])
        if not row.sec_base or not row.has & HAS_CTORS or not is_start_file(inputs.file_name(file)):
            continue
        for k in range(1, row.shnum):
            sec = cython.address(sections[row.sec_base + k])
            if sec.kind == SEC_PLAIN and sec.flags & SEC_ALLOC:
                base: Bytes = inputs.view.base[file]
                name: Bytes = section_name(base, row, section_header(base, row, k))
                if is_ctors(name) and name[6] == 0:
                    sec.unused = NONE
    return 0


def is_start_file(name: str) -> bool:
    """Is it *crtbegin.o, *crtbegin?.o, *crtend.o or *crtend?.o?  `name` is a path, or ARCHIVE(MEMBER)."""
    name = name.removesuffix(")")
    if not name.endswith(".o"):
        return False
    ends = ("crtbegin", "crtend")
    return name.endswith(ends, 0, -2) or name.endswith(ends, 0, -3)


def reverse_ctors(inputs: Inputs, sections: SectionTable):
    """Turn round the .ctors and .dtors that go to .init_array and .fini_array; raises LinkError."""
    if not sections.has & HAS_CTORS:
        return
    file: int64_t
    k: uint32_t
    for file in range(1, inputs.view.count):
        row = cython.address(inputs.view.row[file])
        if not row.sec_base or not row.has & HAS_CTORS:
            continue
        for k in range(1, row.shnum):
            sec = cython.address(sections.view.row[row.sec_base + k])
            if sec.kind != SEC_PLAIN or not sec.flags & SEC_ALLOC or sec.unused == NONE:
                continue
            base: Bytes = inputs.view.base[file]
            name: Bytes = section_name(base, row, section_header(base, row, k))
            if not is_ctors(name):
                continue
            if sec.size % WORD:
                text = cython.cast(cython.p_const_char, name).decode("utf-8", "surrogateescape")
                raise LinkError(
                    f"{inputs.file_name(file)}: {text} is no list of addresses: it has {sec.size} bytes"
                )
            if sec.size > WORD:
                reverse_section(inputs, sections, file, k)


@cython.cfunc
@cython.exceptval(-1, check=False)
def reverse_section(inputs: Inputs, sections: SectionTable, file: int64_t, k: uint32_t) -> cython.int:
    """Give a section a reversed copy of its contents and of its relocations."""
    view = cython.address(sections.view)
    row = cython.address(inputs.view.row[file])
    base: Bytes = inputs.view.base[file]
    id: uint32_t = row.sec_base + k
    shdr: Shdr = section_header(base, row, k)
    code: Bytes = section_bytes(view, base, shdr, id)
    span: RelaSpan = relocations_of(view, base, row, id)
    if code is cython.NULL:
        return 0
    sections.own_contents()
    sections.own_relocations()
    size: uint64_t = view.row[id].size
    words = cython.cast(cython.pointer[uint8_t], inputs.arena.array(size, 1))
    rela = cython.cast(cython.pointer[Elf64_Rela], inputs.arena.array(span.count, cython.sizeof(Elf64_Rela)))
    at: uint64_t
    for at in range(0, size, 8):
        write64(words + size - WORD - at, read64(code + at))
    i: uint64_t
    for i in range(span.count):
        to = rela + (span.count - 1 - i)
        to[0] = span.rela[i]
        # What is not about one of the addresses stays where it is; the scan will report what is outside.
        if to.r_offset <= size - WORD:
            to.r_offset = size - WORD - to.r_offset
    view.content[id] = words
    if span.count:
        view.crel[id] = rela
        view.crel_count[id] = cython.cast(uint32_t, span.count)
        view.row[id].flags |= SEC_CREL
    return 0
