"""A compiler's plugin, loaded into this process: what it calls, and how it is called.

The interface knows no context: a plugin gets plain functions, so the plugin that is being called is kept in
`ACTIVE`.  Files are known to plugins by handles; a handle is a FileId as a pointer, which is never null,
since FileId 0 is the linker's own file.

Callbacks come from whatever thread the plugin likes (LLVM reports from its code generators), but only while
it is being called; each takes the interpreter lock, which serialises them.  No exception can pass through the
plugin: it is kept in `failure`, the callback returns an error, and `call` raises when the plugin has
returned.  After a fatal message control does not return to the plugin at all (plugin_api.pxd).
"""

import posix

import cython
from cython.cimports.cpython.bytes import PyBytes_AsString
from cython.cimports.libc.stddef import size_t
from cython.cimports.libc.stdint import int64_t, uint32_t, uint64_t
from cython.cimports.libc.stdlib import malloc
from cython.cimports.wild.kernels.elf import MutableBytes
from cython.cimports.wild.kernels.files import Inputs
from cython.cimports.wild.kernels.ir_files import stand_in_for
from cython.cimports.wild.kernels.ir_symbols import IrSymbols
from cython.cimports.wild.kernels.maps import PyUnicode_EncodeFSDefault
from cython.cimports.wild.kernels.plugin import CharPointers
from cython.cimports.wild.kernels.plugin_api import *
from cython.cimports.wild.kernels.plugin_escape import call_plugin, hear_messages, plugin_message
from cython.cimports.wild.kernels.stand_ins import make_stand_in
from cython.cimports.wild.kernels.tables import FILE_LAZY

from wild.errors import LinkError

INFO = LDPL_INFO
WARNING = LDPL_WARNING
ERROR = LDPL_ERROR
FATAL = LDPL_FATAL

ACTIVE = [None]  # the plugin that is being called


@cython.final
@cython.cclass
class Plugin:
    """One plugin: load it (plugin_calls.py), `claim` files, then let it make objects by `all_symbols_read`; `clean_up`.

    `messages`: (level, text) as it gave them, which the caller takes away; `added_files`, `added_libraries`
    and `library_paths`: what it wants linked.
    """

    def __cinit__(self, inputs: Inputs, path: str, wraps: list):
        self.inputs = inputs
        self.path = path
        self.wraps = wraps
        self.messages = []
        self.added_files = []
        self.added_libraries = []
        self.library_paths = []
        self.descriptors = {}
        self.claimed = {}
        self.claiming = 0
        self.kept = []

    @cython.cfunc
    @cython.exceptval(-1, check=False)
    def call(
        self,
        function: cython.p_void,
        arguments: cython.int,
        first: cython.p_void,
        second: cython.pointer[cython.int],
        third: cython.int,
        what: str,
    ) -> cython.int:
        """Call into the plugin; raises what went wrong in its callbacks, and LinkError for a status of failure."""
        ACTIVE[0] = self
        status: cython.int
        with cython.nogil:
            status = call_plugin(function, arguments, first, second, third)
        failure = self.failure
        if failure is not None:
            self.failure = None
            if not isinstance(failure, LinkError):
                raise failure
            self.messages.append((ERROR, str(failure)))
        if status != LDPS_OK and not self.has_failed():  # a fatal message has its text
            self.messages.append((ERROR, f"{what} failed"))
        return 0

    def has_failed(self) -> bool:
        """Is there an error among the messages?"""
        for level, _ in self.messages:
            if level >= ERROR:
                return True
        return False

    def claim(self, file: int64_t, path: str) -> bool:
        """Offer a file; returns whether the plugin takes it, and then an object stands in for it.

        `path` is the file that holds it, an archive if it is a member.
        """
        self.inputs.check_file(file)
        row = cython.address(self.inputs.view.row[file])
        if self.on_claim is cython.NULL:
            return False
        name: bytes = self.keep_path(path)
        offered = cython.declare(InputFile)
        offered.name = PyBytes_AsString(name)
        offered.offset = row.offset
        offered.filesize = row.size
        offered.handle = cython.cast(cython.p_void, cython.cast(size_t, file))
        claimed: cython.int = 0
        known_used: cython.int = row.flags & FILE_LAZY == 0
        self.claiming = file
        offered.fd = posix.open(name, posix.O_RDONLY | posix.O_CLOEXEC)
        try:
            self.call(
                self.on_claim,
                3 if self.claims_v2 else 2,
                cython.address(offered),
                cython.address(claimed),
                known_used,
                "reading it",
            )
        finally:
            posix.close(offered.fd)
            self.claiming = 0
        if not claimed or self.has_failed():
            return False
        if file not in self.claimed:
            self.add_symbols(offered.handle, 0, cython.NULL)  # it has none
        return True

    @cython.cfunc
    def keep_path(self, path: str) -> bytes:
        """The path's bytes, which live as long as the plugin."""
        name: bytes = PyUnicode_EncodeFSDefault(path)
        self.kept.append(name)
        return name

    def files(self) -> list:
        """FileIds of what it has claimed."""
        return list(self.claimed)

    def all_symbols_read(self, symbols: IrSymbols) -> None:
        """Let the plugin ask how symbols were resolved, compile, and add files and libraries."""
        self.symbols = symbols
        if self.on_all_read is not cython.NULL:
            self.call(self.on_all_read, 0, cython.NULL, cython.NULL, 0, "compiling")

    def clean_up(self) -> None:
        """Let the plugin remove its temporary files; once."""
        hook = self.on_cleanup
        self.on_cleanup = cython.NULL
        for descriptor in self.descriptors.values():
            posix.close(descriptor)
        self.descriptors = {}
        if hook is not cython.NULL:
            self.call(hook, 0, cython.NULL, cython.NULL, 0, "cleaning up")

    # -- what the callbacks do; LDPS_* is returned

    @cython.cfunc
    @cython.exceptval(-1, check=False)
    def add_symbols(
        self, handle: cython.p_void, count: cython.int, symbols: cython.pointer[cython.const[Symbol]]
    ) -> cython.int:
        file: int64_t = file_of(handle)
        if file != self.claiming or file == 0 or count < 0:
            return LDPS_BAD_HANDLE
        if file in self.claimed:
            return LDPS_ERR
        base: MutableBytes = cython.NULL
        size: uint64_t = 0
        make_stand_in(self.inputs.arena, symbols, count, cython.address(base), cython.address(size))
        self.claimed[file] = self.inputs.view.row[file].size
        stand_in_for(self.inputs, file, base, size)
        return LDPS_OK

    @cython.cfunc
    @cython.exceptval(-1, check=False)
    def get_symbols(
        self, handle: cython.p_void, count: cython.int, symbols: cython.pointer[Symbol], version: cython.int
    ) -> cython.int:
        file: int64_t = file_of(handle)
        if file not in self.claimed:
            return LDPS_BAD_HANDLE
        if self.symbols is None:
            return LDPS_NO_SYMS
        return self.symbols.answer(cython.cast(uint32_t, file), symbols, count, version)

    @cython.cfunc
    @cython.exceptval(-1, check=False)
    def get_input_file(self, handle: cython.p_void, file: cython.pointer[InputFile]) -> cython.int:
        id: int64_t = file_of(handle)
        if id not in self.claimed:
            return LDPS_BAD_HANDLE
        row = cython.address(self.inputs.view.row[id])
        name: bytes = self.keep_path(self.inputs.paths[row.map])
        if id not in self.descriptors:
            self.descriptors[id] = posix.open(name, posix.O_RDONLY | posix.O_CLOEXEC)
        file.name = PyBytes_AsString(name)
        file.fd = self.descriptors[id]
        file.offset = row.offset
        file.filesize = self.claimed[id]
        file.handle = handle
        return LDPS_OK

    @cython.cfunc
    @cython.exceptval(-1, check=False)
    def release_input_file(self, handle: cython.p_void) -> cython.int:
        descriptor = self.descriptors.pop(file_of(handle), None)
        if descriptor is not None:
            posix.close(descriptor)
        return LDPS_OK if file_of(handle) in self.claimed else LDPS_BAD_HANDLE

    @cython.cfunc
    @cython.exceptval(-1, check=False)
    def get_view(self, handle: cython.p_void, view: cython.pointer[cython.p_void]) -> cython.int:
        file: int64_t = file_of(handle)
        if file == 0 or (file != self.claiming and file not in self.claimed):
            return LDPS_BAD_HANDLE
        row = cython.address(self.inputs.view.row[file])
        view[0] = cython.cast(cython.p_void, self.inputs.maps[row.map].base + row.offset)
        return LDPS_OK

    @cython.cfunc
    @cython.exceptval(-1, check=False)
    def get_wraps(self, count: cython.pointer[uint64_t], names: cython.pointer[CharPointers]) -> cython.int:
        size: uint64_t = len(self.wraps)
        found = cython.cast(CharPointers, malloc((size + 1) * cython.sizeof(CharPointers)))
        if found is cython.NULL:
            return LDPS_ERR
        i: uint64_t
        for i in range(size):
            found[i] = PyBytes_AsString(self.wraps[i])
        count[0] = size
        names[0] = found
        return LDPS_OK


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def file_of(handle: cython.p_void) -> int64_t:
    return cython.cast(int64_t, cython.cast(size_t, handle))


@cython.cfunc
def current() -> Plugin:
    return ACTIVE[0]


@cython.cfunc
@cython.exceptval(check=False)
def keep_failure(failure: object) -> cython.int:
    """Keep an exception for `call`; the callback's status."""
    if current().failure is None:
        current().failure = failure
    return LDPS_ERR


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def message_function() -> cython.p_void:
    """What plugins are to call with messages."""
    hear_messages(on_message)
    return plugin_message


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def on_message(level: cython.int, text: cython.p_const_char) -> cython.void:
    with cython.gil:
        try:
            current().messages.append((level, text.decode("utf-8", "replace")))
        except BaseException as error:
            keep_failure(error)
