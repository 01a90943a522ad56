"""Opening files and splitting archives: every reason to refuse a file, every dialect, order, repetition."""

from __future__ import annotations

import os
import random
import re
import socket
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from inputs import arranged, bsd_archive, gnu_archive, indexed, library, names, patched, rows
from programs import compile_c, interpreter

from wild import faults
from wild.errors import LinkError
from wild.kernels import files
from wild.kernels.files import AS_NEEDED, EXCLUDED_LIBS, LAZY, WHOLE_ARCHIVE, Inputs
from wild.kernels.pool import Arena, KernelFault, Pool

MEMBER = 4  # FileRow.flags


@pytest.fixture(scope="module", params=[1, 3], ids=["1-thread", "3-threads"])
def pool(request: pytest.FixtureRequest) -> Iterator[Pool]:
    pool = Pool(request.param)
    yield pool
    pool.close()


@pytest.fixture(scope="module")
def one_object() -> Path:
    return compile_c("int one(void) { return 1; }", name="one")


# --- opening -----------------------------------------------------------------------------------------------


def test_every_file_that_cannot_be_opened_is_reported(pool, tmp_path, one_object):
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "file").write_text("x")
    unix = socket.socket(socket.AF_UNIX)
    unix.bind(str(tmp_path / "socket"))
    bad = ["missing.o", ".", "fifo", "file/x.o", "socket"]
    with pytest.raises(LinkError) as caught:
        Inputs(Arena()).open(pool, [str(one_object), *(f"{tmp_path}/{name}" for name in bad)])
    unix.close()

    assert [text.removeprefix(f"{tmp_path}/") for text in caught.value.messages] == [
        "missing.o: cannot open: No such file or directory",
        ".: is a directory; inputs must be regular files",
        "fifo: is a FIFO, socket or device; inputs must be regular files",
        "file/x.o: cannot open: Not a directory",
        "socket: is a FIFO, socket or device; inputs must be regular files",
    ]


@pytest.mark.skipif(os.geteuid() == 0, reason="the superuser can read everything")
def test_unreadable_file(pool, tmp_path):
    (tmp_path / "x.o").write_text("x")
    (tmp_path / "x.o").chmod(0)

    with pytest.raises(LinkError, match=r"x.o: cannot open: Permission denied; check its permissions"):
        Inputs(Arena()).open(pool, [f"{tmp_path}/x.o"])


def test_path_with_nul_is_an_error(pool):
    with pytest.raises(LinkError, match=r"'a\\x00b': no file name can hold a NUL"):
        Inputs(Arena()).open(pool, ["a\0b"])


def test_path_that_is_not_utf8(pool, tmp_path):
    path = os.fsdecode(os.fsencode(tmp_path) + b"/\xff\xfe.txt")
    with open(path, "w") as file:
        file.write("GROUP(x)")
    inputs = Inputs(Arena())

    assert inputs.map_bytes(inputs.open(pool, [path])) == b"GROUP(x)"
    assert inputs.paths == [path]


@pytest.mark.parametrize("size", [1, 65_536, 65_537, 300_000])
def test_small_and_large_files_are_loaded_whole(pool, tmp_path, size):
    content = random.Random(size).randbytes(size)
    (tmp_path / "x").write_bytes(content)
    inputs = Inputs(Arena())

    assert [inputs.map_bytes(inputs.open(pool, [f"{tmp_path}/x"])) for _ in range(3)] == [content] * 3


def test_kinds_of_files(pool, tmp_path, one_object):
    shared = library(tmp_path, "libone.so", one_object)
    kinds = {
        "o": (one_object.read_bytes(), files.MAP_OBJECT),
        "so": (shared.read_bytes(), files.MAP_SHARED),
        "a": (b"!<arch>\n", files.MAP_ARCHIVE),
        "thin": (b"!<thin>\n", files.MAP_THIN),
        "script": (b"/* GNU ld script */\nGROUP ( libc.so.6 )\n", files.MAP_TEXT),
        "bitcode": (b"BC\xc0\xde....", files.MAP_BITCODE),
        "wrapper": (b"\xde\xc0\x17\x0b....", files.MAP_BITCODE),
        "binary": (b"text\0with a NUL", files.MAP_OTHER),
        "short": (b"\x7fELF", files.MAP_OTHER),
    }
    for name, (content, _) in kinds.items():
        (tmp_path / name).write_bytes(content)
    inputs = Inputs(Arena())
    first = inputs.open(pool, [f"{tmp_path}/{name}" for name in kinds])

    assert [inputs.map_kind(first + i) for i in range(len(kinds))] == [kind for _, kind in kinds.values()]
    assert inputs.maps_of_kind(files.MAP_BITCODE, first) == [5, 6]
    assert inputs.maps_of_kind(files.MAP_BITCODE, first + 6) == [6]


def test_every_file_that_cannot_be_linked_is_reported(pool, tmp_path, one_object):
    good = one_object.read_bytes()
    cases = {
        "x32.o": (patched(good, 4, b"\1"), "is a 32-bit ELF file; this link is for 64-bit x86-64"),
        "class.o": (
            patched(good, 4, b"\7"),
            "is an ELF file of unknown class 7; the file is damaged, rebuild it",
        ),
        "big.o": (
            patched(good, 5, b"\2"),
            "is a big-endian ELF file; this link is for x86-64, which is little-endian",
        ),
        "arm.o": (patched(good, 18, b"\xb7\0"), "is for AArch64; this link is for x86-64"),
        "odd.o": (patched(good, 18, b"\xff\x7f"), "is for machine 32767; this link is for x86-64"),
        "program": (
            patched(good, 16, b"\2\0"),
            "cannot use an executable as input to a link; give the objects and libraries it is made of",
        ),
        "core": (patched(good, 16, b"\4\0"), "is a core dump, not something to link"),
        "head.o": (good[:40], "is too short for an ELF file (40 bytes); the file is damaged, rebuild it"),
        "x.dll": (b"MZ\0\0", "is a Windows (PE/COFF) file; this link is for x86-64 ELF"),
        "x.bin": (b"\0\1\2\3", "is neither an object, an archive, a shared object nor a linker script"),
    }
    for name, (content, _) in cases.items():
        (tmp_path / name).write_bytes(content)
    with pytest.raises(LinkError) as caught:
        arranged(pool, [one_object, *(tmp_path / name for name in cases)])

    assert list(caught.value.messages) == [f"{tmp_path}/{name}: {text}" for name, (_, text) in cases.items()]


def test_closing_gives_back_all_maps_and_descriptors(pool, tmp_path, one_object):
    (tmp_path / "large").write_bytes(bytes(100_000))

    def resources() -> tuple[int, int]:
        return len(os.listdir("/proc/self/fd")), Path("/proc/self/maps").read_text().count(str(tmp_path))

    before = resources()
    for _ in range(50):
        inputs = Inputs(Arena())
        inputs.open(pool, [f"{tmp_path}/large", str(one_object)])
        inputs.add_bytes("memory", b"content")
    del inputs

    assert resources() == before


def test_changed_files_are_found(pool, tmp_path, one_object):
    content = one_object.read_bytes()
    paths = [tmp_path / name for name in ("same", "longer", "touched", "gone")]
    for path in paths:
        path.write_bytes(content)
    inputs = Inputs(Arena())
    inputs.open(pool, [str(path) for path in paths])
    inputs.add_bytes("memory", b"content")

    assert inputs.changed(pool) == []

    paths[1].write_bytes(content + b"x")
    os.utime(paths[2], ns=(1, 1))
    paths[3].unlink()

    assert inputs.changed(pool) == [str(path) for path in paths[1:]]


def test_files_that_were_read_long_after_they_were_written_cannot_change_for_us(pool, tmp_path, one_object):
    """We hold a copy; of a large file we look at its pages."""
    content = one_object.read_bytes()
    paths = [tmp_path / "small", tmp_path / "large"]
    for path, behind in zip(paths, (b"", bytes(1 << 20)), strict=True):
        path.write_bytes(content + behind)
        os.utime(path, (time.time() - 60,) * 2)
    inputs = Inputs(Arena())
    inputs.open(pool, [str(path) for path in paths])

    for path in paths:
        path.write_bytes(b"another")

    assert inputs.changed(pool) == [str(paths[1])]
    assert inputs.map_bytes(0) == content


TRUNCATED = """
    import os, signal, sys
    from wild.kernels.files import Inputs
    from wild.kernels.pool import Arena, Pool
    pool, inputs = Pool(1), Inputs(Arena())
    map = inputs.open(pool, ["large.o"])
    inputs.guard_truncation(b"output")
    if sys.argv[1] == "ended":
        inputs.end_guard()
    if sys.argv[1] == "closed":
        other = Inputs(Arena())
        other.open(pool, ["large.o"])
        del inputs
        inputs = other
    os.truncate("large.o", 10)
    inputs.map_bytes(map)
"""


@pytest.mark.parametrize("mode", ["guarded", "ended", "closed"])
def test_file_truncated_while_it_is_read(tmp_path, mode):
    (tmp_path / "large.o").write_bytes(bytes(1_000_000))
    (tmp_path / "output").write_text("half a program")
    done = subprocess.run(
        [*interpreter(), "-c", textwrap.dedent(TRUNCATED), mode],
        cwd=tmp_path,
        env={
            **os.environ,
            "PYTHONPATH": os.pathsep.join(sys.path),
            "ASAN_OPTIONS": "detect_leaks=0:handle_sigbus=0",
        },
        capture_output=True,
        text=True,
        check=False,
    )
    said = "wild: error: large.o: was truncated while it was being read; is something still writing it?\n"
    expected = (1, said, False) if mode == "guarded" else (-7, "", True)

    assert (done.returncode, done.stderr, (tmp_path / "output").exists()) == expected


# --- archives ----------------------------------------------------------------------------------------------


# No name here is one that an archive reader leaves out (lib.rmeta, __.SYMDEF).
MEMBER_NAMES = st.text("abcXYZ019._-+", min_size=1, max_size=40).map(str.encode)
CONTENTS = st.one_of(
    st.binary(max_size=70),
    st.binary(min_size=18, max_size=90).map(lambda b: b"\x7fELF\2\1" + b[6:16] + b"\1\0" + b[18:]),
    st.binary(max_size=20).map(lambda b: b"BC\xc0\xde" + b),
)
BITCODE = (b"BC\xc0\xde", b"\xde\xc0\x17\x0b")
POOL = Pool(2)


@given(st.lists(st.tuples(MEMBER_NAMES, CONTENTS), max_size=12), st.booleans())
def test_splitting_equals_writing(members, gnu):
    """The members that matter come out as they went in, from either dialect."""
    inputs = Inputs(Arena())
    map = inputs.add_bytes("lib.a", gnu_archive(members) if gnu else bsd_archive(members))
    inputs.arrange(POOL, [map], [0])
    wanted = [
        (name, content)
        for name, content in members
        if content[:4] in BITCODE or (content[:4] == b"\x7fELF" and len(content) >= 18)
    ]

    assert names(inputs) == [f"lib.a({name.decode()})" for name, _ in wanted]
    assert [inputs.file_start(i + 1) for i in range(len(wanted))] == [content[:64] for _, content in wanted]
    assert [row["size"] for row in rows(inputs)] == [len(content) for _, content in wanted]


ELF = b"\x7fELF\2\1\1" + bytes(9) + b"\1\0" + bytes(20)
BIG = 9_999_999_999
GOOD = gnu_archive([(b"first.o", ELF), (b"a_member_with_a_long_name.o", ELF)])
FIRST = GOOD.index(b"first.o/   ")
SECOND = GOOD.index(ELF, FIRST + 100) - 60
DAMAGED_ARCHIVES = {
    "cut in the last header": (GOOD[: SECOND + 30], f"no archive member header at offset {SECOND:#x}"),
    "cut in the last member": (
        GOOD[:-1],
        f"the archive member at offset {SECOND:#x} is to have 38 bytes, but the archive ends before that",
    ),
    "no header after a member": (
        patched(GOOD, SECOND + 58, b"xx"),
        f"no archive member header at offset {SECOND:#x}",
    ),
    "letters for a size": (
        patched(GOOD, FIRST + 48, b"3x        "),
        f"the archive member at offset {FIRST:#x} has a size that is no number",
    ),
    "blanks for a size": (
        patched(GOOD, FIRST + 48, b"          "),
        f"the archive member at offset {FIRST:#x} has a size that is no number",
    ),
    "huge size": (
        patched(GOOD, FIRST + 48, b"9999999999"),
        f"the archive member at offset {FIRST:#x} is to have {BIG} bytes, but the archive ends before that",
    ),
    "name outside the table": (
        patched(GOOD, SECOND, b"/99999"),
        f"the archive member at offset {SECOND:#x} has a name outside the table of names",
    ),
    "BSD name longer than the member": (
        patched(GOOD, FIRST, b"#1/99999        "),
        f"the archive member at offset {FIRST:#x} has a name outside the table of names",
    ),
    "origin in an archive that is not thin": (
        patched(GOOD, SECOND, b"/9:120"),
        f"the archive member at offset {SECOND:#x} has a name outside the table of names",
    ),
}


@pytest.mark.parametrize("damage", DAMAGED_ARCHIVES)
def test_damaged_archive(pool, damage):
    content, text = DAMAGED_ARCHIVES[damage]
    inputs = Inputs(Arena())
    good = inputs.add_bytes("good.a", GOOD)
    bad = inputs.add_bytes("bad.a", content)
    with pytest.raises(KernelFault) as caught:
        inputs.arrange(pool, [good, bad], [0, 0])

    assert (
        faults.describe(inputs, caught.value) == f"bad.a: {text}; the archive is damaged, rebuild it with ar"
    )


def test_members_are_lazy_unless_the_archive_is_wanted_whole(pool, tmp_path):
    for name in ("lazy.a", "whole.a", "hidden.a"):
        (tmp_path / name).write_bytes(GOOD)
    inputs = arranged(
        pool,
        [tmp_path / "lazy.a", tmp_path / "whole.a", tmp_path / "hidden.a"],
        [0, WHOLE_ARCHIVE, EXCLUDED_LIBS],
    )

    assert [row["flags"] for row in rows(inputs)] == [
        *[MEMBER | LAZY] * 2,
        *[MEMBER] * 2,
        *[MEMBER | LAZY | EXCLUDED_LIBS] * 2,
    ]


def test_files_keep_the_order_of_the_command_line(pool, tmp_path, one_object):
    (tmp_path / "lib.a").write_bytes(GOOD)
    shared = library(tmp_path, "libone.so", one_object)
    inputs = arranged(pool, [one_object, tmp_path / "lib.a", shared, one_object], [LAZY, 0, AS_NEEDED, 0])

    assert [name.removeprefix(f"{tmp_path}/") for name in names(inputs)] == [
        str(one_object),
        "lib.a(first.o)",
        "lib.a(a_member_with_a_long_name.o)",
        "libone.so",
        str(one_object),
    ]
    assert [row["flags"] for row in rows(inputs)] == [LAZY, MEMBER | LAZY, MEMBER | LAZY, AS_NEEDED, 0]
    assert inputs.shared_files() == [4]


def test_repeated_libraries_are_taken_once(pool, tmp_path, one_object):
    """Archives and shared objects, also by another name; not those of --whole-archive."""
    (tmp_path / "lib.a").write_bytes(GOOD)
    (tmp_path / "alias.a").symlink_to("lib.a")
    shared = library(tmp_path, "libone.so", one_object)

    assert len(names(arranged(pool, [tmp_path / "lib.a", tmp_path / "alias.a", tmp_path / "lib.a"]))) == 2
    assert len(names(arranged(pool, [shared, one_object, shared, one_object]))) == 3
    assert len(names(arranged(pool, [tmp_path / "lib.a"] * 2, [WHOLE_ARCHIVE] * 2))) == 4


def test_shared_object_is_needed_if_one_mention_says_so(pool, tmp_path, one_object):
    shared = library(tmp_path, "libone.so", one_object)
    inputs = arranged(pool, [shared, shared], [AS_NEEDED, 0])

    assert [row["flags"] for row in rows(inputs)] == [0]


# --- thin archives -----------------------------------------------------------------------------------------


@pytest.fixture
def thin(tmp_path: Path, one_object: Path) -> Path:
    """A directory with objects in sub/ and an ordinary archive of two of them."""
    (tmp_path / "sub").mkdir()
    for name in ("a", "b", "c"):
        (tmp_path / "sub" / f"{name}.o").write_bytes(one_object.read_bytes())
    subprocess.run(["ar", "rcs", "inner.a", "sub/a.o", "sub/b.o"], cwd=tmp_path, check=True)
    return tmp_path


def test_thin_members_are_relative_to_their_archive(pool, thin, one_object):
    absolute = str(thin / "sub" / "c.o")
    subprocess.run(["ar", "rcsT", "outer.a", "sub/a.o", "sub/b.o"], cwd=thin, check=True)
    (thin / "absolute.a").write_bytes(gnu_archive([(absolute.encode(), b"")], thin=True))
    inputs = arranged(pool, [thin / "outer.a", thin / "absolute.a"])

    assert names(inputs) == [
        f"{thin}/outer.a(sub/a.o)",
        f"{thin}/outer.a(sub/b.o)",
        f"{thin}/absolute.a({absolute})",
    ]
    assert [inputs.file_start(i) for i in (1, 2, 3)] == [one_object.read_bytes()[:64]] * 3
    assert inputs.paths[2:] == [f"{thin}/sub/a.o", f"{thin}/sub/b.o", absolute]


def test_members_of_an_archive_in_a_thin_archive(pool, thin, one_object):
    """GNU ar names each of them in the outer archive, by the place of its header in the inner one."""
    subprocess.run(["ar", "rcsT", "outer.a", "inner.a", "sub/c.o"], cwd=thin, check=True)
    inputs = indexed(pool, [thin / "outer.a"])

    assert b":" in (thin / "outer.a").read_bytes()
    assert len(names(inputs)) == 3
    assert [inputs.file_start(i) for i in (1, 2, 3)] == [one_object.read_bytes()[:64]] * 3


def test_nested_member_that_is_not_there(pool, thin):
    subprocess.run(["ar", "rcsT", "outer.a", "inner.a"], cwd=thin, check=True)
    outer = (thin / "outer.a").read_bytes()
    (thin / "outer.a").write_bytes(
        re.sub(rb"/0:\d+ ", lambda found: b"/0:2".ljust(len(found[0])), outer, count=1)
    )
    inputs = Inputs(Arena())
    map = inputs.open(pool, [f"{thin}/outer.a"])
    with pytest.raises(KernelFault) as caught:
        inputs.arrange(pool, [map], [0])

    text = "the member at offset 0x2 of this thin archive is not where the nested archive should have it"

    assert faults.describe(inputs, caught.value).startswith(f"{thin}/outer.a: {text}")


def test_archive_as_a_member_of_a_thin_archive(pool, thin):
    """Its members stand where it stood; one that is nested in itself is taken once."""
    (thin / "outer.a").write_bytes(
        gnu_archive([(b"sub/c.o", b""), (b"inner.a", b""), (b"outer.a", b""), (b"sub/a.o", b"")], thin=True)
    )
    inputs = indexed(pool, [thin / "outer.a"], [WHOLE_ARCHIVE])

    assert [name.removeprefix(f"{thin}/") for name in names(inputs)] == [
        "outer.a(sub/c.o)",
        "inner.a(a.o)",
        "inner.a(b.o)",
        "outer.a(sub/a.o)",
    ]
    assert [row["flags"] for row in rows(inputs)] == [MEMBER] * 4


def test_every_thin_member_that_is_missing_is_reported(pool, thin):
    members = [(b"sub/a.o", b""), (b"gone.o", b""), (b"sub/b.o", b""), (b"sub/gone.o", b"")]
    (thin / "outer.a").write_bytes(gnu_archive(members, thin=True))
    with pytest.raises(LinkError) as caught:
        arranged(pool, [thin / "outer.a"])

    assert list(caught.value.messages) == [
        f"{thin}/outer.a: member {thin}/gone.o: cannot open: No such file or directory",
        f"{thin}/outer.a: member {thin}/sub/gone.o: cannot open: No such file or directory",
    ]
