"""--gdb-index: gdb opens a program by its index, and finds in it what it finds without."""

from __future__ import annotations

import re
import subprocess

import pytest
from elf import Elf
from linking import gdb
from programs import compile_c, compile_cxx, tool

MAIN = """
    namespace outer { struct thing { int x; }; int inner(thing t) { return t.x; } static int hidden = 5; }
    template<class T> T twice(T t) { return t + t; }
    extern int other(int);
    enum colour { red, green };
    int main() { return outer::inner({1}) + twice(2) + other(3) + outer::hidden + green; }
"""
OTHER = """
    template<class T> T twice(T t) { return t + t; }
    typedef int number;
    number variable = 7;
    int other(int x) { return twice(x) + variable; }
"""
MODES = {
    "dwarf5": ("-gdwarf-5",),
    "dwarf4": ("-gdwarf-4",),
    "dwarf64": ("-gdwarf-5", "-gdwarf64"),
    "types": ("-gdwarf-4", "-fdebug-types-section"),
    "sections": ("-gdwarf-5", "-ffunction-sections"),
}


def objects(*flags: str, compiler: str = "g++") -> list:
    flags = ("-O0", "-g", "-ggnu-pubnames", *flags)
    return [
        compile_cxx(MAIN, *flags, name="main", compiler=compiler),
        compile_cxx(OTHER, *flags, name="other", compiler=compiler),
    ]


def table(output) -> dict[str, set[str]]:
    """Names of the index with their units and kinds, as readelf understands them."""
    text = subprocess.run(
        [tool("readelf"), "--debug-dump=gdb_index", output.path], capture_output=True, text=True, check=True
    ).stdout
    rows = re.findall(r"^\[ *\d+\] (.*?):((?: .*|$)(?:\n\t.*)*)", text.partition("Symbol table:")[2], re.M)
    return {
        name: {" ".join(each.split()) for each in rest.splitlines() if each.strip()} for name, rest in rows
    }


@pytest.mark.parametrize("mode", MODES)
def test_debugger_uses_it(link, mode):
    flags = MODES[mode]
    program = link(*objects(*flags), "-Wl,--gdb-index", "-Wl,--gc-sections", driver="g++")

    text = gdb(program, "maint print objfiles", "break outer::inner", "info line other", "ptype outer::thing")

    assert "gdb_index" in text
    assert "main.cc" in text
    assert "other.cc" in text
    assert "int x;" in text
    assert program.run(status=24) == ""


@pytest.mark.parametrize("version", ["4", "5"])
def test_split_debug_information(link, version):
    """Skeletons stay in the objects; the rest is in .dwo files that the debugger looks for beside them."""
    flags = ("-g", f"-gdwarf-{version}", "-gsplit-dwarf", "-ggnu-pubnames", "-c")
    for name, source in (("main.cc", MAIN), ("other.cc", OTHER)):
        (link.directory / name).write_text(source)
        subprocess.run([tool("g++"), *flags, name], cwd=link.directory, check=True)
    inputs = [link.directory / "main.o", link.directory / "other.o"]
    program = link(*inputs, "-Wl,--gdb-index", driver="g++")

    text = gdb(program, "maint print objfiles", "break outer::inner", "info line other", "ptype outer::thing")

    assert "gdb_index" in text
    assert "main.cc, line 2" in text
    assert "int x;" in text


def test_names_and_units(link):
    program = link(*objects("-gdwarf-5"), "-Wl,--gdb-index", driver="g++")

    found = table(program)
    assert {
        "main",
        "other",
        "outer::inner",
        "outer::thing",
        "twice<int>",
        "variable",
        "red",
        "number",
    } <= set(found)
    assert len(found["twice<int>"]) == 2
    assert "[global, function]" in next(iter(found["main"]))


@pytest.mark.parametrize("mode", ["dwarf5", "dwarf4"])
def test_index_is_that_of_another_linker(link, mode):
    inputs = objects(*MODES[mode], compiler="clang++")
    mine = link(*inputs, "-Wl,--gdb-index", driver="clang++")
    theirs = link(*inputs, "-Wl,--gdb-index", driver="clang++", linker=tool("ld.lld"), output="lld")

    assert table(mine) == table(theirs)


@pytest.mark.parametrize("mode", ["dwarf5", "dwarf4", "sections"])
def test_addresses_of_all_functions_are_there(link, mode):
    program = link(*objects(*MODES[mode]), "-Wl,--gdb-index", driver="g++")

    text = subprocess.run(
        [tool("readelf"), "--debug-dump=gdb_index", program.path], capture_output=True, text=True, check=True
    ).stdout
    ranges = [
        (int(low, 16), int(high, 16))
        for low, high in re.findall(r"^([0-9a-f]{16}) ([0-9a-f]{16}) \d+$", text, re.M)
    ]
    for name in ("main", "_Z5otheri", "_ZN5outer5innerENS_5thingE", "_Z5twiceIiET_S0_"):
        assert any(low <= program.symbols[name].value < high for low, high in ranges), name


def test_dropped_functions_have_no_addresses(link):
    source = "int kept(void) { return 0; } int dropped(void) { return 1; } int main(void) { return kept(); }"
    for flags in (("-gdwarf-5",), ("-gdwarf-4",)):
        inputs = compile_c(source, "-ggnu-pubnames", "-ffunction-sections", *flags)
        program = link(inputs, "-Wl,--gdb-index,--gc-sections")

        text = subprocess.run(
            [tool("readelf"), "--debug-dump=gdb_index", program.path],
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        lows = [int(low, 16) for low in re.findall(r"^([0-9a-f]{16}) [0-9a-f]{16} \d+$", text, re.M)]
        assert lows
        assert min(lows) >= program.sections[".text"].address


def test_no_index_where_names_are_missing(link):
    """gdb would not find what an index does not name."""
    inputs = [objects()[0], compile_cxx(OTHER, "-g", name="other")]
    program = link(*inputs, "-Wl,--gdb-index", driver="g++")

    assert "-ggnu-pubnames" in program.messages
    assert ".gdb_index" not in program.sections


def test_no_index_without_debug_information(link):
    program = link(compile_c("int main(void) { return 0; }"), "-Wl,--gdb-index")

    assert ".gdb_index" not in program.sections


def test_index_beside_compressed_sections(link):
    program = link(*objects(), "-Wl,--gdb-index", "-Wl,--compress-debug-sections=zlib", driver="g++")

    assert program.sections[".debug_info"].flags & 0x800
    assert "main" in table(program)


def test_damaged_debug_information_gives_a_warning(link, tmp_path):
    data = bytearray(objects()[0].read_bytes())
    data[Elf(bytes(data)).sections[".debug_info"].offset + 4] = 99  # the version
    broken = tmp_path / "broken.o"
    broken.write_bytes(data)

    program = link(broken, objects()[1], "-Wl,--gdb-index", driver="g++")

    assert "cannot be read" in program.messages


def test_same_with_any_number_of_threads(link):
    one = link(*objects(), "-Wl,--gdb-index,--threads=1", driver="g++", output="one")
    many = link(*objects(), "-Wl,--gdb-index,--threads=5", driver="g++", output="many")

    assert one.contents(".gdb_index") == many.contents(".gdb_index")
