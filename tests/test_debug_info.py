"""Debug sections: copied, relocated, merged; tombstones for dropped code; gdb finds lines and variables."""

from __future__ import annotations

import re
import subprocess

import pytest
from linking import gdb, query
from programs import compile_c, compile_cxx

SOURCE = """int add(int a, int b)
{
    int sum = a + b;
    return sum;
}
int main(void)
{
    return add(40, 2);
}
"""
SPLIT = ("-ffunction-sections", "-fdata-sections")


def places(program) -> dict[str, str]:
    """File and line of each function's first instruction, by addr2line."""
    functions = [symbol for symbol in program.symbol_list if symbol.type == "FUNC" and symbol.size]
    output = query("addr2line", "-e", str(program.path), *(hex(symbol.value) for symbol in functions))
    return dict(zip((symbol.name for symbol in functions), output.split("\n"), strict=False))


@pytest.mark.parametrize("compiler", ["gcc", "clang"])
@pytest.mark.parametrize("version", ["-gdwarf-4", "-gdwarf-5"])
def test_addresses_map_to_lines(link, version, compiler):
    program = link(compile_c(SOURCE, "-g", version, name="source", compiler=compiler))

    found = places(program)
    assert found["add"].endswith(("source.c:2", "source.c:1"))
    assert found["main"].endswith(("source.c:7", "source.c:6"))


@pytest.mark.parametrize("kind", ["-no-pie", "-pie", "-static"])
def test_gdb_stops_at_a_line_and_prints_variables(link, kind):
    program = link(compile_c(SOURCE, "-g", "-fpie", name="source"), kind)

    shown = gdb(program, "break source.c:4", "run", "info locals", "backtrace", "kill")

    assert "sum = 42" in shown
    assert re.search(r"#1 .* main \(\) at .*source.c:8", shown)


def test_gdb_follows_many_files(link):
    chain = [
        compile_c(f"int f{n + 1}(int); int f{n}(int a) {{ return f{n + 1}(a + 1); }}", "-g", name=f"file{n}")
        for n in range(5)
    ]
    last = compile_c("int f5(int a) {\n  return a;\n}", "-g", name="last")
    program = link(compile_c("int f0(int); int main(void) { return f0(37); }", "-g"), *chain, last)

    shown = gdb(program, "break last.c:2", "run", "backtrace", "kill")

    for n in range(5):
        assert f"file{n}.c:1" in shown


@pytest.mark.parametrize("version", ["-gdwarf-4", "-gdwarf-5"])
def test_dropped_functions_get_a_tombstone(link, version):
    """Ranges and low_pc of dropped code are 0 (or 1, or all ones), never an address of live code."""
    source = "int used(void) { return 42; } int unused(void) { return 1; } int unused2(void) { return 2; }"
    objects = (
        compile_c("int used(void); int main(void) { return used(); }", "-g", version),
        compile_c(source, "-g", version, *SPLIT, name="functions"),
    )

    program = link(*objects, "-Wl,--gc-sections")

    text = program.readelf("--debug-dump=info")
    entries = re.findall(r"DW_AT_name\s*:.*?(\w+)\n(?:.*\n){0,6}?.*DW_AT_low_pc\s*:.*?([0-9a-f]+)\n", text)
    addresses = {name: int(value, 16) for name, value in entries}
    assert addresses["used"] == program.symbols["used"].value
    assert addresses["unused"] in (0, 1, 2**64 - 1)
    assert addresses["unused2"] in (0, 1, 2**64 - 1)


def test_ranges_of_dropped_functions_do_not_end_the_list(link):
    """In .debug_ranges a pair of zeros ends the list: dropped entries are (1, 1) so that later ones
    are seen.
    """
    source = "int unused(void) { return 1; } int used(void) { return 42; }"
    objects = (
        compile_c("int used(void); int main(void) { return used(); }"),
        compile_c(source, "-gdwarf-4", *SPLIT, name="functions"),
    )

    program = link(*objects, "-Wl,--gc-sections")

    shown = gdb(program, "info line used")
    assert "functions.c" in shown
    assert f"{program.symbols['used'].value:#x}" in shown
    found = places(program)
    assert "functions.c:1" in found["used"]


def test_location_lists_of_dropped_functions(link):
    source = (
        "int unused(int n) { int m = n * 3; while (n--) m += m * n; return m; } int used(int n) { "
        "int m = n * 3; while (n--) m ^= m * n; return m; }"
    )
    objects = (
        compile_c("int used(int); int main(void) { return used(0); }"),
        compile_c(source, "-gdwarf-4", "-O2", *SPLIT, name="functions"),
    )

    program = link(*objects, "-Wl,--gc-sections")

    assert "Warning" not in program.readelf("--debug-dump=loc")
    assert "functions.c" in gdb(program, "info line used")


def test_breakpoint_is_not_set_in_dropped_code(link):
    """gdb that believes a dropped copy at address 0 would fail to insert the breakpoint."""
    inline = (
        "template <class T> inline T twice(T n) {{ T result = n * 2;\n return result; }} "
        "int {0}(int n) {{ return twice(n); }}"
    )
    objects = [compile_cxx(inline.format(name), "-g", "-O0", name=name) for name in ("a", "b", "c")]
    main = compile_cxx("int a(int), b(int), c(int); int main() { return a(7) + b(7) + c(7); }", "-g")
    program = link(main, *objects, driver="g++")

    shown = gdb(program, "break twice<int>", "run", "backtrace 2", "kill")

    assert "Cannot insert breakpoint" not in shown
    assert "twice<int> (n=7)" in shown


def test_line_table_of_every_unit_is_read(link):
    objects = [compile_c(f"int f{n}(void) {{ return {n}; }}", "-g", name=f"unit{n}") for n in range(20)]

    program = link(compile_c("int main(void) { return 0; }", "-g"), *objects)

    found = places(program)
    assert all(f"unit{n}.c:1" in found[f"f{n}"] for n in range(20))
    assert program.readelf("--debug-dump=decodedline").count("unit7.c") >= 1


def test_type_units_are_merged(link):
    """-fdebug-types-section puts every type into a COMDAT group of .debug_types or .debug_info."""
    source = "struct Shared {{ int a, b; long more[9]; int f() {{ return a; }} }}; Shared {0};"
    flags = ("-g", "-fdebug-types-section", "-gdwarf-4")
    objects = [compile_cxx(source.format(name), *flags, name=name) for name in ("one", "two", "three")]

    program = link(compile_cxx("int main() { return 0; }"), *objects, driver="g++")

    units = re.findall(r"Signature:\s+(?:0x)?([0-9a-f]+)", program.readelf("--debug-dump=info"))
    assert len(units) == 1


def test_split_debug_information_is_left_alone(link):
    """-gsplit-dwarf: the skeleton is linked, .dwo sections stay in their own files."""
    program = link(compile_c(SOURCE, "-g", "-gsplit-dwarf", name="split"))

    program.run(status=42)
    assert ".debug_info" in program.sections
    assert not any(name.endswith(".dwo") for name in program.sections)
    assert places(program)["add"].endswith(("split.c:1", "split.c:2"))


def test_debug_sections_are_not_loaded(link):
    program = link(compile_c(SOURCE, "-g"))

    for name in (".debug_info", ".debug_abbrev", ".debug_line", ".debug_str"):
        assert program.sections[name].address == 0
        assert not program.sections[name].flags & 2


def test_thread_local_variables_are_found_by_gdb(link):
    """DW_OP_GNU_push_tls_address takes an offset made by R_X86_64_DTPOFF64."""
    program = link(
        compile_c("__thread int counter = 42;\nint main(void) {\n  return counter;\n}", "-g", name="tls")
    )

    shown = program.readelf("--debug-dump=info")
    assert re.search(r"DW_AT_location.*(tls|GNU_push_tls)", shown)
    assert "const8u: 0" in shown.replace("DW_OP_", "") or "addr: 0" in shown


def test_macro_information(link):
    program = link(compile_c("#define ANSWER 42\nint main(void) { return ANSWER; }", "-g3"))

    assert "ANSWER 42" in program.readelf("--debug-dump=macro")


def test_optimised_cxx_with_everything_is_readable(link):
    source = (
        "#include <map>\n#include <string>\n#include <vector>\nint main() { "
        'std::map<std::string, std::vector<int>> m; m["x"].push_back(42); return m["x"][0]; }'
    )

    program = link(compile_cxx(source, "-g", "-O2"), "-Wl,--gc-sections", driver="g++")

    program.run(status=42)
    done = subprocess.run(
        ["readelf", "--debug-dump=info,abbrev,line,ranges", program.path],
        capture_output=True,
        text=True,
        check=True,
    )
    assert "Warning" not in done.stderr
