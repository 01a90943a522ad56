"""--build-id in all its forms, and where the note stands."""

from __future__ import annotations

import hashlib

import pytest
from elf import PT_NOTE
from programs import compile_c

MAIN = "int main(void) { return 42; }"


def build_id(program) -> bytes | None:
    if ".note.gnu.build-id" not in program.sections:
        return None
    (note,) = program.notes(".note.gnu.build-id")
    assert (note.name, note.type) == ("GNU", 3)
    return note.description


SEPARATED = pytest.param("0xAB-CD:ef-01", 4, marks=pytest.mark.unlike("lld", reason="takes digits only"))


@pytest.mark.parametrize(
    ("kind", "size"), [("sha1", 20), ("md5", 16), ("uuid", 16), ("0x0123456789abcdef", 8), SEPARATED]
)
def test_size_of_each_kind(link, kind, size):
    assert len(build_id(link(compile_c(MAIN), f"-Wl,--build-id={kind}"))) == size


def test_hexadecimal_is_taken_as_given(link):
    assert build_id(link(compile_c(MAIN), "-Wl,--build-id=0x0123456789ABCDEF")).hex() == "0123456789abcdef"


def test_none_makes_no_note(link):
    assert build_id(link(compile_c(MAIN), "-Wl,--build-id=none")) is None


def test_last_option_wins(link):
    assert len(build_id(link(compile_c(MAIN), "-Wl,--build-id=none,--build-id=md5"))) == 16
    assert build_id(link(compile_c(MAIN), "-Wl,--build-id=md5,--build-id=none")) is None


def test_no_note_unless_asked(link):
    assert build_id(link.raw(compile_c("void _start(void) {}", "-fno-pie"))) is None


@pytest.mark.parametrize("form", ["--build-id", "--build-id=sha1", "--build-id=md5"])
def test_equal_links_have_equal_ids(link, form):
    one = link(compile_c(MAIN), f"-Wl,{form}", output="one")
    two = link(compile_c(MAIN), f"-Wl,{form}", output="two")

    assert build_id(one) == build_id(two)
    assert one.data == two.data


@pytest.mark.parametrize("form", ["--build-id", "--build-id=sha1", "--build-id=md5"])
def test_one_changed_byte_changes_the_id(link, form):
    one = link(compile_c(MAIN), f"-Wl,{form}")
    two = link(compile_c(MAIN.replace("42", "43")), f"-Wl,{form}")

    assert build_id(one) != build_id(two)


def test_uuid_is_random(link):
    ids = [build_id(link(compile_c(MAIN), "-Wl,--build-id=uuid")) for _ in range(2)]

    assert ids[0] != ids[1]


@pytest.mark.unlike("ld", reason="leaves the symbol names out")
def test_id_covers_what_stands_after_the_note(link):
    """A difference in the data or the symbol names at the end of the file counts as well."""
    one, two = (link(compile_c(f"int {name} = 1; {MAIN}"), "-Wl,--build-id") for name in ("first", "other"))

    assert build_id(one) != build_id(two)


def test_id_is_never_the_hash_of_nothing(link):
    digest = build_id(link(compile_c(MAIN), "-Wl,--build-id=sha1"))

    assert digest != hashlib.sha1(b"").digest()
    assert digest != bytes(20)


def test_note_is_mapped_near_the_start(link):
    """Tools read the id from the first page of a core file."""
    program = link(compile_c(MAIN), "-Wl,--build-id")

    section = program.sections[".note.gnu.build-id"]
    assert section.offset < 4096
    assert any(
        seg.offset <= section.offset < seg.offset + seg.file_size for seg in program.segments_of(PT_NOTE)
    )


@pytest.mark.unlike("ld", reason="warns")
def test_unknown_kind_is_an_error(link):
    assert "build-id" in link.fails(compile_c(MAIN), "-Wl,--build-id=bogus")
