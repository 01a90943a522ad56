"""linker-diff compares outputs of -r: nothing on good links, and every planted fault under its key."""

from __future__ import annotations

import shutil
import struct
import subprocess
from collections.abc import Callable
from fnmatch import fnmatchcase
from pathlib import Path

import pytest
from diff_programs import REFERENCES
from linking import linker_under_test
from programs import compile_c, compile_cxx

from linker_diff.compare import compare
from linker_diff.image import DiffError
from linker_diff.relocatable import Relocatable

pytestmark = pytest.mark.skipif(len(REFERENCES) < 2, reason="ld and lld are wanted")

FIRST = """
#include <stdexcept>
template <class T> struct Holder { T x; virtual ~Holder() {} virtual T get() { return x; } };
static int local = 4; int table[3] = {1, 2, 3}; extern int other(int); static const char *shared = "shared";
__thread int of_thread = 3; const char *text = "a text"; static int zeros[8]; int *zero(int x) { return &zeros[x]; }
static int helper(int x) { return x * local; } int (*pointer)(int) = helper;
const char *second(void) { return shared; }
int first(int x) { if (x > 3) throw std::runtime_error("big"); Holder<int> holder; holder.x = helper(of_thread);
  return other(holder.get()) + table[x]; }
"""
SECOND = """
template <class T> struct Holder { T x; virtual ~Holder() {} virtual T get() { return x; } };
static int local = 5; int *of_local = &local; const char *again = "shared";
int other(int x) { Holder<int> holder; holder.x = x; return holder.get() + local; }
"""
COMMON = "int common_one; long common_two[4]; int uses(void) { return common_one + (int)common_two[1]; }"
OBJECTS = (("first", FIRST, "-g"), ("second", SECOND, "-ffunction-sections"))


def objects() -> list[Path]:
    made = [compile_cxx(text, "-O1", "-fno-inline", *flags, name=name) for name, text, *flags in OBJECTS]
    return [*made, compile_c(COMMON, "-O1", "-fcommon", name="common")]


def linked(directory: Path, linker: str, inputs: list[Path]) -> Path:
    output = directory / f"output.{linker.rpartition('/')[2]}"
    subprocess.run([linker, "-r", *inputs, "-o", output], check=True)
    return output


@pytest.fixture(scope="module")
def good(tmp_path_factory) -> tuple[list[Path], Path]:
    directory = tmp_path_factory.mktemp("relocatable")
    inputs = objects()
    references = [linked(directory, str(shutil.which(name)), inputs) for name in REFERENCES]
    return references, linked(directory, linker_under_test(), inputs)


def test_good_outputs_have_no_difference(good):
    references, ours = good

    report = compare(references, ours, wild_defaults=True)

    assert not report, report.render()
    assert report.counts["relocations"] > 100


def test_members_in_another_order_are_no_fault(tmp_path):
    inputs = [compile_cxx(text, "-O1", name=name) for name, text, *_ in OBJECTS]
    ours = linked(tmp_path, linker_under_test(), inputs)
    other = tmp_path / "other"
    subprocess.run([linker_under_test(), "-r", *inputs[::-1], "-o", other], check=True)

    report = compare([other], ours)

    assert report.keys
    assert [key for key in report.keys if not key.startswith(("order.", "fde."))] == []


def test_a_linked_file_is_not_compared_with_one_that_is_not(good, tmp_path):
    library = tmp_path / "library"
    subprocess.run(["ld", "-shared", compile_c(COMMON, "-fPIC"), "-o", library], check=True)

    with pytest.raises(DiffError, match="neither an executable nor a shared object"):
        compare([library], good[1])


class Damaged:
    """An output of -r with ways to change single values in it."""

    def __init__(self, path: Path) -> None:
        self.file = Relocatable(path, "ours")
        self.data = bytearray(self.file.data)

    def put(self, at: int, data: bytes) -> None:
        assert self.data[at : at + len(data)] != data, "the damage changes nothing"
        self.data[at : at + len(data)] = data

    def section(self, name: str) -> int:
        return self.file.sections[name]

    def contents(self, name: str) -> int:
        """The offset of a section's contents."""
        offset: int = self.file.headers[self.section(name)][4]
        return offset

    def header(self, name: str) -> int:
        (table,) = struct.unpack_from("<Q", self.data, 40)
        return int(table) + 64 * self.section(name)

    def symbol(self, name: str) -> int:
        """The offset of its row."""
        table = self.file.headers[self.file.view.symbol_table()][4]
        return int(table) + 24 * next(at for at, it in enumerate(self.file.symbols) if it.name == name)

    def place(self, name: str) -> tuple[str, int]:
        """The section of a symbol, and where it is in that."""
        found = next(it for it in self.file.symbols if it.name == name)
        return self.file.key_of[found.section], found.value

    def relocation(self, name: str, number: int = 0) -> int:
        """The offset of the row of a relocation in a function or variable."""
        section, start = self.place(name)
        size = next(it.size for it in self.file.symbols if it.name == name)
        for header in self.file.headers:
            if header[1] == 4 and header[7] == self.section(section):
                rows = [at for at in range(header[4], header[4] + header[5], 24)
                        if start <= struct.unpack_from("<Q", self.data, at)[0] < start + size]  # fmt: skip
                return int(rows[number])
        raise AssertionError("it has no relocations")


FAULTS: list[tuple[str, Callable[[Damaged], None]]] = []


def fault(expected: str) -> Callable[[Callable[[Damaged], None]], Callable[[Damaged], None]]:
    def register(damage: Callable[[Damaged], None]) -> Callable[[Damaged], None]:
        FAULTS.append((expected, damage))
        return damage

    return register


@fault("rel.target._Z5firsti")
def addend_of_a_call(it: Damaged) -> None:
    at = it.relocation("_Z5firsti") + 16
    it.put(at, struct.pack("<q", struct.unpack_from("<q", it.data, at)[0] + 1))


@fault("rel.target.pointer")
def pointer_to_another_function(it: Damaged) -> None:
    at = it.relocation("pointer") + 16
    it.put(at, struct.pack("<q", struct.unpack_from("<q", it.data, at)[0] + 16))


@fault("rel.target.text")
def pointer_to_another_text(it: Damaged) -> None:
    at = it.relocation("text") + 16
    it.put(at, struct.pack("<q", struct.unpack_from("<q", it.data, at)[0] + 2))


@fault("rel.type._Z5firsti")
def type_of_a_relocation(it: Damaged) -> None:
    it.put(it.relocation("_Z5firsti") + 8, struct.pack("<I", 2))


@fault("rel.missing.*")
def lost_relocation(it: Damaged) -> None:
    it.put(it.relocation("of_local"), struct.pack("<Q", 1 << 40))


@fault("rel.extra.*")
def relocation_that_nobody_asked_for(it: Damaged) -> None:
    at = it.relocation("_Z5firsti", 1)
    it.put(at, struct.pack("<Q", struct.unpack_from("<Q", it.data, at)[0] - 1))


@fault("asm._Z5firsti")
def byte_of_a_function(it: Damaged) -> None:
    section, start = it.place("_Z5firsti")
    at = it.contents(section) + start + 1
    it.put(at, bytes([it.data[at] ^ 1]))


@fault("data.table")
def value_of_a_variable(it: Damaged) -> None:
    section, start = it.place("table")
    it.put(it.contents(section) + start + 4, b"\7")


@fault("contents..debug_abbrev")
def debug_information(it: Damaged) -> None:
    at = it.contents(".debug_abbrev") + 3
    it.put(at, bytes([it.data[at] ^ 1]))


@fault("contents.missing..rodata.str1.1")
def letter_of_a_string(it: Damaged) -> None:
    header = it.file.headers[it.section(".rodata.str1.1")]
    it.put(it.data.index(b"a text", header[4]), b"a tent")


@fault("symbol.missing._Z6secondv")
def lost_symbol(it: Damaged) -> None:
    it.put(
        it.symbol("_Z6secondv"), struct.pack("<I", struct.unpack_from("<I", it.data, it.symbol("text"))[0])
    )


@fault("symbol.binding.table")
def binding_of_a_symbol(it: Damaged) -> None:
    it.put(it.symbol("table") + 4, bytes([2 << 4 | 1]))


@fault("symbol.visibility.table")
def visibility_of_a_symbol(it: Damaged) -> None:
    it.put(it.symbol("table") + 5, b"\2")


@fault("symbol.size.table")
def size_of_a_symbol(it: Damaged) -> None:
    it.put(it.symbol("table") + 16, struct.pack("<Q", 8))


@fault("symbol.place.table")
def symbol_at_another_place(it: Damaged) -> None:
    row = it.symbol("table") + 8
    it.put(row, struct.pack("<Q", struct.unpack_from("<Q", it.data, row)[0] + 4))


@fault("symbol.value.common_two")
def alignment_of_a_common_symbol(it: Damaged) -> None:
    it.put(it.symbol("common_two") + 8, struct.pack("<Q", 1))


@fault("symbol.section.common_one")
def common_symbol_that_is_absolute(it: Damaged) -> None:
    it.put(it.symbol("common_one") + 6, struct.pack("<H", 0xFFF1))


@fault("section.data.flags")
def flags_of_a_section(it: Damaged) -> None:
    it.put(it.header(".data") + 8, struct.pack("<Q", 2))


@fault("section.bss.alignment")
def alignment_of_a_section(it: Damaged) -> None:
    it.put(it.header(".bss") + 48, struct.pack("<Q", 1))


@fault("section.tdata.type")
def type_of_a_section(it: Damaged) -> None:
    it.put(it.header(".tdata") + 4, struct.pack("<I", 14))


@fault("group.*")
def group_that_is_no_comdat(it: Damaged) -> None:
    group = next(header for header in it.file.headers if header[1] == 17)
    it.put(group[4], bytes(4))


@fault("group.*")
def member_that_left_its_group(it: Damaged) -> None:
    group = next(header for header in it.file.headers if header[1] == 17)
    it.put(group[4] + 4, struct.pack("<I", it.section(".comment")))


@pytest.mark.parametrize(("expected", "damage"), FAULTS, ids=[it[1].__name__ for it in FAULTS])
def test_a_planted_fault_is_found(good, tmp_path, expected, damage):
    references, ours = good
    damaged = Damaged(ours)
    damage(damaged)
    path = tmp_path / "damaged"
    path.write_bytes(damaged.data)

    report = compare(references, path, wild_defaults=True)

    assert any(fnmatchcase(key, expected) for key in report.keys), report.render() or "nothing was reported"
