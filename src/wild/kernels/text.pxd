# Text that a kernel makes: a buffer that grows, and what reports put into it.

from libc.errno cimport EINTR, errno
from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libc.stdlib cimport free, realloc
from libc.string cimport memcpy, memset, strlen
from posix.unistd cimport write

from wild.kernels.elf cimport Elf64_Shdr
from wild.kernels.mapping cimport MapRow
from wild.kernels.tables cimport FILE_MEMBER, FileRow, Files

ctypedef char *(*Demangle)(const char *name, char *buffer, size_t *size, int *status) noexcept nogil

cdef struct Text:
    char *start
    uint64_t size, room
    bint failed                  # memory was exhausted: the text is cut short

cdef struct Namer:               # where the names of files are, and how names of C++ are shown
    Files *files
    MapRow *maps
    const char *members          # Inputs.names
    Demangle demangle            # NULL: as they are

cdef inline bint reserve(Text *text, uint64_t size) noexcept nogil:
    """Is there room for so many more bytes?"""
    cdef uint64_t room
    cdef void *grown
    if text.room - text.size >= size:
        return True
    room = 2 * (text.room + size) + 4096
    grown = realloc(text.start, room)
    if grown == NULL:
        text.failed = True
        return False
    text.start = <char *> grown
    text.room = room
    return True

cdef inline void put(Text *text, const void *data, uint64_t size) noexcept nogil:
    if reserve(text, size):
        memcpy(text.start + text.size, data, size)
        text.size += size

cdef inline void put_string(Text *text, const char *string) noexcept nogil:
    put(text, string, strlen(string))

cdef inline void put_spaces(Text *text, uint64_t count) noexcept nogil:
    if reserve(text, count):
        memset(text.start + text.size, 32, count)
        text.size += count

cdef inline void put_number(Text *text, uint64_t value, int base, uint64_t width) noexcept nogil:
    """Right-aligned, at least `width` wide."""
    cdef char digits[64]
    cdef int at = 64
    while True:
        at -= 1
        digits[at] = b"0123456789abcdef"[value % <uint64_t> base]
        value //= <uint64_t> base
        if value == 0:
            break
    if <uint64_t> (64 - at) < width:
        put_spaces(text, width - (64 - at))
    put(text, digits + at, 64 - at)

cdef inline void put_address(Text *text, uint64_t value) noexcept nogil:
    """`0x` and 16 hexadecimal digits."""
    cdef char digits[18]
    cdef int at
    digits[0] = 48
    digits[1] = 120
    for at in range(16):
        digits[17 - at] = b"0123456789abcdef"[(value >> (4 * at)) & 15]
    put(text, digits, 18)

cdef inline void put_file(Text *text, const Namer *namer, uint32_t file) noexcept nogil:
    """`path`, or `archive(member)`."""
    cdef const FileRow *row = &namer.files.row[file]
    if file == 0:
        put_string(text, b"<internal>")
        return
    put_string(text, namer.maps[row.path].path)
    if row.flags & FILE_MEMBER:
        put(text, b"(", 1)
        put(text, namer.members + row.name_offset, row.name_length)
        put(text, b")", 1)

cdef inline void put_section(Text *text, const Namer *namer, uint32_t file, uint32_t index) noexcept nogil:
    """`main.o:(.text.f)`; the section's index has been checked."""
    cdef const FileRow *row = &namer.files.row[file]
    cdef const Elf64_Shdr *shdr = (<const Elf64_Shdr *> (namer.files.base[file] + row.shoff)) + index
    put_file(text, namer, file)
    put(text, b":(", 2)
    if shdr.sh_name < row.shstrsize:
        put_string(text, <const char *> (namer.files.base[file] + row.shstroff + shdr.sh_name))
    put(text, b")", 1)

cdef inline void put_symbol(Text *text, const Namer *namer, const char *name) noexcept nogil:
    """A name that ends in NUL, demangled if it is one of C++ and the reader wants that."""
    cdef char *plain = NULL
    cdef int status = 0
    if namer.demangle != NULL and name[0] == 95 and name[1] == 90:
        plain = namer.demangle(name, NULL, NULL, &status)
    put_string(text, <const char *> plain if plain != NULL else name)
    free(plain)

cdef inline int write_text(int descriptor, const char *data, uint64_t size) except -1:
    """write(2) until all is written; raises OSError."""
    cdef int64_t done
    while size:
        done = write(descriptor, data, size)
        if done < 0 and errno != EINTR:
            raise OSError(errno, "cannot be written")
        if done > 0:
            data += done
            size -= done
    return 0
