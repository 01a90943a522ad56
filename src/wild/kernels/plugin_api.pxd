# The plugin interface of GNU linkers, as the GCC wiki documents it ("whopr/driver", "Linker plugin API").
#
# What a plugin gets is a list of tags with values, most of them functions that it may call; what it gives are the
# functions that it registers.  The names are those of the documentation without `ld_plugin_`.

from libc.stddef cimport size_t
from libc.stdint cimport int64_t, uint64_t

cdef enum:                       # what calls return
    LDPS_OK = 0
    LDPS_NO_SYMS = 1             # get_symbols: the file does not take part in the link
    LDPS_BAD_HANDLE = 2
    LDPS_ERR = 3

cdef enum:                       # tags of the transfer vector
    LDPT_NULL = 0
    LDPT_API_VERSION = 1
    LDPT_LINKER_OUTPUT = 3
    LDPT_OPTION = 4
    LDPT_REGISTER_CLAIM_FILE_HOOK = 5
    LDPT_REGISTER_ALL_SYMBOLS_READ_HOOK = 6
    LDPT_REGISTER_CLEANUP_HOOK = 7
    LDPT_ADD_SYMBOLS = 8
    LDPT_GET_SYMBOLS = 9
    LDPT_ADD_INPUT_FILE = 10
    LDPT_MESSAGE = 11
    LDPT_GET_INPUT_FILE = 12
    LDPT_RELEASE_INPUT_FILE = 13
    LDPT_ADD_INPUT_LIBRARY = 14
    LDPT_OUTPUT_NAME = 15
    LDPT_SET_EXTRA_LIBRARY_PATH = 16
    LDPT_GNU_LD_VERSION = 17
    LDPT_GET_VIEW = 18
    LDPT_GET_SYMBOLS_V2 = 25
    LDPT_GET_SYMBOLS_V3 = 28
    LDPT_GET_WRAP_SYMBOLS = 32
    LDPT_ADD_SYMBOLS_V2 = 33
    LDPT_GET_API_VERSION = 34
    LDPT_REGISTER_CLAIM_FILE_HOOK_V2 = 35

cdef enum:                       # levels of messages
    LDPL_INFO = 0
    LDPL_WARNING = 1
    LDPL_ERROR = 2
    LDPL_FATAL = 3               # the plugin does not expect the call to return

cdef enum:                       # Symbol.definition
    LDPK_DEF = 0
    LDPK_WEAKDEF = 1
    LDPK_UNDEF = 2
    LDPK_WEAKUNDEF = 3
    LDPK_COMMON = 4

cdef enum:                       # Symbol.visibility
    LDPV_DEFAULT = 0
    LDPV_PROTECTED = 1
    LDPV_INTERNAL = 2
    LDPV_HIDDEN = 3

cdef enum:                       # Symbol.type, which add_symbols_v2 brings
    LDST_UNKNOWN = 0
    LDST_FUNCTION = 1
    LDST_VARIABLE = 2

cdef enum:                       # Symbol.resolution
    LDPR_UNKNOWN = 0
    LDPR_UNDEF = 1
    LDPR_PREVAILING_DEF = 2              # it counts, and machine code refers to it
    LDPR_PREVAILING_DEF_IRONLY = 3       # it counts, and nothing but intermediate code refers to it
    LDPR_PREEMPTED_REG = 4               # a definition in machine code counts instead
    LDPR_PREEMPTED_IR = 5                # ... or one in another file of intermediate code
    LDPR_RESOLVED_IR = 6                 # a reference, and where its definition is
    LDPR_RESOLVED_EXEC = 7
    LDPR_RESOLVED_DYN = 8
    LDPR_PREVAILING_DEF_IRONLY_EXP = 9   # as IRONLY, but the dynamic linker may bind others to it

cdef struct InputFile:
    const char *name             # of the file, not of the member
    int fd
    int64_t offset, filesize     # of the member
    void *handle                 # what the linker knows it by

cdef struct Symbol:
    char *name
    char *version
    unsigned char definition     # LDPK_*; these four were an int once
    unsigned char type           # LDST_*
    unsigned char section_kind
    unsigned char unused
    int visibility
    uint64_t size
    char *comdat_key
    int resolution

cdef union TagValue:
    int number
    const char *text
    void *function

cdef struct Tag:
    int tag
    TagValue value


cdef extern from "dlfcn.h" nogil:
    void *dlopen(const char *path, int flags) noexcept
    void *dlsym(void *library, const char *name) noexcept
    char *dlerror() noexcept
    int RTLD_NOW
