"""The texts of what is wrong with an input: one row per fault code; why a file cannot be opened or linked.

The codes are those of kernels/faults.pxd; the texts of faults at relocations, which need more than numbers,
are in wild/relocation_faults.py.  A template is filled with `place` and `extra` of the fault and follows
`FILE: `; it says what is wrong, where, and, if the reader can do something about it, what.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from wild.kernels.files import Inputs
    from wild.kernels.pool import KernelFault

FIRST_FILE_FAULT = 20  # below: the fault's `file` is a MapId
FAULT_FOREIGN = 20

ARCHIVE_DAMAGED = "; the archive is damaged, rebuild it with ar"
OBJECT_DAMAGED = "; the file is damaged, rebuild it"
GIVE_PARTS = "; give the objects and libraries it is made of"

TEXTS = {
    1: "no archive member header at offset {place:#x}" + ARCHIVE_DAMAGED,
    2: "the archive member at offset {place:#x} has a size that is no number" + ARCHIVE_DAMAGED,
    3: "the archive member at offset {place:#x} has a name outside the table of names" + ARCHIVE_DAMAGED,
    4: "the archive member at offset {place:#x} is to have {extra} bytes, but the archive ends before that"
    + ARCHIVE_DAMAGED,
    5: "the member at offset {place:#x} of this thin archive is not where the nested archive should have it"
    "; rebuild both archives with ar",
    21: "is too short for an ELF file ({extra} bytes)" + OBJECT_DAMAGED,
    22: "the {extra} section headers at offset {place:#x} lie outside the file" + OBJECT_DAMAGED,
    23: "section headers of {extra} bytes; they have 64 bytes in a 64-bit ELF file" + OBJECT_DAMAGED,
    24: "section {extra} (at offset {place:#x}) lies outside the file" + OBJECT_DAMAGED,
    25: "section {extra} is linked to a section that is missing or of the wrong type (header at {place:#x})"
    + OBJECT_DAMAGED,
    26: "the symbol table in section {extra} (at offset {place:#x}) has no whole number of symbols"
    + OBJECT_DAMAGED,
    27: "section {extra} is a second symbol table (header at {place:#x})" + OBJECT_DAMAGED,
    28: "the first global symbol is number {extra}, beyond the end of the symbol table (header at {place:#x})"
    + OBJECT_DAMAGED,
    29: "the string table in section {extra} (at offset {place:#x}) is empty or does not end in NUL"
    + OBJECT_DAMAGED,
    30: "the section indices of symbols in section {extra} (at offset {place:#x}) are not one for each symbol"
    + OBJECT_DAMAGED,
    31: "the section names should be in section {extra}, which is no string table" + OBJECT_DAMAGED,
    32: "a section group is named by symbol {extra}, which does not exist (header at {place:#x})"
    + OBJECT_DAMAGED,
    33: "the symbol versions (at offset {place:#x}) are not one for each dynamic symbol" + OBJECT_DAMAGED,
    34: "the version definitions (at offset {place:#x}) lie outside the file or use another string table"
    + OBJECT_DAMAGED,
    35: "the dynamic section (at offset {place:#x}) lies outside the file or has no whole number of entries"
    + OBJECT_DAMAGED,
    36: "the dynamic entry at offset {place:#x} has its string at {extra:#x}, outside the string table"
    + OBJECT_DAMAGED,
    37: "the program headers at offset {place:#x} lie outside the file" + OBJECT_DAMAGED,
    38: "the dynamic section refers to address {extra:#x}, which no segment loads from the file"
    + OBJECT_DAMAGED,
    39: "the hash table at offset {place:#x} does not fit the file" + OBJECT_DAMAGED,
    40: "cannot use a position-independent executable as input to a link" + GIVE_PARTS,
    41: "symbols of {extra} bytes (header at {place:#x}); they have 24 bytes in a 64-bit ELF file"
    + OBJECT_DAMAGED,
    42: "has neither section headers nor a hash table that says how many symbols it has"
    "; link it again with --hash-style=gnu",
    50: "the symbol at offset {place:#x} has its name at {extra:#x}, outside the string table"
    + OBJECT_DAMAGED,
    51: "symbol {extra} (at offset {place:#x}) has a name of a gigabyte or more" + OBJECT_DAMAGED,
    52: "symbol {extra} (at offset {place:#x}) is local but stands among the global symbols" + OBJECT_DAMAGED,
    53: "the symbol at offset {place:#x} is defined in section {extra:#x}, which does not exist"
    + OBJECT_DAMAGED,
    54: "the common symbol at offset {place:#x} has the alignment {extra}, which is no power of two"
    + OBJECT_DAMAGED,
    55: "a section group is named after section {extra} (symbol at {place:#x}), and the section names stand in"
    " front of the symbol names, which is not supported; assemble the file with GNU as or clang",
    80: "the last string of section {extra} (at offset {place:#x}) has no end" + OBJECT_DAMAGED,
    100: "the call frame record at offset {place:#x} runs over the end of section {extra}" + OBJECT_DAMAGED,
    101: "the call frame record at offset {place:#x} of section {extra} has more than 4 GiB or says so"
    + OBJECT_DAMAGED,
    102: "the call frame record at offset {place:#x} of section {extra} refers to no common record (CIE)"
    + OBJECT_DAMAGED,
    105: "relocation {extra} of .eh_frame (at offset {place:#x} there) belongs to no call frame record"
    + OBJECT_DAMAGED,
    106: "a relocation of type {extra} at .eh_frame+{place:#x}, where only PC32, PC64, 32, 64 and PLT32"
    " can be",
    107: "the relocation at .eh_frame+{place:#x} cannot hold {extra:#x}; are the sections too far apart?",
    108: "the relocation at .eh_frame+{place:#x} refers to symbol {extra}, which does not exist"
    + OBJECT_DAMAGED,
    109: "the function at {extra:#x} is too far from .eh_frame_hdr to be in its table",
    120: "the local symbol at offset {place:#x} has its name at {extra:#x}, outside the string table"
    + OBJECT_DAMAGED,
    121: "the local symbol at offset {place:#x} is defined in section {extra}, which does not exist"
    + OBJECT_DAMAGED,
    122: "the entry of .gnu.version_d at offset {place:#x} does not fit the section" + OBJECT_DAMAGED,
    123: "the version defined at offset {place:#x} has its name at {extra:#x}, outside the string table"
    + OBJECT_DAMAGED,
    124: "a dynamic symbol has version {extra} (at offset {place:#x}), which .gnu.version_d does not define"
    + OBJECT_DAMAGED,
    125: "the program property at offset {place:#x} is malformed" + OBJECT_DAMAGED,
    127: "section {extra} has its name outside the section names (header at {place:#x})" + OBJECT_DAMAGED,
    140: "section {extra} lies outside the file (header at {place:#x})" + OBJECT_DAMAGED,
    141: "section {extra} is a malformed section group (at offset {place:#x})" + OBJECT_DAMAGED,
    142: "section {extra} holds relocations without addends (SHT_REL, header at {place:#x}), which x86-64 ELF"
    " files do not have" + OBJECT_DAMAGED,
    143: "section {extra} holds no whole number of relocations (header at {place:#x})" + OBJECT_DAMAGED,
    144: "section {extra} is a second section of relocations for the same section (header at {place:#x})"
    + OBJECT_DAMAGED,
    145: "section {extra} has its name outside the section names (header at {place:#x})" + OBJECT_DAMAGED,
    146: "section {extra} is compressed and too short for that, loaded, or without contents (at {place:#x})"
    + OBJECT_DAMAGED,
    147: "section {extra} has an alignment that is no power of two, or more than 4 GiB (header at {place:#x})"
    + OBJECT_DAMAGED,
    148: "section {extra} has a size of more than 64 TiB (header at {place:#x})" + OBJECT_DAMAGED,
    149: "local symbol {extra} (at offset {place:#x}) is defined in a section that does not exist"
    + OBJECT_DAMAGED,
    150: "the compact relocations in section {extra} (header at {place:#x}) run over its end"
    + OBJECT_DAMAGED,
    151: "the compact relocations in section {extra} (header at {place:#x}) have no addends"
    "; assemble the file again, without --crel",
    152: "section {extra} has relocations of a section that does not exist (header at {place:#x})"
    + OBJECT_DAMAGED,
    153: "section {extra} is to be ordered like a section that does not exist (sh_link, header at {place:#x})"
    + OBJECT_DAMAGED,
}


def describe(inputs: Inputs, fault: KernelFault) -> str:
    """The text of the first fault that a kernel found."""
    return describe_row(inputs, fault.args)


def describe_row(inputs: Inputs, row: tuple[int, int, int, int, int]) -> str:
    """The text of (code, file, place, extra, value), beginning with the file's name as the user wrote it."""
    code, file, place, extra, _ = row
    name = inputs.paths[file] if code < FIRST_FILE_FAULT else inputs.file_name(file)
    if code == FAULT_FOREIGN:
        return f"{name}: {why_unusable(inputs.file_start(file))}"
    return f"{name}: {TEXTS[code].format(place=place, extra=extra)}"


# e_machine, as the gABI's list of machines numbers them; only those a user is likely to meet.
MACHINES = {
    2: "SPARC", 3: "x86 (32-bit)", 8: "MIPS", 20: "PowerPC", 21: "PowerPC64", 22: "S/390", 40: "ARM",
    43: "SPARC V9", 50: "IA-64", 183: "AArch64", 224: "AMD GPU", 243: "RISC-V", 247: "BPF", 258: "LoongArch",
}  # fmt: skip

UNLINKABLE_TYPES = {
    0: "is an ELF file without a type (e_type 0)",
    2: "cannot use an executable as input to a link" + GIVE_PARTS,
    4: "is a core dump, not something to link",
}


def why_unusable(start: bytes) -> str:
    """Why a file that begins with `start` (64 bytes of it) cannot be linked."""
    if start[:4] != b"\x7fELF":
        return why_not_elf(start)
    if len(start) < 20:
        return TEXTS[21].format(extra=len(start))
    if start[4] == 1:
        return "is a 32-bit ELF file; this link is for 64-bit x86-64"
    if start[4] != 2:
        return f"is an ELF file of unknown class {start[4]}" + OBJECT_DAMAGED
    if start[5] == 2:
        return "is a big-endian ELF file; this link is for x86-64, which is little-endian"
    if start[5] != 1:
        return f"is an ELF file of unknown byte order {start[5]}" + OBJECT_DAMAGED
    machine = int.from_bytes(start[18:20], "little")
    if machine != 62:
        return f"is for {MACHINES.get(machine, f'machine {machine}')}; this link is for x86-64"
    if len(start) < 64:
        return TEXTS[21].format(extra=len(start))
    kind = int.from_bytes(start[16:18], "little")
    return UNLINKABLE_TYPES.get(kind, f"is an ELF file of unknown type {kind}")


def why_not_elf(start: bytes) -> str:
    """Why a file that is not ELF cannot be linked, for the formats that turn up by mistake."""
    if start[:4] in (b"BC\xc0\xde", b"\xde\xc0\x17\x0b"):
        return "is LLVM bitcode, which needs link-time code generation; compile it without -flto"
    if start[:2] == b"MZ" or start[:2] == b"\x64\x86":
        return "is a Windows (PE/COFF) file; this link is for x86-64 ELF"
    if start[:4] in (b"\xcf\xfa\xed\xfe", b"\xca\xfe\xba\xbe"):
        return "is a Mach-O file; this link is for x86-64 ELF"
    return "is neither an object, an archive, a shared object nor a linker script"


# Reasons of kernels/mapping.pxd that are no errno values.
NO_ERRNO = {
    -1: "file is empty",
    -2: "is a FIFO, socket or device; inputs must be regular files",
    -3: "changed while it was being opened; is it still being written?",
}


def why_not_open(path: str, reason: int) -> str:
    """The text for an input that cannot be read; `reason` is an errno value or a key of NO_ERRNO."""
    import errno
    import posix

    if reason in NO_ERRNO:
        return f"{path}: {NO_ERRNO[reason]}"
    if reason == errno.EISDIR:
        return f"{path}: is a directory; inputs must be regular files"
    if reason == errno.ENXIO:
        return f"{path}: {NO_ERRNO[-2]}"
    advice = {errno.ENOENT: "", errno.EACCES: "; check its permissions"}.get(reason, "")
    return f"{path}: cannot open: {posix.strerror(reason)}{advice}"
