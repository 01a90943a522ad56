"""Names of the ELF constants that reports show and keys are made of (gABI; GNU and x86-64 psABI extensions)."""

from __future__ import annotations

ET_EXEC, ET_DYN = 2, 3
EM_X86_64 = 62
SHT_PROGBITS, SHT_SYMTAB, SHT_RELA, SHT_NOTE, SHT_NOBITS, SHT_DYNSYM = 1, 2, 4, 7, 8, 11
SHF_WRITE, SHF_ALLOC, SHF_EXECINSTR, SHF_TLS = 1, 2, 4, 0x400
SHN_UNDEF, SHN_LORESERVE, SHN_ABS, SHN_XINDEX = 0, 0xFF00, 0xFFF1, 0xFFFF
PT_LOAD, PT_DYNAMIC, PT_INTERP, PT_TLS = 1, 2, 3, 7
PT_GNU_EH_FRAME, PT_GNU_STACK, PT_GNU_RELRO = 0x6474E550, 0x6474E551, 0x6474E552
STT_NOTYPE, STT_OBJECT, STT_FUNC, STT_SECTION, STT_FILE, STT_COMMON, STT_TLS, STT_GNU_IFUNC = (
    *range(7),
    10,
)
STB_LOCAL, STB_GLOBAL, STB_WEAK = 0, 1, 2
STV_DEFAULT, STV_PROTECTED = 0, 3

R_NONE, R_64, R_COPY, R_GLOB_DAT, R_JUMP_SLOT, R_RELATIVE = 0, 1, 5, 6, 7, 8
R_DTPMOD64, R_DTPOFF64, R_TPOFF64, R_TLSDESC, R_IRELATIVE = 16, 17, 18, 36, 37

RELOCATION_NAMES = {
    0: "NONE", 1: "64", 2: "PC32", 5: "COPY", 6: "GLOB_DAT", 7: "JUMP_SLOT", 8: "RELATIVE", 10: "32",
    16: "DTPMOD64", 17: "DTPOFF64", 18: "TPOFF64", 32: "SIZE32", 33: "SIZE64", 36: "TLSDESC", 37: "IRELATIVE",
}  # fmt: skip

SECTION_TYPES = {
    0: "NULL", 1: "PROGBITS", 2: "SYMTAB", 3: "STRTAB", 4: "RELA", 5: "HASH", 6: "DYNAMIC", 7: "NOTE",
    8: "NOBITS", 9: "REL", 11: "DYNSYM", 14: "INIT_ARRAY", 15: "FINI_ARRAY", 16: "PREINIT_ARRAY", 17: "GROUP",
    18: "SYMTAB_SHNDX", 19: "RELR", 0x6FFFFFF6: "GNU_HASH", 0x6FFFFFFD: "GNU_VERDEF", 0x6FFFFFFE: "GNU_VERNEED",
    0x6FFFFFFF: "GNU_VERSYM", 0x70000001: "X86_64_UNWIND",
}  # fmt: skip

SEGMENT_TYPES = {
    1: "LOAD", 2: "DYNAMIC", 3: "INTERP", 4: "NOTE", 6: "PHDR", 7: "TLS", 0x6474E550: "GNU_EH_FRAME",
    0x6474E551: "GNU_STACK", 0x6474E552: "GNU_RELRO", 0x6474E553: "GNU_PROPERTY", 0x6474E554: "GNU_SFRAME",
}  # fmt: skip

SYMBOL_TYPES = {
    0: "NOTYPE", 1: "OBJECT", 2: "FUNC", 3: "SECTION", 4: "FILE", 5: "COMMON", 6: "TLS", 10: "GNU_IFUNC",
}  # fmt: skip
BINDINGS = {0: "LOCAL", 1: "GLOBAL", 2: "WEAK", 10: "GNU_UNIQUE"}
VISIBILITIES = ("DEFAULT", "INTERNAL", "HIDDEN", "PROTECTED")

DYNAMIC_TAGS = {
    0: "NULL", 1: "NEEDED", 2: "PLTRELSZ", 3: "PLTGOT", 4: "HASH", 5: "STRTAB", 6: "SYMTAB", 7: "RELA",
    8: "RELASZ", 9: "RELAENT", 10: "STRSZ", 11: "SYMENT", 12: "INIT", 13: "FINI", 14: "SONAME", 15: "RPATH",
    16: "SYMBOLIC", 17: "REL", 18: "RELSZ", 19: "RELENT", 20: "PLTREL", 21: "DEBUG", 22: "TEXTREL",
    23: "JMPREL", 24: "BIND_NOW", 25: "INIT_ARRAY", 26: "FINI_ARRAY", 27: "INIT_ARRAYSZ", 28: "FINI_ARRAYSZ",
    29: "RUNPATH", 30: "FLAGS", 32: "PREINIT_ARRAY", 33: "PREINIT_ARRAYSZ", 34: "SYMTAB_SHNDX", 35: "RELRSZ",
    36: "RELR", 37: "RELRENT", 0x6FFFFEF5: "GNU_HASH", 0x6FFFFEF6: "TLSDESC_PLT", 0x6FFFFEF7: "TLSDESC_GOT",
    0x6FFFFEFB: "DEPAUDIT", 0x6FFFFEFC: "AUDIT", 0x6FFFFFF0: "VERSYM", 0x6FFFFFF9: "RELACOUNT",
    0x6FFFFFFB: "FLAGS_1", 0x6FFFFFFC: "VERDEF", 0x6FFFFFFD: "VERDEFNUM", 0x6FFFFFFE: "VERNEED",
    0x6FFFFFFF: "VERNEEDNUM", 0x7FFFFFFD: "AUXILIARY", 0x7FFFFFFF: "FILTER", 0x70000000: "X86_64_PLT",
    0x70000001: "X86_64_PLTSZ", 0x70000003: "X86_64_PLTENT",
}  # fmt: skip
STRING_TAGS = frozenset("NEEDED SONAME RPATH RUNPATH DEPAUDIT AUDIT AUXILIARY FILTER".split())

DT_FLAGS_NAMES = {1: "ORIGIN", 2: "SYMBOLIC", 4: "TEXTREL", 8: "BIND_NOW", 16: "STATIC_TLS"}
DT_FLAGS_1_NAMES = {
    1: "NOW", 2: "GLOBAL", 4: "GROUP", 8: "NODELETE", 0x10: "LOADFLTR", 0x20: "INITFIRST", 0x40: "NOOPEN",
    0x80: "ORIGIN", 0x400: "INTERPOSE", 0x800: "NODEFLIB", 0x1000: "NODUMP", 0x08000000: "PIE",
}  # fmt: skip
SECTION_FLAGS = {
    1: "W", 2: "A", 4: "X", 0x10: "M", 0x20: "S", 0x40: "I", 0x80: "L", 0x200: "G", 0x400: "T", 0x800: "C",
    0x200000: "R", 0x10000000: "l",
}  # fmt: skip
SEGMENT_FLAGS = {4: "R", 2: "W", 1: "X"}


def flag_names(value: int, names: dict[int, str], joint: str = " ") -> str:
    """The set bits by name, unknown ones in hexadecimal: `NOW PIE`; `0` for none."""
    known = [name for bit, name in names.items() if value & bit]
    rest = value & ~sum(names)
    return joint.join([*known, *([f"{rest:#x}"] if rest else [])]) or "0"


def named(value: int, names: dict[int, str]) -> str:
    """The name of a constant, or its number."""
    return names.get(value, f"{value:#x}")
