# Codes of the faults that kernels find in inputs; the texts are in wild/faults.py, which a test compares with this list.
# Below 20, Fault.file is a MapId (the fault is in an archive, before its members are files); from 20 on a FileId.
# Ranges: 1-49 files, members, headers; 50-79 names, resolve, exports; 80-99 merge; 100-119 eh_frame;
# 120-139 dynamic, symtab; 140-199 sections, reach, relocate.

cdef enum:
    FAULT_MEMBER_HEADER = 1      # place: of the member header
    FAULT_MEMBER_SIZE = 2
    FAULT_MEMBER_NAME = 3
    FAULT_MEMBER_RUNS_OUT = 4    # extra: bytes it should have
    FAULT_MEMBER_NESTED = 5      # "/N:origin" without a member there
    FAULT_ARCHIVE_DEPTH = 6

    FAULT_FOREIGN = 20           # not a 64-bit little-endian x86-64 ELF file of the wanted type
    FAULT_EHDR = 21
    FAULT_SHDRS = 22             # place: e_shoff, extra: number of headers
    FAULT_SHENTSIZE = 23         # extra: the size
    FAULT_SECTION_RANGE = 24     # place: sh_offset, extra: section index
    FAULT_SECTION_LINK = 25      # place: of the section header, extra: section index
    FAULT_SYMTAB_SIZE = 26       # place: sh_offset, extra: section index
    FAULT_SYMTAB_TWICE = 27      # place: of the section header, extra: section index
    FAULT_FIRST_GLOBAL = 28      # place: of the section header, extra: sh_info
    FAULT_STRTAB = 29            # place: sh_offset, extra: section index
    FAULT_XINDEX = 30            # place: sh_offset, extra: section index
    FAULT_SHSTRNDX = 31          # extra: the index
    FAULT_GROUP_SYMBOL = 32      # place: of the section header, extra: sh_info
    FAULT_VERSYM = 33            # place: sh_offset
    FAULT_VERDEF = 34            # place: sh_offset
    FAULT_DYNAMIC = 35           # place: offset of .dynamic
    FAULT_DYNAMIC_STRING = 36    # place: of the entry, extra: string offset
    FAULT_PROGRAM_HEADERS = 37   # place: e_phoff
    FAULT_DYNAMIC_ADDRESS = 38   # extra: the address
    FAULT_DYNAMIC_HASH = 39      # place: of the hash table
    FAULT_PIE = 40               # a position-independent executable given as a library
    FAULT_SYMBOL_SIZE = 41       # place: of the section header, extra: sh_entsize
