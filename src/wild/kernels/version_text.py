"""The words of a version script, and the tables a script becomes.

Scripts of generated libraries list hundreds of thousands of plain names and a handful of anything else. So
the work is divided: `wild.versions` holds the grammar and asks for one token at a time, and whenever a list
of names may follow it calls `take_names`, which swallows `name; name; …` for as long as nothing but plain or
quoted names comes, and writes a row of 12 bytes for each. Whatever is not that simple (a pattern, a label, a
brace, an error) is left for the grammar. No Python object is made for a plain name.

The lexical rules are those of GNU ld's manual, "VERSION Command", and a little wider where other linkers'
users have come to rely on it: any byte but blanks, control characters and `{};"#` may stand in a word, `:`
only doubled.
"""

import cython
from cython.cimports.libc.stdint import int64_t, uint8_t, uint16_t, uint32_t
from cython.cimports.libc.stdlib import free, malloc, realloc
from cython.cimports.libc.string import memchr
from cython.cimports.wild.kernels.elf import Bytes
from cython.cimports.wild.kernels.glob import GLOB_CXX, GLOB_EXACT, GlobPattern, first_match, glob_match
from cython.cimports.wild.kernels.version_text import NameSpan

# What a byte means to the tokenizer.
WORD = cython.declare(cython.const[uint8_t], 0)
BLANK = cython.declare(cython.const[uint8_t], 1)
END = cython.declare(cython.const[uint8_t], 2)  # ends a word and is a token of its own
WILDCARD = cython.declare(cython.const[uint8_t], 3)
COLON = cython.declare(cython.const[uint8_t], 4)  # doubled, part of a word
SLASH = cython.declare(cython.const[uint8_t], 5)  # before a `*`, a comment

classes = cython.declare(uint8_t[256])


@cython.cfunc
def classify_bytes() -> cython.void:
    for byte in range(32):
        classes[byte] = END
    classes[127] = END
    for byte in b" \t\n\r\f\v":
        classes[byte] = BLANK
    for byte in b'{};"#':
        classes[byte] = END
    for byte in b"*?[\\":
        classes[byte] = WILDCARD
    classes[58] = COLON
    classes[47] = SLASH


classify_bytes()


@cython.final
@cython.cclass
class VersionNames:
    """The exact names of a script: where each stands in `source`, and which version it has."""

    def __cinit__(self, source: bytes):
        if len(source) > 0xFFFFFFFF:
            raise OverflowError("a text of 4 GiB or more")
        self.source = source
        self.text = source

    def __dealloc__(self):
        free(self.names)

    def __len__(self):
        return self.count

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def append(self, offset: int64_t, length: int64_t, version: uint16_t) -> cython.bint:
        """Add a row; False when memory runs out."""
        if self.count == self.room:
            room: int64_t = max(self.room * 2, 64)
            names = cython.cast(cython.pointer[NameSpan], realloc(self.names, room * cython.sizeof(NameSpan)))
            if names is cython.NULL:
                return False
            self.names = names
            self.room = room
        row = cython.address(self.names[self.count])
        row.offset = cython.cast(uint32_t, offset)
        row.length = cython.cast(uint32_t, length)
        row.version = version
        row.flags = 0
        self.count += 1
        return True

    def rows(self) -> list:
        """(name, version) of every row: for tests and reports, not for a link."""
        return [(self.name(i), self.names[i].version) for i in range(self.count)]

    def name(self, index: int64_t) -> bytes:
        if index < 0 or index >= self.count:
            raise IndexError(index)
        row = cython.address(self.names[index])
        return self.text[row.offset : row.offset + row.length]


@cython.final
@cython.cclass
class VersionText:
    """A place in the stretch [begin, end) of a script's text; `take_names` adds to `names`."""

    names: VersionNames
    base: Bytes
    size: int64_t  # where the stretch ends
    at: int64_t
    start: int64_t

    def __cinit__(self, names: VersionNames, begin: int64_t, end: int64_t):
        if not 0 <= begin <= end <= len(names.source):
            raise IndexError("a stretch outside of the text")
        self.names = names
        self.base = names.text
        self.size = end
        self.at = begin

    def offset(self) -> int:
        """Where the token that was read last begins."""
        return self.start

    def next_token(self) -> bytes:
        """One of `{ } ; :`, a word, a quoted string with its quotes; b"" at the end of the text.

        A comment that is never closed comes as b"/*", a quote that is never closed as b'"', and a control
        character as itself.
        """
        self.at = skip_blanks(self, self.at)
        self.start = self.at
        if self.at < self.size:
            self.at = token_end(self, self.at, cython.NULL)
        return self.base[self.start : self.at]

    def back(self):
        """Make the token that was read last the next one again."""
        self.at = self.start

    def take_names(self, version: uint16_t):
        """Take the statements from here on that are just a plain or quoted name, as names of `version`."""
        ok: cython.bint
        with cython.nogil:
            ok = take_names(self, version)
        if not ok:
            raise MemoryError


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def skip_blanks(cursor: VersionText, at: int64_t) -> int64_t:
    """The first place that is neither blank nor in a comment; a comment without end stops it too."""
    base = cursor.base
    size: int64_t = cursor.size
    while at < size:
        byte: uint8_t = base[at]
        if classes[byte] == BLANK:
            at += 1
        elif byte == b"#":
            found = cython.cast(Bytes, memchr(base + at, b"\n", size - at))
            at = size if found is cython.NULL else found - base
        elif byte == b"/" and at + 1 < size and base[at + 1] == b"*":
            end: int64_t = comment_end(base, at + 2, size)
            if not end:
                break
            at = end
        else:
            break
    return at


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def comment_end(base: Bytes, at: int64_t, size: int64_t) -> int64_t:
    """The place behind the next `*/`, 0 if there is none."""
    while at + 1 < size:
        found = cython.cast(Bytes, memchr(base + at, b"*", size - at - 1))
        if found is cython.NULL:
            return 0
        at = found - base + 1
        if base[at] == b"/":
            return at + 1
    return 0


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def token_end(cursor: VersionText, at: int64_t, wildcard: cython.pointer[cython.bint]) -> int64_t:
    """The place behind the token that begins at `at`; `wildcard` is set when it may be a pattern."""
    base = cursor.base
    size: int64_t = cursor.size
    first: uint8_t = base[at]
    if first == b'"':
        closing = cython.cast(Bytes, memchr(base + at + 1, b'"', size - at - 1))
        return at + 1 if closing is cython.NULL else closing - base + 1
    if classes[first] == END:
        return at + 1
    begin: int64_t = at
    while at < size:
        kind: uint8_t = classes[base[at]]
        if kind == WORD:
            at += 1
            continue
        following: uint8_t = base[at + 1] if at + 1 < size else 0
        if kind == WILDCARD:
            if wildcard is not cython.NULL:
                wildcard[0] = True
        elif kind == COLON:
            if following != b":":
                break
            at += 1
        elif kind != SLASH or following == b"*":
            break
        at += 1
    if at > begin:
        return at
    return begin + (2 if first == b"/" else 1)  # a lone colon, or a comment that is never closed


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def take_names(cursor: VersionText, version: uint16_t) -> cython.bint:
    """The loop of VersionText.take_names; False when memory runs out."""
    base = cursor.base
    size: int64_t = cursor.size
    while True:
        start: int64_t = skip_blanks(cursor, cursor.at)
        if start == size:
            return True
        quoted: int64_t = base[start] == b'"'
        kind: uint8_t = classes[base[start]]
        if kind >= COLON or (kind == END and not quoted):
            return True
        wildcard: cython.bint = False
        end: int64_t = token_end(cursor, start, cython.address(wildcard))
        behind: int64_t = end if end < size and base[end] == b";" else skip_blanks(cursor, end)
        if wildcard or behind == size or end - start <= 2 * quoted:
            return True
        if base[behind] != b";" and base[behind] != b"}":
            return True
        if not cursor.names.append(start + quoted, end - start - 2 * quoted, version):
            return False
        cursor.at = behind + (base[behind] == b";")  # the last name may lack its semicolon


@cython.final
@cython.cclass
class PatternTable:
    """Patterns as rows for kernels, in order of precedence."""

    def __cinit__(self, patterns: list):
        """`patterns`: (text: bytes, version: int, flags: int), flags being GLOB_CXX and GLOB_EXACT bits."""
        self.texts = [text for text, _, _ in patterns]
        self.patterns = cython.cast(
            cython.pointer[GlobPattern], malloc((len(patterns) + 1) * cython.sizeof(GlobPattern))
        )
        if self.patterns is cython.NULL:
            raise MemoryError
        for text, version, flags in patterns:
            row = cython.address(self.patterns[self.count])
            row.text = cython.cast(bytes, text)
            row.length = len(text)
            row.version = version
            row.flags = flags
            self.has_cxx = self.has_cxx or (row.flags & GLOB_CXX) != 0
            self.count += 1

    def __dealloc__(self):
        free(self.patterns)

    def __len__(self):
        return self.count

    def first_match(self, name: bytes, demangled: bytes) -> int:
        """The index of the first match, else -1; a name that is not C++ is its own `demangled`."""
        return first_match(self.patterns, self.count, name, len(name), demangled, len(demangled))


def matches(pattern: bytes, name: bytes) -> bool:
    """Does a shell pattern match a whole name?  The rules are in glob.pxd."""
    return glob_match(pattern, len(pattern), name, len(name))


CXX = GLOB_CXX  # for Python
EXACT = GLOB_EXACT
