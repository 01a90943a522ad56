"""Lines and functions of places in objects: compilers, random tables, pyelftools as twin, broken files."""

from __future__ import annotations

import io
import random
import struct
import subprocess
import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from elftools.elf.elffile import ELFFile
from hypothesis import given, settings
from hypothesis import strategies as st
from programs import assemble, compile_c, compile_cxx, tool

from wild.debug_lines import function_of, source_of
from wild.object_view import ObjectView
from wild.optional import decompress_zstd

SOURCE = """\
#line 1 "src/main.c"
void g(void); int v;
__attribute__((section(".text.second"))) void second(void) {
  g();
}
void f(void) {
  g();
#line 7 "inc/inline.h"
  g();
  v = 3;
}
int *p = &v;
"""


def calls(path: Path, section: str) -> list[int]:
    """Where the operands of calls are: what an error is about."""
    view = ObjectView(path.read_bytes())
    index = view.find(section)
    return sorted(
        place for place, (target, _) in view.relocation_targets(index).items() if target in (0, index)
    )


def sources(path: Path, section: str, places: list[int]) -> list[str | None]:
    data = path.read_bytes()
    index = ObjectView(data).find(section)
    return [source_of(data, index, place) for place in places]


@pytest.mark.parametrize("version", [2, 3, 4, 5])
@pytest.mark.parametrize("flags", [(), ("-O2",), ("-ffunction-sections",), ("-gz",), ("-m64", "-fPIC")])
def test_lines_of_gcc(version, flags):
    path = compile_c(SOURCE, f"-gdwarf-{version}", *flags)
    first = ".text.f" if "-ffunction-sections" in flags else ".text"

    assert sources(path, ".text.second", calls(path, ".text.second")[:1]) == ["src/main.c:3"]
    assert sources(path, first, calls(path, first)[:2]) == ["src/main.c:6", "inc/inline.h:7"]


def test_lines_of_clang():
    path = compile_c(SOURCE, "-g", compiler="clang")

    assert sources(path, ".text", calls(path, ".text")[:2]) == ["src/main.c:6", "inc/inline.h:7"]


def test_lines_of_rustc(tmp_path):
    source = tmp_path / "lib.rs"
    source.write_text('extern "C" { fn g(); }\n\n#[no_mangle]\npub unsafe extern "C" fn f() {\n    g();\n}\n')
    command = [
        tool("rustc"),
        "--crate-type=lib",
        "--emit=obj",
        "-g",
        "-Cpanic=abort",
        "lib.rs",
        "-o",
        "lib.o",
    ]
    subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)
    data = (tmp_path / "lib.o").read_bytes()

    assert source_of(data, ObjectView(data).find(".text.f"), 3) == "lib.rs:5"


def test_places_without_a_line():
    data = compile_c(SOURCE, "-g").read_bytes()
    view = ObjectView(data)

    assert source_of(data, view.find(".text"), 10_000) is None
    assert source_of(data, view.find(".data.rel.local") or view.find(".data"), 10_000) is None
    assert source_of(data, 0, 0) is None
    assert source_of(data, 10_000, 0) is None
    assert source_of(compile_c(SOURCE, "-g0").read_bytes(), view.find(".text"), 0) is None


VARIABLES = """\
#line 1 "src/main.c"
extern int late, missing[];
struct pair { int *one, *two; };

struct pair table[] = { { missing, 0 },
                        { 0, missing } };
int late = 4; static volatile int kept = 5;
_Thread_local int own = 3;
int zeros[10];
int f(void) { return kept + late + own; }
"""
LINES = {"table": 4, "late": 6, "kept": 6, "own": 7, "zeros": 8}


def line_of(path: Path, name: str, offset: int) -> str | None:
    """The source of a place in a variable."""
    data = path.read_bytes()
    with path.open("rb") as file:
        (symbol,) = ELFFile(file).get_section_by_name(".symtab").get_symbol_by_name(name)
        return source_of(data, symbol["st_shndx"], symbol["st_value"] + offset)


@pytest.mark.parametrize("compiler", ["gcc", "clang"])
@pytest.mark.parametrize("version", [2, 3, 4, 5])
@pytest.mark.parametrize("flags", [(), ("-O2", "-fdata-sections"), ("-gz",), ("-gdwarf64",)])
def test_lines_of_variables(compiler, version, flags):
    if "-gdwarf64" in flags and (compiler, version) in (("clang", 2), ("clang", 3), ("gcc", 2)):
        pytest.skip("64-bit DWARF is of later versions")
    path = compile_c(VARIABLES, f"-gdwarf-{version}", *flags, compiler=compiler)

    found = {name: line_of(path, name, 0) for name in LINES}
    assert found == {name: f"src/main.c:{line}" for name, line in LINES.items()}
    assert line_of(path, "table", 24) == "src/main.c:4"


@pytest.mark.parametrize("compiler", ["g++", "clang++"])
def test_a_variable_that_was_declared_before(compiler):
    """Its entry completes that of the declaration; g++ tells the line of the definition, clang++ only that one."""
    source = "namespace n { struct S { static int count; }; }\n\nint n::S::count = 3;\n"

    line = 3 if compiler == "g++" else 1
    assert line_of(compile_cxx(source, "-g", compiler=compiler), "_ZN1n1S5countE", 0) == f"main.cc:{line}"


def test_a_variable_of_an_object_with_several_units(tmp_path):
    one = compile_c('#line 5 "one.c"\nint one = 1;', "-g")
    two = compile_c('#line 6 "two.c"\nint two = 1;', "-g")
    subprocess.run([tool("ld"), "-r", one, two, "-o", tmp_path / "r.o"], check=True)

    assert line_of(tmp_path / "r.o", "one", 0) == "one.c:5"
    assert line_of(tmp_path / "r.o", "two", 0) == "two.c:6"


@pytest.mark.parametrize("kind", ["zlib", "zlib-gnu", "zstd"])
def test_compressed_debug_sections(kind, tmp_path):
    """A table of many lines, since a section is only compressed when that makes it smaller."""
    if kind == "zstd" and decompress_zstd(b"", 0) is None:
        pytest.skip("no zstd library for this interpreter")
    path = compile_c("void g(void);\nvoid f(void) {\n" + "g();\n" * 3000 + "}\n", "-g")
    subprocess.run([tool("objcopy"), f"--compress-debug-sections={kind}", path, tmp_path / "z.o"], check=True)

    assert (tmp_path / "z.o").stat().st_size < path.stat().st_size
    assert sources(tmp_path / "z.o", ".text", calls(path, ".text")[2999:]) == sources(
        path, ".text", calls(path, ".text")[2999:]
    )
    assert sources(tmp_path / "z.o", ".text", calls(path, ".text")[2999:])[0].endswith(":3002")


def test_objects_joined_by_ld_have_several_tables(tmp_path):
    one = compile_c('#line 5 "one.c"\nvoid g(void); void f(void) { g(); }', "-g")
    two = compile_c('#line 6 "two.c"\nvoid h(void); void g(void) { h(); }', "-g")
    subprocess.run([tool("ld"), "-r", one, two, "-o", tmp_path / "r.o"], check=True)
    text = ObjectView((tmp_path / "r.o").read_bytes())
    places = [place for place, _ in sorted(text.relocation_targets(text.find(".text")).items())]

    assert sources(tmp_path / "r.o", ".text", places) == ["one.c:5", "two.c:6"]


def test_functions():
    data = compile_c(SOURCE, "-ffunction-sections").read_bytes()
    view = ObjectView(data)

    assert function_of(data, view.find(".text.f"), 5) == "f"
    assert function_of(view, view.find(".text.second"), 5) == "second"
    assert function_of(data, view.find(".text.f"), 5000) is None
    assert function_of(data, view.find(".data"), 0) is None


def test_function_without_a_size_reaches_to_the_next():
    data = assemble(
        ".type f, @function\nf: nop\nnop\n.globl g\n.type g, @function\ng: nop\nlabel: nop"
    ).read_bytes()
    text = ObjectView(data).find(".text")

    assert [function_of(data, text, offset) for offset in range(5)] == ["f", "f", "g", "g", "g"]


def test_an_object_of_many_sections():
    """Beyond 65,279 sections indices stand in a section of their own."""
    count = 70_000
    sections = "".join(f'.section .text.f{i},"ax",@progbits\n' for i in range(count))
    text = (
        f'.file 1 "a.c"\n{sections}.globl last\n.type last, @function\nlast:\n.loc 1 77\nnop\n.size last, 1\n'
    )
    data = assemble(text).read_bytes()
    view = ObjectView(data)
    index = view.find(f".text.f{count - 1}")

    assert index > 65_535
    assert function_of(view, index, 0) == "last"
    assert source_of(view, index, 0) == "a.c:77"


CHUNKS = st.lists(
    st.tuples(st.sampled_from("abc"), st.sampled_from([1, 2]), st.integers(1, 200_000), st.integers(1, 400)),
    min_size=1,
    max_size=12,
)


@settings(max_examples=25, deadline=None)
@given(CHUNKS, st.sampled_from([3, 5]))
def test_any_table_says_what_the_assembler_was_told(chunks, version):
    names = {1: "dir/one.c", 2: "two.h"}
    text = "".join(f'.file {number} "{name}"\n' for number, name in names.items())
    expected: dict[str, list[str]] = {}
    for section, file, line, count in chunks:
        text += f'.section .text.{section},"ax",@progbits\n.loc {file} {line}\n.rept {count}\nnop\n.endr\n'
        expected.setdefault(section, []).extend([f"{names[file]}:{line}"] * count)
    view = ObjectView(assemble(text, f"-Wa,--gdwarf-{version}").read_bytes())

    for section, lines in expected.items():
        index = view.find(f".text.{section}")
        assert [source_of(view, index, offset) for offset in range(len(lines))] == lines
        assert source_of(view, index, len(lines)) is None


CXX = """
#include <map>
#include <string>
int main(int argc, char **argv) {
  std::map<std::string, int> words;
  for (int i = 1; i < argc; i++) words[argv[i]]++;
  return words.size();
}
"""


WINDOW = 40  # bits of an offset


def in_windows(data: bytes) -> bytes:
    """The object with addends of .rela.debug_line that put each section at an address of its own."""
    view = ObjectView(data)
    lines = view.find(".debug_line")
    result = bytearray(data)
    for header in view.headers:
        if header[1] == 4 and header[7] == lines:  # SHT_RELA, sh_info
            for at in range(header[4], header[4] + header[5], 24):
                place, kind, _, addend = struct.unpack_from("<QIIq", data, at)
                if kind == 1:  # R_X86_64_64
                    section, _ = view.relocation_targets(lines)[place]
                    struct.pack_into("<q", result, at + 16, addend + (section << WINDOW))
    return bytes(result)


def rows_of(data: bytes) -> Iterator[tuple[int, int, str]]:
    """(address, line, file name) of every row that holds at least one byte, as pyelftools decodes them."""
    dwarf = ELFFile(io.BytesIO(in_windows(data))).get_dwarf_info()
    for unit in dwarf.iter_CUs():
        program = dwarf.line_program_for_CU(unit)
        first = 0 if program.header.version == 5 else 1
        states = [entry.state for entry in program.get_entries() if entry.state is not None]
        for state, following in pairwise(states):
            if not state.end_sequence and state.address < following.address:
                name = program.header.file_entry[state.file - first].name
                yield state.address, state.line, name.decode().rpartition("/")[2]


@pytest.mark.parametrize("version", [3, 4, 5])
def test_every_row_equals_that_of_pyelftools(version):
    data = compile_cxx(CXX, f"-gdwarf-{version}", "-O1").read_bytes()
    view = ObjectView(data)
    rows = list(rows_of(data))

    assert len(rows) > 300
    for address, line, name in rows:
        found = source_of(view, address >> WINDOW, address & (1 << WINDOW) - 1)
        assert (found and found.rpartition("/")[2]) == (f"{name}:{line}" if line else None)


def test_damaged_objects_give_no_answer_but_do_not_fail():
    """Bytes flipped anywhere and files cut short: an answer or None, within a bounded time."""
    original = compile_c(SOURCE, "-g", "-ffunction-sections").read_bytes()
    view = ObjectView(original)
    section = view.find(".text.f")
    variable = view.find(".data.rel.local") or view.find(".data")
    assert source_of(original, variable, 0) == "inc/inline.h:10"
    dice = random.Random(1)
    begin = time.process_time()
    for _ in range(3000):
        data = bytearray(original)
        for _ in range(dice.choice([1, 1, 2, 8])):
            data[dice.randrange(len(data))] = dice.randrange(256)
        if dice.random() < 0.2:
            del data[dice.randrange(len(data)) :]

        assert isinstance(source_of(bytes(data), section, 10), str | None)
        assert isinstance(source_of(bytes(data), variable, 0), str | None)
        assert isinstance(function_of(bytes(data), section, 10), str | None)
    assert time.process_time() - begin < 30
