"""The words of a response file.

The rules are those of GNU ld's manual (option `@file`): words are separated by white space; single or double
quotes keep white space in a word; a backslash stands before any character, inside quotes too, that is meant
literally.  Quotes may begin and end inside a word, and a quote that is left open ends with the file.

Nearly every word is free of quotes and backslashes and is made into a `str` straight from the text.  Any
other is copied into a buffer without them first.
"""

import cython
from cython.cimports.cpython.list import PyList_Append
from cython.cimports.libc.stdint import int64_t, uint8_t
from cython.cimports.libc.stdlib import free, malloc
from cython.cimports.wild.kernels.elf import Bytes
from cython.cimports.wild.kernels.tokens import PyUnicode_DecodeFSDefaultAndSize

# What a byte means here.
PLAIN = cython.declare(cython.const[uint8_t], 0)
BLANK = cython.declare(cython.const[uint8_t], 1)
SPECIAL = cython.declare(cython.const[uint8_t], 2)  # a quote or a backslash

BACKSLASH = cython.declare(cython.const[uint8_t], 0x5C)

classes = cython.declare(uint8_t[256])


@cython.cfunc
def classify_bytes() -> cython.void:
    for byte in b" \t\n\v\f\r":
        classes[byte] = BLANK
    for byte in b"'\"\\":
        classes[byte] = SPECIAL


classify_bytes()


def split(text: bytes) -> list:
    """Return the words of a response file as `sys.argv` would have them: bytes that are no text survive."""
    words: list = []
    data: Bytes = text
    size: int64_t = len(text)
    begin: int64_t = 0
    end: int64_t
    buffer = cython.cast(cython.pointer[uint8_t], malloc(size + 1))
    if buffer is cython.NULL:
        raise MemoryError
    try:
        while True:
            while begin < size and classes[data[begin]] == BLANK:
                begin += 1
            if begin == size:
                return words
            end = begin
            while end < size and classes[data[end]] == PLAIN:
                end += 1
            if end < size and classes[data[end]] == SPECIAL:
                begin += append_quoted(words, data + begin, size - begin, buffer)
            else:
                append(words, data + begin, end - begin)
                begin = end
    finally:
        free(buffer)


@cython.cfunc
@cython.inline
@cython.exceptval(-1)
def append(words: list, data: Bytes, size: int64_t) -> cython.int:
    chars = cython.cast(cython.p_const_char, data)
    return PyList_Append(words, PyUnicode_DecodeFSDefaultAndSize(chars, size))


@cython.cfunc
@cython.exceptval(-1)
def append_quoted(words: list, data: Bytes, size: int64_t, buffer: cython.pointer[uint8_t]) -> int64_t:
    """Append the word at `data` without its quotes and backslashes; return its length with them."""
    quote: uint8_t = 0
    kept: int64_t = 0
    at: int64_t = 0
    while at < size:
        byte: uint8_t = data[at]
        if byte == BACKSLASH:
            at += 1
            if at < size:
                buffer[kept] = data[at]
                kept += 1
        elif quote:
            if byte == quote:
                quote = 0
            else:
                buffer[kept] = byte
                kept += 1
        elif classes[byte] == SPECIAL:
            quote = byte
        elif classes[byte] == BLANK:
            break
        else:
            buffer[kept] = byte
            kept += 1
        at += 1
    append(words, buffer, kept)
    return min(at, size)
