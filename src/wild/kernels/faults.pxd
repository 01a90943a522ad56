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
    FAULT_NO_HASH = 42           # neither section headers nor a hash table

cdef enum:                       # at one symbol.  place: of the symbol
    FAULT_SYMBOL_NAME = 50       # extra: st_name, outside the string table
    FAULT_NAME_LENGTH = 51       # extra: its index; a name of 1 GiB or more
    FAULT_LOCAL_GLOBAL = 52      # extra: its index; a local symbol among the global ones
    FAULT_SYMBOL_SECTION = 53    # extra: section index
    FAULT_COMMON_ALIGN = 54      # extra: st_value
    FAULT_SIGNATURE = 55         # extra: section index; a group's name stands in front of the symbol names

cdef enum:                       # dynamic symbols, symbol table, notes
    FAULT_LOCAL_NAME = 120       # place: of the symbol, extra: st_name, outside the string table
    FAULT_LOCAL_INDEX = 121      # place: of the symbol, extra: section index
    FAULT_VERSION_CHAIN = 122    # place: of the entry in .gnu.version_d
    FAULT_VERSION_NAME = 123     # place: of the entry in .gnu.version_d, extra: string offset
    FAULT_BINDING_VERSION = 124  # place: in .gnu.version, extra: version index without a definition
    FAULT_PROPERTY = 125         # place: of the note or property in it
    FAULT_NOTE_SECTION = 127     # place: of the section header, extra: section index

cdef enum:
    FAULT_MERGE_UNTERMINATED = 80    # place: sh_offset, extra: section index

    FAULT_FRAME_SIZE = 100       # runs over the end of the section.  place: of the record in the file, extra: section index
    FAULT_FRAME_WIDE = 101       # uses the 64-bit form.  The same for the others up to 105
    FAULT_FRAME_CIE = 102        # refers to no CIE
    FAULT_FRAME_RELOC = 105      # a relocation that is not inside one record.  extra: relocation index
    FAULT_FRAME_RELOC_TYPE = 106 # place: r_offset, extra: type (the same for the next two)
    FAULT_FRAME_OVERFLOW = 107   # extra: the value
    FAULT_FRAME_SYMBOL = 108     # extra: symbol index
    FAULT_FRAME_HDR = 109        # .eh_frame_hdr cannot reach a function.  extra: its address

cdef enum:
    FAULT_SECTION_OUTSIDE = 140  # place: of the section header, extra: section index (so up to 151)
    FAULT_BAD_GROUP = 141
    FAULT_REL_SECTION = 142
    FAULT_BAD_RELA = 143
    FAULT_TWO_RELAS = 144
    FAULT_SECTION_NAME = 145
    FAULT_COMPRESSED = 146
    FAULT_ALIGN = 147
    FAULT_SIZE = 148
    FAULT_LOCAL_SECTION = 149    # place: of the symbol, extra: its index
    FAULT_CREL = 150
    FAULT_CREL_ADDENDS = 151
    FAULT_RELOCATED = 152        # relocations of a section that does not exist
    FAULT_LINK_ORDER = 153       # SHF_LINK_ORDER, and sh_link is no section

cdef enum:                       # at one relocation.  place: r_offset, extra: section index << 32 | relocation index
    FAULT_RELOC_FIRST = 160
    FAULT_RELOC_TYPE = 160       # unknown
    FAULT_RELOC_OFFSET = 161     # outside its section
    FAULT_RELOC_SYMBOL = 162     # symbol index out of range
    FAULT_RELOC_OVERFLOW = 163
    FAULT_RELOC_PIC = 164        # needs a run-time relocation that does not exist: recompile with -fPIC
    FAULT_RELOC_TEXTREL = 165    # needs a run-time relocation in a read-only section
    FAULT_RELOC_PROTECTED = 166  # copy relocation of a protected symbol
    FAULT_RELOC_COPY = 167       # copy relocation forbidden by -z nocopyreloc
    FAULT_RELOC_TLS_MISMATCH = 168
    FAULT_RELOC_TLS_CODE = 169   # not the instruction sequence the psABI prescribes
    FAULT_RELOC_TLS_SHARED = 170 # local-exec in a shared object, or of a variable that a shared object defines
    FAULT_RELOC_DISCARDED = 171  # refers to a section that a COMDAT group discarded
    FAULT_RELOC_DYNAMIC = 172    # a dynamic relocation type in an object
    FAULT_RELOC_MERGED = 173     # points outside a merged section
