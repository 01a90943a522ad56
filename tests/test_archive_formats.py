"""Archives as different tools write them: GNU, thin, BSD, with and without an index, with members of any
kind.
"""

from __future__ import annotations

import subprocess

import pytest
from programs import archive, assemble, bsd_archive, compile_c, thin_archive

F = "int f(void) { return 42; }"
CALL_F = "int f(void); int main(void) { return f(); }"
LONG = "a_member_name_longer_than_the_sixteen_bytes_of_a_header"


def test_long_member_names(link):
    link(compile_c(CALL_F), archive({f"{LONG}.o": compile_c(F, name="f")})).run(status=42)


def test_long_member_name_is_shown_whole_in_errors(link):
    member = compile_c("int g(void); int f(void) { return g(); }", name="f")

    assert f"{LONG}.o" in link.fails(compile_c(CALL_F), archive({f"{LONG}.o": member}))


def test_member_at_two_byte_alignment(link):
    """Members are aligned to 2 only; a reader that casts to 8-byte structs reads them wrong or crashes."""
    note = link.directory / "note.txt"
    note.write_bytes(b"four")
    library = archive({"note.txt": note, "f.o": compile_c(F, name="f")})

    assert library.read_bytes().index(b"\x7fELF") % 4 == 2
    link(compile_c(CALL_F), library).run(status=42)


@pytest.mark.unlike("ld", reason="refuses an archive without an index")
def test_archive_without_index(link):
    link(compile_c(CALL_F), archive([compile_c(F, name="f")], "lib.a", "rcS")).run(status=42)


@pytest.mark.unlike("ld", reason="sees only the stale index")
def test_members_are_read_not_the_index(link):
    """An index that lies (here: was made for another file) does not hide a member's symbols."""
    library = archive([compile_c("int g(void) { return 42; }", name="f")])
    stale = link.directory / "stale.a"
    stale.write_bytes(library.read_bytes().replace(b"g\0", b"q\0", 1))
    main = compile_c("int g(void); int main(void) { return g(); }")

    link(main, stale).run(status=42)


def test_thin_archive(link):
    link(compile_c(CALL_F), thin_archive([compile_c(F, name="f")])).run(status=42)


def test_thin_archive_in_another_directory(link):
    """Members of a thin archive are named relative to the archive, not to the working directory."""
    (link.directory / "sub" / "deep").mkdir(parents=True)
    (link.directory / "sub" / "deep" / "f.o").write_bytes(compile_c(F, name="f").read_bytes())
    subprocess.run(["ar", "rcsT", "sub/lib.a", "sub/deep/f.o"], cwd=link.directory, check=True)

    link(compile_c(CALL_F), "sub/lib.a").run(status=42)


def test_missing_member_of_a_thin_archive_is_an_error(link):
    (link.directory / "gone.o").write_bytes(compile_c(F, name="f").read_bytes())
    subprocess.run(["ar", "rcsT", "lib.a", "gone.o"], cwd=link.directory, check=True)
    (link.directory / "gone.o").unlink()

    assert "gone.o" in link.fails(compile_c(CALL_F), "lib.a")


@pytest.mark.unlike("lld", reason="does not look into an archive within a thin archive")
def test_thin_archive_that_lists_an_archive(link):
    (link.directory / "inner.a").write_bytes(archive([compile_c(F, name="f")]).read_bytes())
    subprocess.run(["ar", "rcsT", "outer.a", "inner.a"], cwd=link.directory, check=True)

    link(compile_c(CALL_F), "outer.a").run(status=42)


@pytest.mark.unlike("lld", reason="does not look into an archive within a thin archive")
def test_thin_archive_that_lists_a_thin_archive(link):
    (link.directory / "f.o").write_bytes(compile_c(F, name="f").read_bytes())
    subprocess.run(["ar", "rcsT", "inner.a", "f.o"], cwd=link.directory, check=True)
    subprocess.run(["ar", "rcsT", "outer.a", "inner.a"], cwd=link.directory, check=True)

    link(compile_c(CALL_F), "outer.a").run(status=42)


@pytest.mark.unlike("ld", reason="sees no index in a BSD archive")
@pytest.mark.parametrize("flags", ["rcs", "rcS"])
def test_bsd_archive(link, flags):
    members = {f"{LONG}.o": compile_c(F, name="f"), "g.o": compile_c("int g(void) { return 1; }", name="g")}

    program = link(compile_c(CALL_F), bsd_archive(members, "lib.a", flags))

    program.run(status=42)
    assert "g" not in program.symbols


def test_rust_metadata_member_is_ignored(link):
    """An rlib begins with lib.rmeta, which is no object; even --whole-archive passes over it."""
    metadata = link.directory / "lib.rmeta"
    metadata.write_bytes(b"rust\0\0\0\x09" + bytes(64))
    library = archive({"lib.rmeta": metadata, "f.o": compile_c(F, name="f")}, "librust.rlib")

    link(compile_c(CALL_F), library).run(status=42)


@pytest.mark.unlike("ld", reason="stops at a member it does not know")
@pytest.mark.unlike("lld", reason="stops at a member it does not know")
def test_whole_archive_ignores_rust_metadata(link):
    metadata = link.directory / "lib.rmeta"
    metadata.write_bytes(b"rust\0\0\0\x09" + bytes(64))
    library = archive({"lib.rmeta": metadata, "f.o": compile_c(F, name="f")}, "librust.rlib")

    link(compile_c(CALL_F), "-Wl,--whole-archive", library, "-Wl,--no-whole-archive").run(status=42)


def test_text_member_of_an_ordinary_archive_is_not_loaded(link):
    readme = link.directory / "README"
    readme.write_text("nothing to link\n")

    link(compile_c(CALL_F), archive({"README": readme, "f.o": compile_c(F, name="f")})).run(status=42)


def test_index_of_64_bit_offsets(link):
    """Archives of more than 4 GiB have the index /SYM64/; here a small one is given such an index."""
    library = link.directory / "lib64.a"
    library.write_bytes(with_64_bit_index(archive([compile_c(F, name="f")]).read_bytes()))

    link(compile_c(CALL_F), library).run(status=42)


def with_64_bit_index(data: bytes) -> bytes:
    """Rewrite the index of an archive with one symbol: `/` with 4-byte into `/SYM64/` with 8-byte numbers."""
    size = int(data[8 + 48 : 8 + 58])
    old = data[68 : 68 + size]
    names = old[8:].ljust(-(-len(old[8:]) // 8) * 8, b"\0")
    index = (1).to_bytes(8, "big") + (68 + 16 + len(names)).to_bytes(8, "big") + names
    header = b"/SYM64/".ljust(48) + str(len(index)).encode().ljust(10) + b"`\n"
    return data[:8] + header + index + data[68 + size + size % 2 :]


def test_archive_may_have_any_name(link):
    """A file is what its contents say: an archive called .o or .so is an archive."""
    renamed = link.directory / "library.so"
    renamed.write_bytes(archive([compile_c(F, name="f")]).read_bytes())

    link(compile_c(CALL_F), renamed).run(status=42)


def test_odd_member_size_is_padded(link):
    odd = link.directory / "odd.o"
    odd.write_bytes(assemble(".globl g\ng: ret", name="odd").read_bytes() + b"\0")
    library = archive({"odd.o": odd, "f.o": compile_c(F, name="f")})

    assert odd.stat().st_size % 2
    link(compile_c(CALL_F), library).run(status=42)
