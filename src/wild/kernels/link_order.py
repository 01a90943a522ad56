"""SHF_LINK_ORDER in the output (gABI, "Section Attribute Flags"): which parts are linked to which."""

import cython
from cython.cimports.libc.stdint import int64_t, uint32_t
from cython.cimports.wild.kernels.elf import SHF_LINK_ORDER, SHT_NULL
from cython.cimports.wild.kernels.sections import SectionTable, section_header
from cython.cimports.wild.kernels.tables import HAS_LINK_ORDER, SEC_LIVE, SEC_OUT


def linked_parts(sections: SectionTable):
    """{PartId: PartId of the section that its first section is linked to}, of parts all of whose sections are."""
    found: dict = {}
    if not sections.has & HAS_LINK_ORDER:
        return found
    files = cython.address(sections.inputs.view)
    mixed = set()
    file: int64_t
    k: uint32_t
    for file in range(1, files.count):
        row = cython.address(files.row[file])
        for k in range(1, row.shnum if row.sec_base else 1):
            sec = cython.address(sections.view.row[row.sec_base + k])
            if sec.kind == SEC_OUT or not sec.flags & SEC_LIVE or not sec.part:
                continue
            shdr = section_header(files.base[file], row, k)
            if shdr.sh_flags & SHF_LINK_ORDER and 0 < shdr.sh_link < row.shnum and shdr.sh_type != SHT_NULL:
                found.setdefault(sec.part, sections.view.row[row.sec_base + shdr.sh_link].part)
            else:
                mixed.add(sec.part)
    return {part: target for part, target in found.items() if part not in mixed and target}
