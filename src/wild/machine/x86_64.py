"""x86-64: relocation types and constants of its ABI (System V psABI for AMD64, "Relocation", "Thread-Local Storage").

A relocation type says what is computed (its form, in the psABI's letters), how many bytes it fills, how the value is
checked, and whether the psABI allows the linker to rewrite the instruction.  Scanning, applying, error texts and tools
read this one table.
"""

from __future__ import annotations

MACHINE = 62
NAME = "x86-64"
EMULATION = "elf_x86_64"
IMAGE_BASE = 0x400000
MAX_PAGE_SIZE = 0x1000
COMMON_PAGE_SIZE = 0x1000

# Forms, in the order of the enum in kernels/relocation.pxd.
FORMS = (
    "none", "S+A", "S+A-P", "L+A-P", "G+GOT+A-P", "S+A-GOT", "GOT+A-P", "G+A", "L+A-GOT", "Z+A",
    "tlsgd", "tlsld", "dtpoff", "gottpoff", "tpoff", "dtpmod", "tlsdesc", "tlsdesc-call", "dynamic",
)  # fmt: skip

# How a value must fit its field.
UNCHECKED, SIGNED, UNSIGNED, EITHER = range(4)

# type: (name, form, bytes, check, may be relaxed)
RELOCATIONS = {
    0: ("R_X86_64_NONE", "none", 0, UNCHECKED, 0),
    1: ("R_X86_64_64", "S+A", 8, UNCHECKED, 0),
    2: ("R_X86_64_PC32", "S+A-P", 4, SIGNED, 0),
    3: ("R_X86_64_GOT32", "G+A", 4, SIGNED, 0),
    4: ("R_X86_64_PLT32", "L+A-P", 4, SIGNED, 0),
    5: ("R_X86_64_COPY", "dynamic", 0, UNCHECKED, 0),
    6: ("R_X86_64_GLOB_DAT", "dynamic", 8, UNCHECKED, 0),
    7: ("R_X86_64_JUMP_SLOT", "dynamic", 8, UNCHECKED, 0),
    8: ("R_X86_64_RELATIVE", "dynamic", 8, UNCHECKED, 0),
    9: ("R_X86_64_GOTPCREL", "G+GOT+A-P", 4, SIGNED, 0),
    10: ("R_X86_64_32", "S+A", 4, UNSIGNED, 0),
    11: ("R_X86_64_32S", "S+A", 4, SIGNED, 0),
    12: ("R_X86_64_16", "S+A", 2, EITHER, 0),
    13: ("R_X86_64_PC16", "S+A-P", 2, SIGNED, 0),
    14: ("R_X86_64_8", "S+A", 1, EITHER, 0),
    15: ("R_X86_64_PC8", "S+A-P", 1, SIGNED, 0),
    16: ("R_X86_64_DTPMOD64", "dtpmod", 8, UNCHECKED, 0),
    17: ("R_X86_64_DTPOFF64", "dtpoff", 8, UNCHECKED, 0),
    18: ("R_X86_64_TPOFF64", "tpoff", 8, UNCHECKED, 0),
    19: ("R_X86_64_TLSGD", "tlsgd", 4, SIGNED, 0),
    20: ("R_X86_64_TLSLD", "tlsld", 4, SIGNED, 0),
    21: ("R_X86_64_DTPOFF32", "dtpoff", 4, SIGNED, 0),
    22: ("R_X86_64_GOTTPOFF", "gottpoff", 4, SIGNED, 0),
    23: ("R_X86_64_TPOFF32", "tpoff", 4, SIGNED, 0),
    24: ("R_X86_64_PC64", "S+A-P", 8, UNCHECKED, 0),
    25: ("R_X86_64_GOTOFF64", "S+A-GOT", 8, UNCHECKED, 0),
    26: ("R_X86_64_GOTPC32", "GOT+A-P", 4, SIGNED, 0),
    27: ("R_X86_64_GOT64", "G+A", 8, UNCHECKED, 0),
    28: ("R_X86_64_GOTPCREL64", "G+GOT+A-P", 8, UNCHECKED, 0),
    29: ("R_X86_64_GOTPC64", "GOT+A-P", 8, UNCHECKED, 0),
    30: ("R_X86_64_GOTPLT64", "G+A", 8, UNCHECKED, 0),
    31: ("R_X86_64_PLTOFF64", "L+A-GOT", 8, UNCHECKED, 0),
    32: ("R_X86_64_SIZE32", "Z+A", 4, UNSIGNED, 0),
    33: ("R_X86_64_SIZE64", "Z+A", 8, UNCHECKED, 0),
    34: ("R_X86_64_GOTPC32_TLSDESC", "tlsdesc", 4, SIGNED, 0),
    35: ("R_X86_64_TLSDESC_CALL", "tlsdesc-call", 0, UNCHECKED, 0),
    36: ("R_X86_64_TLSDESC", "dynamic", 8, UNCHECKED, 0),
    37: ("R_X86_64_IRELATIVE", "dynamic", 8, UNCHECKED, 0),
    41: ("R_X86_64_GOTPCRELX", "G+GOT+A-P", 4, SIGNED, 1),
    42: ("R_X86_64_REX_GOTPCRELX", "G+GOT+A-P", 4, SIGNED, 1),
    43: ("R_X86_64_CODE_4_GOTPCRELX", "G+GOT+A-P", 4, SIGNED, 1),
    44: ("R_X86_64_CODE_4_GOTTPOFF", "gottpoff", 4, SIGNED, 0),
    45: ("R_X86_64_CODE_4_GOTPC32_TLSDESC", "tlsdesc", 4, SIGNED, 0),
    46: ("R_X86_64_CODE_5_GOTPCRELX", "G+GOT+A-P", 4, SIGNED, 0),
    47: ("R_X86_64_CODE_5_GOTTPOFF", "gottpoff", 4, SIGNED, 0),
    48: ("R_X86_64_CODE_5_GOTPC32_TLSDESC", "tlsdesc", 4, SIGNED, 0),
    49: ("R_X86_64_CODE_6_GOTPCRELX", "G+GOT+A-P", 4, SIGNED, 0),
    50: ("R_X86_64_CODE_6_GOTTPOFF", "gottpoff", 4, SIGNED, 0),
    51: ("R_X86_64_CODE_6_GOTPC32_TLSDESC", "tlsdesc", 4, SIGNED, 0),
    250: ("R_X86_64_GNU_VTINHERIT", "none", 0, UNCHECKED, 0),
    251: ("R_X86_64_GNU_VTENTRY", "none", 0, UNCHECKED, 0),
}


def relocation_rows() -> list[tuple[int, int, int, int, int]]:
    """The table as numbers for the kernels: (type, form, bytes, check, may be relaxed)."""
    rows = RELOCATIONS.items()
    return [(number, FORMS.index(form), size, check, relax) for number, (_, form, size, check, relax) in rows]


def opening_types() -> tuple[int, ...]:
    """Relocations that open a sequence, the call in which programs do without."""
    return tuple(number for number, (_, form, *_) in RELOCATIONS.items() if form in ("tlsgd", "tlsld"))


def relocation_name(number: int) -> str:
    """The psABI's name of a relocation type."""
    row = RELOCATIONS.get(number)
    return row[0] if row else f"relocation type {number}"
