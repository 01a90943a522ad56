"""Reading ELF headers: the files table against pyelftools, damaged files against their texts."""

from __future__ import annotations

import os
import re
import struct
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from elftools.elf.elffile import ELFFile
from inputs import arranged, gnu_archive, indexed, library, names, patched, read_headers, rows
from programs import ROOT, assemble, compile_c, compile_cxx

from wild import faults
from wild.elf import DT_NEEDED
from wild.errors import LinkError
from wild.kernels.files import AS_NEEDED, Inputs
from wild.kernels.pool import Arena, Pool

LTO = 16  # FileRow.flags
OBJECT, SHARED = 1, 2  # FileRow.kind
NONE = 0xFFFFFFFF
MUTATIONS = int(os.environ.get("WILD_MUTATIONS", "4000"))

FUNCTIONS = """
    __attribute__((weak)) int weak_function(void) { return 1; }
    static int counter; int common; extern int undefined;
    int function(void) { return counter++ + undefined; }
"""
TEMPLATES = """
    #include <map>
    #include <string>
    std::map<std::string, int> words;
    int count(const std::string &word) { return ++words[word]; }
"""
LOCAL_GROUPS = """
    .section .text.a,"axG",@progbits,local_signature,comdat
    local_signature: ret
    .section .text.b,"axG",@progbits,global_signature,comdat
    .globl global_signature
    global_signature: ret
    .section .text.c,"axG",@progbits,another_local,comdat
    another_local: ret
"""


@pytest.fixture(scope="module", params=[1, 3], ids=["1-thread", "3-threads"])
def pool(request: pytest.FixtureRequest) -> Iterator[Pool]:
    pool = Pool(request.param)
    yield pool
    pool.close()


def sample_objects() -> list[Path]:
    return [
        compile_c(FUNCTIONS),
        compile_c(FUNCTIONS, "-ffunction-sections", "-g", name="sections"),
        compile_cxx(TEMPLATES, name="templates"),
        assemble(LOCAL_GROUPS, name="groups"),
    ]


# --- objects -----------------------------------------------------------------------------------------------


def naive_object(path: Path) -> dict[str, int]:
    """What a FileRow says, by pyelftools."""
    with path.open("rb") as file:
        elf = ELFFile(file)
        symtab = elf.get_section_by_name(".symtab")
        strings = elf.get_section(symtab["sh_link"])
        shstrings = elf.get_section(elf.get_shstrndx())
        xindex = next((s["sh_offset"] for s in elf.iter_sections() if s["sh_type"] == "SHT_SYMTAB_SHNDX"), 0)
        groups = [s for s in elf.iter_sections() if s["sh_type"] == "SHT_GROUP"]
        return {
            "kind": OBJECT,
            "size": path.stat().st_size,
            "shoff": elf["e_shoff"],
            "shnum": elf.num_sections(),
            "symtab": elf.get_section_index(".symtab"),
            "symoff": symtab["sh_offset"],
            "nsyms": symtab.num_symbols(),
            "first_global": symtab["sh_info"],
            "stroff": strings["sh_offset"],
            "strsize": strings["sh_size"],
            "shstroff": shstrings["sh_offset"],
            "shstrsize": shstrings["sh_size"],
            "xindex": xindex,
            "has": int(bool(groups)),
            "nextra": sum(group["sh_info"] < symtab["sh_info"] for group in groups),
        }


def test_rows_of_objects_equal_what_pyelftools_reads(pool):
    paths = sample_objects()
    found = rows(indexed(pool, paths))
    expected = [naive_object(path) for path in paths]

    assert [{key: row[key] for key in naive} for row, naive in zip(found, expected, strict=True)] == expected
    assert expected[3]["nextra"] == 2


def test_object_with_more_sections_than_the_header_can_say(pool):
    """e_shnum and e_shstrndx escape to section header 0, symbols to SHT_SYMTAB_SHNDX."""
    functions = (f'.section .text.{i},"ax"\n.globl f{i}\nf{i}: ret' for i in range(65_400))
    path = assemble("\n".join(functions), name="many")
    expected = naive_object(path)
    row = rows(indexed(pool, [path]))[0]

    assert expected["shnum"] > 65400
    assert expected["xindex"] > 0
    assert {key: row[key] for key in expected} == expected


def test_object_without_symbols(pool):
    """The assembler writes no symbol table for an empty source."""
    row = rows(indexed(pool, [assemble("", name="nothing")]))[0]

    assert (row["nsyms"], row["first_global"], row["strsize"]) == (0, 0, 0)
    assert row["shnum"] > 3


def test_symbols_are_numbered_in_file_order(pool, tmp_path):
    shared = library(tmp_path, "libf.so", "-x", "c", os.devnull, "-nostdlib")
    inputs = arranged(pool, [*sample_objects(), shared])
    inputs.set_internal([b"_end", b"__bss_start"], [0, 7], [0xFFF1, 0], [0x10, 0x20], [0, 2])
    read_headers(inputs, pool)
    all_rows = [inputs.file_row(0), *rows(inputs)]
    globals_before = locals_before = 0

    for row in all_rows:
        assert (row["global_base"], row["local_base"]) == (globals_before, locals_before)
        globals_before += row["nsyms"] - row["first_global"] + row["nextra"]
        locals_before += row["first_global"] if row["kind"] != SHARED else 0


def test_internal_file(pool):
    inputs = arranged(pool, [])
    inputs.set_internal([b"_end", b"", b"x"], [1, 2, 1 << 63], [0xFFF1, 0, 0], [0x10, 0x20, 0x11], [0, 2, 3])
    row = inputs.file_row(0)
    read_headers(inputs, pool)

    assert inputs.file_start(0)[24:48] == struct.pack("<IBBHQQ", 1, 0x10, 0, 0xFFF1, 1, 0)
    assert (row["nsyms"], row["first_global"], row["stroff"], row["strsize"]) == (4, 1, 96, 9)
    assert inputs.file_name(0) == "<internal>"


# --- link-time optimisation --------------------------------------------------------------------------------


def test_objects_without_machine_code_are_marked(pool, tmp_path):
    slim = compile_c(FUNCTIONS, "-flto", "-fno-fat-lto-objects", name="slim")
    fat = compile_c(FUNCTIONS, "-flto", "-ffat-lto-objects", name="fat")
    bitcode = compile_c(FUNCTIONS, "-flto", name="bitcode", compiler="clang")
    (tmp_path / "lib.a").write_bytes(
        gnu_archive([(path.name.encode(), path.read_bytes()) for path in (slim, bitcode)])
    )
    found = rows(indexed(pool, [slim, fat, bitcode, tmp_path / "lib.a"]))

    assert [bool(row["flags"] & LTO) for row in found] == [True, False, True, True, True]
    assert [row["kind"] for row in found] == [OBJECT] * 5


def test_rust_metadata_is_left_out(pool, tmp_path):
    content = compile_c(FUNCTIONS).read_bytes()
    (tmp_path / "lib.rlib").write_bytes(gnu_archive([(b"lib.rmeta", content), (b"code.o", content)]))

    assert names(indexed(pool, [tmp_path / "lib.rlib"])) == [f"{tmp_path}/lib.rlib(code.o)"]


# --- shared objects ----------------------------------------------------------------------------------------

VERSIONS = "V1 { global: function; local: *; }; V2 { global: weak_function; } V1;"


@pytest.fixture(scope="module", params=["gnu", "sysv"])
def shared(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A shared object with versions, a SONAME and dependencies, by hash style."""
    directory = tmp_path_factory.mktemp("shared")
    (directory / "versions").write_text(VERSIONS)
    script = ["-Wl,--version-script", directory / "versions"]
    options = ["-Wl,-soname,libf.so.1", f"-Wl,--hash-style={request.param}", "-Wl,--no-as-needed", "-lm"]
    return library(directory, "libf.so", compile_c(FUNCTIONS, "-fPIC", name="pic"), *script, *options)


def naive_shared(path: Path) -> dict[str, object]:
    with path.open("rb") as file:
        elf = ELFFile(file)
        dynsym = elf.get_section_by_name(".dynsym")
        versym = elf.get_section_by_name(".gnu.version")
        verdef = elf.get_section_by_name(".gnu.version_d")
        dynamic = elf.get_section_by_name(".dynamic")
        tags = list(dynamic.iter_tags())
        return {
            "nsyms": dynsym.num_symbols(),
            "first_global": dynsym["sh_info"],
            "symoff": dynsym["sh_offset"],
            "stroff": elf.get_section(dynsym["sh_link"])["sh_offset"],
            "strsize": elf.get_section(dynsym["sh_link"])["sh_size"],
            "versym": versym["sh_offset"] if versym else 0,
            "verdef": verdef["sh_offset"] if verdef else 0,
            "verdef_count": verdef["sh_info"] if verdef else 0,
            "dynamic": dynamic["sh_offset"],
            "needed": [tag.needed for tag in tags if tag.entry.d_tag == "DT_NEEDED"],
            "soname": next((tag.soname for tag in tags if tag.entry.d_tag == "DT_SONAME"), ""),
        }


def found_shared(pool: Pool, path: Path) -> dict[str, object]:
    inputs = indexed(pool, [path], [AS_NEEDED])
    found = inputs.file_row(1) | {"needed": inputs.dynamic_strings(1, DT_NEEDED), "soname": inputs.soname(1)}
    return {key: found[key] for key in naive_shared(path)}


def test_shared_object_equals_what_pyelftools_reads(pool, shared):
    expected = naive_shared(shared)

    assert expected["needed"] == ["libm.so.6", "libc.so.6"]
    assert expected["verdef_count"] == 3
    assert found_shared(pool, shared) == expected


@pytest.mark.parametrize("name", ["libc.so.6", "libstdc++.so.6", "libm.so.6", "libgcc_s.so.1"])
def test_libraries_of_the_system_equal_what_pyelftools_reads(pool, name):
    asked = subprocess.run(["gcc", f"-print-file-name={name}"], capture_output=True, text=True, check=True)
    path = Path(asked.stdout.strip())

    assert found_shared(pool, path) == naive_shared(path)


def test_shared_object_without_section_headers(pool, shared, tmp_path):
    """The program headers lead to the same tables; verdef_size is then only a bound."""
    expected = naive_shared(shared)
    bare = tmp_path / "bare.so"
    bare.write_bytes(patched(patched(shared.read_bytes(), 40, bytes(8)), 60, bytes(4)))
    inputs = indexed(pool, [bare])
    row = inputs.file_row(1)

    assert (inputs.dynamic_strings(1, DT_NEEDED), inputs.soname(1)) == (
        expected.pop("needed"),
        expected.pop("soname"),
    )
    assert {key: row[key] for key in expected} == expected


def test_shared_object_without_section_headers_and_hash_table(pool, shared, tmp_path):
    bare = patched(patched(shared.read_bytes(), 40, bytes(8)), 60, bytes(4))
    at = naive_shared(shared)["dynamic"]
    while (tag := bare[at : at + 8]) != bytes(8):
        if tag in (struct.pack("<Q", 4), struct.pack("<Q", 0x6FFFFEF5)):
            bare = patched(bare, at, struct.pack("<Q", 0x6FFFFFF9))
        at += 16
    (tmp_path / "bare.so").write_bytes(bare)

    with pytest.raises(LinkError, match="has neither section headers nor a hash table"):
        indexed(pool, [tmp_path / "bare.so"])


def test_shared_object_that_exports_nothing_and_has_no_section_headers(pool, tmp_path):
    path = library(
        tmp_path, "libe.so", compile_c("static int x;", name="empty"), "-nostdlib", "-Wl,--hash-style=gnu"
    )
    path.write_bytes(patched(patched(path.read_bytes(), 40, bytes(8)), 60, bytes(4)))

    assert rows(indexed(pool, [path]))[0]["nsyms"] == 1


def test_program_is_no_library(pool, tmp_path):
    program = tmp_path / "program"
    subprocess.run(
        ["gcc", "-pie", "-o", program, compile_c("int main(void) { return 0; }", "-fPIE")], check=True
    )
    text = "cannot use a position-independent executable as input to a link"
    with pytest.raises(LinkError) as caught:
        indexed(pool, [program])

    assert str(caught.value) == f"{program}: {text}; give the objects and libraries it is made of"


# --- damage ------------------------------------------------------------------------------------------------

FIELDS = {
    "type": (4, "<I"),
    "size": (32, "<Q"),
    "link": (40, "<I"),
    "info": (44, "<I"),
    "entsize": (56, "<Q"),
}
FAR = (1 << 63) + 5


class Damaged:
    """A file with one field of the header of a section changed, or bytes at an offset."""

    def __init__(self, path: Path, section: str, field: str | int, value: int | bytes) -> None:
        self.good = path.read_bytes()
        with path.open("rb") as file:
            elf = ELFFile(file)
            self.count = elf.num_sections()
            self.shoff = elf["e_shoff"]
            self.index = elf.get_section_index(section)
            header = self.shoff + 64 * self.index
            offset = elf.get_section(self.index)["sh_offset"]
        self.at_header, self.at_offset = f"header at {header:#x}", f"at offset {offset:#x}"
        if isinstance(field, str):
            at, width = FIELDS[field]
            self.bad = patched(self.good, header + at, struct.pack(width, value))
        else:
            self.bad = patched(self.good, offset * (section != "") + field, value)

    def fault(self, pool: Pool, text: str) -> tuple[str, str]:
        """The text of the error, and the expected one."""
        inputs = Inputs(Arena())
        maps = [inputs.add_bytes("good", self.good), inputs.add_bytes("bad", self.bad)]
        inputs.arrange(pool, maps, [0, 0])
        with pytest.raises(LinkError) as caught:
            read_headers(inputs, pool)
        return str(caught.value), f"bad: {text.format(d=self)}; the file is damaged, rebuild it"


MISLINKED = "section {d.index} is linked to a section that is missing or of the wrong type ({d.at_header})"
# name of the case -> section, field of its header or offset from it (from the file, without one), value, text
OBJECT_DAMAGES = {
    "headers outside": (
        ("", 40, struct.pack("<Q", FAR)),
        "the {d.count} section headers at offset 0x8000000000000005 lie outside the file",
    ),
    "too many headers": (
        ("", 60, b"\xff\xfe"),
        "the 65279 section headers at offset {d.shoff:#x} lie outside the file",
    ),
    "header size": (
        ("", 58, b"\x28\0"),
        "section headers of 40 bytes; they have 64 bytes in a 64-bit ELF file",
    ),
    "no section names": (
        ("", 62, b"\1\0"),
        "the section names should be in section 1, which is no string table",
    ),
    "section outside": (
        (".comment", "size", FAR),
        "section {d.index} ({d.at_offset}) lies outside the file",
    ),
    "symbol size": (
        (".symtab", "entsize", 16),
        "symbols of 16 bytes ({d.at_header}); they have 24 bytes in a 64-bit ELF file",
    ),
    "half a symbol": (
        (".symtab", "size", 25),
        "the symbol table in section {d.index} ({d.at_offset}) has no whole number of symbols",
    ),
    "first global": (
        (".symtab", "info", 9999),
        "the first global symbol is number 9999, beyond the end of the symbol table ({d.at_header})",
    ),
    "strings of symbols elsewhere": (
        (".symtab", "link", 1),
        MISLINKED,
    ),
    "strings of symbols nowhere": (
        (".symtab", "link", 0),
        MISLINKED,
    ),
    "two symbol tables": (
        (".strtab", "type", 2),
        "section {d.index} is a second symbol table ({d.at_header})",
    ),
    "strings without end": (
        (".strtab", "size", 2),
        "the string table in section {d.index} ({d.at_offset}) is empty or does not end in NUL",
    ),
    "no strings": (
        (".strtab", "size", 0),
        "the string table in section {d.index} ({d.at_offset}) is empty or does not end in NUL",
    ),
    "group without symbol": (
        (".group", "info", 5000),
        "a section group is named by symbol 5000, which does not exist ({d.at_header})",
    ),
    "group linked elsewhere": (
        (".group", "link", 1),
        MISLINKED,
    ),
    "wrong indices": (
        (".comment", "type", 18),
        "the section indices of symbols in section {d.index} ({d.at_offset}) are not one for each symbol",
    ),
}
SHARED_DAMAGES = {
    "versions": (
        (".gnu.version", "size", 2),
        "the symbol versions ({d.at_offset}) are not one for each dynamic symbol",
    ),
    "version strings": (
        (".gnu.version_d", "link", 0),
        "the version definitions ({d.at_offset}) lie outside the file or use another string table",
    ),
    "half an entry": (
        (".dynamic", "size", 24),
        "the dynamic section ({d.at_offset}) lies outside the file or has no whole number of entries",
    ),
    "string": (
        (".dynamic", 8, struct.pack("<Q", 99999)),
        "the dynamic entry {d.at_offset} has its string at 0x1869f, outside the string table",
    ),
}


@pytest.mark.parametrize("damage", OBJECT_DAMAGES)
def test_damaged_object(pool, damage):
    source = '.section .text.f,"axG",@progbits,f,comdat\n.globl f\nf: ret\n.section .comment\n.ascii "text"\n'
    change, text = OBJECT_DAMAGES[damage]
    found, expected = Damaged(assemble(source, name="group"), *change).fault(pool, text)

    assert found == expected


@pytest.mark.parametrize("damage", SHARED_DAMAGES)
def test_damaged_shared_object(pool, shared, damage):
    change, text = SHARED_DAMAGES[damage]
    found, expected = Damaged(shared, *change).fault(pool, text)

    assert found == expected


def test_first_fault_in_input_order_is_reported(pool):
    """Whichever thread is first."""
    good = compile_c(FUNCTIONS).read_bytes()
    bad = patched(good, 58, b"\x28\0")
    inputs = Inputs(Arena())
    maps = [inputs.add_bytes(f"{i}.o", bad if i >= 250 else good) for i in range(500)]
    inputs.arrange(pool, maps, [0] * len(maps))
    with pytest.raises(LinkError, match=r"^250\.o: section headers of 40 bytes"):
        read_headers(inputs, pool)


def test_member_for_another_machine(pool):
    content = patched(compile_c(FUNCTIONS).read_bytes(), 18, b"\xf3\0")
    inputs = Inputs(Arena())
    inputs.arrange(pool, [inputs.add_bytes("lib.a", gnu_archive([(b"riscv.o", content)]))], [0])
    with pytest.raises(LinkError) as caught:
        read_headers(inputs, pool)

    assert str(caught.value) == "lib.a(riscv.o): is for RISC-V; this link is for x86-64"


def test_every_fault_has_a_text():
    declared = (ROOT / "src" / "wild" / "kernels" / "faults.pxd").read_text()
    codes = {int(code) for code in re.findall(r"^    FAULT_\w+ = (\d+)", declared, re.MULTILINE)}
    own = {code for code in codes if code < 50}

    assert own - {faults.FAULT_FOREIGN} == {code for code in faults.TEXTS if code < 50}
