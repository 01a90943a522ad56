"""Response files: how a text becomes arguments, and what nesting may do."""

from __future__ import annotations

import os
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wild.errors import LinkError
from wild.kernels.tokens import split
from wild.options import parse
from wild.response import expand


def split_naively(text: bytes) -> list[str]:
    """The twin of the kernel: one state machine over bytes."""
    words: list[bytes] = []
    word: bytes | None = None
    quote = escaped = b""
    for byte in (text[index : index + 1] for index in range(len(text))):
        if not quote and not escaped and byte in b" \t\n\v\f\r":
            words += [] if word is None else [word]
            word = None
            continue
        word = word or b""
        if escaped:
            word, escaped = word + byte, b""
        elif byte == b"\\":
            escaped = byte
        elif byte == quote:
            quote = b""
        elif not quote and byte in b"'\"":
            quote = byte
        else:
            word += byte
    words += [] if word is None else [word]
    return [os.fsdecode(each) for each in words]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (b"", []),
        (b" \t\r\n\v\f", []),
        (b"a b\nc\td\ve\ff\rg", ["a", "b", "c", "d", "e", "f", "g"]),
        (b"'a b' \"c d\"", ["a b", "c d"]),
        (b"a' 'b\"c'd\"", ["a bc'd"]),
        (b'\'\' "" x""y', ["", "", "xy"]),
        (b'a\\ b \\"c\\"', ["a b", '"c"']),
        (b'\'a\\\'b\' "a\\"b" "a\\nb"', ["a'b", 'a"b', "anb"]),
        (b"'open to the end ", ["open to the end "]),
        (b"end\\", ["end"]),
        (b"\\", [""]),
        (b"caf\xc3\xa9 \xff\xfe", ["café", "\udcff\udcfe"]),
        (b"'\xff\xc3\xa9'", ["\udcffé"]),
    ],
)
def test_words(text, expected):
    assert split(text) == expected
    assert split_naively(text) == expected


@given(st.lists(st.sampled_from([bytes([byte]) for byte in b" \n\t\\'\"abc-=\xc3\xa9\xff\x00"]), max_size=40))
def test_the_kernel_equals_its_twin(pieces):
    text = b"".join(pieces)

    assert split(text) == split_naively(text)


@given(st.lists(st.text(st.characters(blacklist_characters="\0", blacklist_categories=["Cs"]))))
def test_a_quoted_word_comes_back(words):
    text = " ".join('"' + word.replace("\\", "\\\\").replace('"', '\\"') + '"' for word in words)

    assert split(text.encode()) == words


def test_files_may_name_files(tmp_path):
    (tmp_path / "inner").write_text("b -lc")
    (tmp_path / "outer").write_text(f"a @{tmp_path}/inner d")

    assert expand(["x", f"@{tmp_path}/outer", f"@{tmp_path}/inner", "y"]) == [
        "x", "a", "b", "-lc", "d", "b", "-lc", "y",
    ]  # fmt: skip


@pytest.mark.parametrize("name", ["a\0b", "\ud800"])
def test_a_name_that_no_file_can_have_leaves_the_argument_as_it_is(name):
    assert expand([f"@{name}"]) == [f"@{name}"]


def test_a_missing_file_leaves_the_argument_as_it_is(tmp_path):
    (tmp_path / "names").write_text("@no-such-file @")

    assert parse(["@no-such-file", f"@{tmp_path}/names"], {}).inputs == [
        "@no-such-file",
        "@no-such-file",
        "@",
    ]


def test_an_option_and_its_argument_may_stand_apart(tmp_path):
    (tmp_path / "half").write_text("a.o -o")
    (tmp_path / "name").write_text("out b.o")

    first = parse([f"@{tmp_path}/half", "out", "b.o"], {})
    second = parse(["a.o", "-o", f"@{tmp_path}/name"], {})

    assert (first.output, first.inputs) == ("out", ["a.o", "b.o"])
    assert (second.output, second.inputs) == ("out", ["a.o", "b.o"])


def test_a_file_after_two_dashes_is_read_too(tmp_path):
    (tmp_path / "names").write_text("-a.o b.o")

    assert parse(["--", f"@{tmp_path}/names"], {}).inputs == ["-a.o", "b.o"]
    assert parse(["@no-such-file", "--", "-c"], {}).inputs == ["@no-such-file", "-c"]


def test_a_name_with_an_at_sign_inside_is_a_name(tmp_path):
    (tmp_path / "names").write_text("lib@2.o @{} x".format(tmp_path / "inner"))
    (tmp_path / "inner").write_text("in@ner.o")

    assert parse([f"@{tmp_path}/names"], {}).inputs == ["lib@2.o", "in@ner.o", "x"]


def test_a_pipe_can_be_read():
    reading, writing = os.pipe()
    os.write(writing, b"a.o b.o")
    os.close(writing)

    assert expand([f"@/dev/fd/{reading}"]) == ["a.o", "b.o"]
    os.close(reading)


def error_of(argument: str) -> str:
    with pytest.raises(LinkError) as caught:
        parse([argument], {})
    return str(caught.value)


def test_a_cycle_is_an_error(tmp_path):
    one, two = tmp_path / "one", tmp_path / "two"
    one.write_text(f"a @{two}")
    two.write_text(f"b @{one}")

    assert error_of(f"@{one}") == f"@{one}: names itself: {one} -> {two} -> {one}"


def test_a_cycle_through_another_name_is_an_error(tmp_path):
    (tmp_path / "one").write_text(f"@{tmp_path}/alias")
    (tmp_path / "alias").symlink_to(tmp_path / "one")

    assert "names itself" in error_of(f"@{tmp_path}/one")


def test_files_that_multiply_are_stopped(tmp_path):
    for depth in range(12):
        (tmp_path / str(depth)).write_text(f"@{tmp_path}/{depth + 1} " * 3)
    (tmp_path / "12").write_text("a.o")

    assert error_of(f"@{tmp_path}/0").endswith("more than 2000 response files")


def test_a_directory_is_an_error(tmp_path):
    assert error_of(f"@{tmp_path}") == f"@{tmp_path}: Is a directory"


def test_a_nul_byte_is_an_error(tmp_path):
    (tmp_path / "wide").write_bytes("a.o".encode("utf-16-le"))

    assert error_of(f"@{tmp_path}/wide") == (
        f"@{tmp_path}/wide: holds a NUL byte at offset 1; a response file is text"
    )


@pytest.mark.parametrize("quote", ["", '"'])
def test_ten_megabytes_are_read_at_once(tmp_path, quote):
    names = [f"build/objects/of/some/directory/name_{number:08}_that_is_long.o" for number in range(165_000)]
    (tmp_path / "big").write_text("\n".join(f"{quote}{name}{quote}" for name in names))
    assert (tmp_path / "big").stat().st_size > 10_000_000

    start = time.perf_counter()
    options = parse([f"@{tmp_path}/big"], {})
    elapsed = time.perf_counter() - start

    assert options.inputs == names
    assert elapsed < 0.2  # 0.03 s on a plain machine
