"""Loading a plugin, and the functions that it may call; each finds the plugin it is called for by `current`."""

import cython
from cython.cimports.cpython.bytes import PyBytes_AsString
from cython.cimports.libc.stdint import uint64_t
from cython.cimports.libc.stdlib import malloc
from cython.cimports.libc.string import memset, strlen
from cython.cimports.wild.kernels.maps import PyUnicode_EncodeFSDefault, decode
from cython.cimports.wild.kernels.plugin import CharPointers, Plugin, current, keep_failure, message_function
from cython.cimports.wild.kernels.plugin_api import *

from wild.errors import LinkError

GNU_LD_VERSION = cython.declare(
    cython.const[cython.int], 242
)  # the release of GNU ld whose interface this is
FUNCTIONS = cython.declare(cython.const[cython.int], 32)  # room in the transfer vector beside the options


def load(plugin: Plugin, options: list, output: bytes, kind: int) -> None:
    """Load the library and let it register; `kind` is 0 for -r, then executable, shared object, PIE.

    Raises LinkError if it is no plugin, or cannot be loaded.
    """
    path: bytes = PyUnicode_EncodeFSDefault(plugin.path)
    library = dlopen(path, RTLD_NOW)
    if library is cython.NULL:
        reason: bytes = dlerror()
        raise LinkError(f"{plugin.path}: cannot load the plugin: {reason.decode('utf-8', 'replace')}")
    entry = dlsym(library, b"onload")
    if entry is cython.NULL:
        raise LinkError(f"{plugin.path}: is no linker plugin: it has no function onload")
    # The vector is never freed: plugins keep pointers into it.
    count: uint64_t = len(options) + FUNCTIONS
    vector = cython.cast(cython.pointer[Tag], malloc(count * cython.sizeof(Tag)))
    if vector is cython.NULL:
        raise MemoryError
    memset(vector, 0, count * cython.sizeof(Tag))
    at: cython.int = fill_functions(vector)
    at = add_number(vector, at, LDPT_API_VERSION, 1)
    at = add_number(vector, at, LDPT_GNU_LD_VERSION, GNU_LD_VERSION)
    at = add_number(vector, at, LDPT_LINKER_OUTPUT, kind)
    at = add_text(plugin, vector, at, LDPT_OUTPUT_NAME, output)
    for option in options:
        at = add_text(plugin, vector, at, LDPT_OPTION, option)
    plugin.call(entry, 1, vector, cython.NULL, 0, "loading it")


@cython.cfunc
@cython.exceptval(check=False)
def add_text(
    plugin: Plugin, vector: cython.pointer[Tag], at: cython.int, tag: cython.int, text: bytes
) -> cython.int:
    plugin.kept.append(text)
    vector[at].tag = tag
    vector[at].value.text = PyBytes_AsString(text)
    return at + 1


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def add_number(
    vector: cython.pointer[Tag], at: cython.int, tag: cython.int, number: cython.int
) -> cython.int:
    vector[at].tag = tag
    vector[at].value.number = number
    return at + 1


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def add(vector: cython.pointer[Tag], at: cython.int, tag: cython.int, function: cython.p_void) -> cython.int:
    vector[at].tag = tag
    vector[at].value.function = function
    return at + 1


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def fill_functions(vector: cython.pointer[Tag]) -> cython.int:
    """The tags that are functions, and how many they are."""
    at: cython.int = add(vector, 0, LDPT_MESSAGE, message_function())
    at = add(vector, at, LDPT_REGISTER_CLAIM_FILE_HOOK, cython.cast(cython.p_void, register_claim))
    at = add(vector, at, LDPT_REGISTER_CLAIM_FILE_HOOK_V2, cython.cast(cython.p_void, register_claim_v2))
    at = add(vector, at, LDPT_REGISTER_ALL_SYMBOLS_READ_HOOK, cython.cast(cython.p_void, register_all_read))
    at = add(vector, at, LDPT_REGISTER_CLEANUP_HOOK, cython.cast(cython.p_void, register_cleanup))
    at = add(vector, at, LDPT_ADD_SYMBOLS, cython.cast(cython.p_void, add_symbols))
    at = add(vector, at, LDPT_ADD_SYMBOLS_V2, cython.cast(cython.p_void, add_symbols))
    at = add(vector, at, LDPT_GET_SYMBOLS, cython.cast(cython.p_void, get_symbols))
    at = add(vector, at, LDPT_GET_SYMBOLS_V2, cython.cast(cython.p_void, get_symbols_v2))
    at = add(vector, at, LDPT_GET_SYMBOLS_V3, cython.cast(cython.p_void, get_symbols_v3))
    at = add(vector, at, LDPT_ADD_INPUT_FILE, cython.cast(cython.p_void, add_input_file))
    at = add(vector, at, LDPT_ADD_INPUT_LIBRARY, cython.cast(cython.p_void, add_input_library))
    at = add(vector, at, LDPT_SET_EXTRA_LIBRARY_PATH, cython.cast(cython.p_void, add_library_path))
    at = add(vector, at, LDPT_GET_INPUT_FILE, cython.cast(cython.p_void, get_input_file))
    at = add(vector, at, LDPT_RELEASE_INPUT_FILE, cython.cast(cython.p_void, release_input_file))
    at = add(vector, at, LDPT_GET_VIEW, cython.cast(cython.p_void, get_view))
    at = add(vector, at, LDPT_GET_WRAP_SYMBOLS, cython.cast(cython.p_void, get_wrap_symbols))
    at = add(vector, at, LDPT_GET_API_VERSION, cython.cast(cython.p_void, get_api_version))
    return at


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def register_claim(hook: cython.p_void) -> cython.int:
    with cython.gil:
        current().on_claim = hook
        return LDPS_OK


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def register_claim_v2(hook: cython.p_void) -> cython.int:
    with cython.gil:
        current().on_claim = hook
        current().claims_v2 = True
        return LDPS_OK


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def register_all_read(hook: cython.p_void) -> cython.int:
    with cython.gil:
        current().on_all_read = hook
        return LDPS_OK


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def register_cleanup(hook: cython.p_void) -> cython.int:
    with cython.gil:
        current().on_cleanup = hook
        return LDPS_OK


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def add_symbols(
    handle: cython.p_void, count: cython.int, symbols: cython.pointer[cython.const[Symbol]]
) -> cython.int:
    with cython.gil:
        try:
            return current().add_symbols(handle, count, symbols)
        except BaseException as error:
            return keep_failure(error)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def get_symbols(handle: cython.p_void, count: cython.int, symbols: cython.pointer[Symbol]) -> cython.int:
    with cython.gil:
        try:
            return current().get_symbols(handle, count, symbols, 1)
        except BaseException as error:
            return keep_failure(error)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def get_symbols_v2(handle: cython.p_void, count: cython.int, symbols: cython.pointer[Symbol]) -> cython.int:
    with cython.gil:
        try:
            return current().get_symbols(handle, count, symbols, 2)
        except BaseException as error:
            return keep_failure(error)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def get_symbols_v3(handle: cython.p_void, count: cython.int, symbols: cython.pointer[Symbol]) -> cython.int:
    with cython.gil:
        try:
            return current().get_symbols(handle, count, symbols, 3)
        except BaseException as error:
            return keep_failure(error)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def add_input_file(path: cython.p_const_char) -> cython.int:
    with cython.gil:
        try:
            return keep(current().added_files, path)
        except BaseException as error:
            return keep_failure(error)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def add_input_library(path: cython.p_const_char) -> cython.int:
    with cython.gil:
        try:
            return keep(current().added_libraries, path)
        except BaseException as error:
            return keep_failure(error)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def add_library_path(path: cython.p_const_char) -> cython.int:
    with cython.gil:
        try:
            return keep(current().library_paths, path)
        except BaseException as error:
            return keep_failure(error)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def get_input_file(handle: cython.p_void, file: cython.pointer[InputFile]) -> cython.int:
    with cython.gil:
        try:
            return current().get_input_file(handle, file)
        except BaseException as error:
            return keep_failure(error)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def release_input_file(handle: cython.p_void) -> cython.int:
    with cython.gil:
        try:
            return current().release_input_file(handle)
        except BaseException as error:
            return keep_failure(error)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def get_view(handle: cython.p_void, view: cython.pointer[cython.p_void]) -> cython.int:
    with cython.gil:
        try:
            return current().get_view(handle, view)
        except BaseException as error:
            return keep_failure(error)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def get_wrap_symbols(count: cython.pointer[uint64_t], names: cython.pointer[CharPointers]) -> cython.int:
    with cython.gil:
        try:
            return current().get_wraps(count, names)
        except BaseException as error:
            return keep_failure(error)


@cython.cfunc
@cython.exceptval(-1, check=False)
def keep(texts: list, text: cython.p_const_char) -> cython.int:
    if text is cython.NULL:
        return LDPS_ERR
    texts.append(decode(text, strlen(text)))
    return LDPS_OK


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def get_api_version(
    identifier: cython.p_const_char,
    version: cython.p_const_char,
    lowest: cython.int,
    highest: cython.int,
    own_identifier: CharPointers,
    own_version: CharPointers,
) -> cython.int:
    """The highest level of the contract that both sides keep: 1, as callbacks may come from any thread."""
    own_identifier[0] = b"wild"
    own_version[0] = b"1"
    return min(max(lowest, 1), highest)
