"""-r: objects joined to one that every linker can link again."""

from __future__ import annotations

import subprocess

import pytest
from elf import Elf
from linking import gdb, query
from programs import archive, assemble, compile_c, compile_cxx, exit_with, tool

MAIN = """
    #include <cstdio>
    #include <stdexcept>
    #include <string>
    extern thread_local int counter;
    int shared;
    template<class T> T twice(T x) {
        if (x > 1000) throw std::runtime_error("too big: " + std::to_string(x));
        return x + x;
    }
    struct Base { virtual ~Base() {} virtual int f() { return 1; } };
    Base *make();
    int other(int);
    static const char *text() { return "main"; }
    int main() {
        try { twice(5000); } catch (std::exception &e) { std::printf("%s\\n", e.what()); }
        Base *p = make();
        std::printf("%s %d %d %d %d\\n", text(), twice(1), other(3), p->f(), counter);
        delete p;
    }
"""
OTHER = """
    #include <cstdio>
    #include <stdexcept>
    #include <string>
    template<class T> T twice(T x) {
        if (x > 1000) throw std::runtime_error("too big: " + std::to_string(x));
        return x + x;
    }
    struct Base { virtual ~Base() {} virtual int f() { return 1; } };
    struct Derived : Base { int f() override { return 42; } };
    thread_local int counter = 77;
    Base *make() { return new Derived; }
    static const char *text() { return "other"; }
    int other(int x) { std::printf("%s\\n", text()); return twice(x); }
"""
EXPECTED = "too big: 5000\nother\nmain 2 6 42 77\n"
START = ".globl _start\n_start:" + exit_with("$42")


def objects(*flags: str) -> list:
    return [compile_cxx(MAIN, *flags, name="main"), compile_cxx(OTHER, *flags, name="other")]


def symbols(output, *wanted: str) -> dict[str, tuple[str, str, str]]:
    """(binding, visibility, section) of symbols by name."""
    return {
        symbol.name: (symbol.binding, symbol.visibility, symbol.section)
        for symbol in output.symbol_list
        if symbol.name in wanted
    }


@pytest.mark.parametrize("linker", ["wild", "ld", "ld.lld"])
@pytest.mark.parametrize(
    "flags", [(), ("-g", "-O1", "-ffunction-sections", "-fdata-sections"), ("-gdwarf-4",)]
)
def test_any_linker_makes_a_program_of_it(link, linker, flags):
    joined = link.raw("-r", *objects(*flags), output="joined.o")

    chosen = None if linker == "wild" else tool(linker)
    for kind in ("-pie", "-no-pie"):
        assert link(joined, kind, driver="g++", linker=chosen).run() == EXPECTED


@pytest.mark.parametrize(
    "flags", [("-x",), ("-X",), ("-S",), ("-s",), ("-x", "-S"), ("--force-group-allocation",), ("-d",)]
)
def test_program_is_the_same_whatever_was_stripped(link, flags):
    joined = link.raw("-r", *flags, *objects("-g"), output="joined.o")

    assert link(joined, driver="g++").run() == EXPECTED


def test_twice_joined(link):
    one = link.raw("-r", objects("-g")[0], output="one.o")
    both = link.raw("-r", one, objects("-g")[1], output="both.o")

    assert link(both, driver="g++").run() == EXPECTED


def test_debugger_finds_lines(link):
    program = link(link.raw("-r", *objects("-g"), output="joined.o"), driver="g++")

    text = gdb(program, "break other", "run", "backtrace")

    assert "other.cc:14" in text
    assert "main.cc:18" in text


def test_sections_of_one_name_are_joined_and_groups_kept(link):
    joined = link.raw("-r", *objects(), output="joined.o")

    names = [section.name for section in joined.section_list]
    assert names.count(".text") == names.count(".rodata") == names.count(".eh_frame") == 1
    text = joined.readelf("-g")
    assert text.count("[_Z5twiceIiET_S0_]") == 1
    assert text.count(".rela.text._Z5twiceIiET_S0_") == 1


def test_groups_can_be_resolved(link):
    joined = link.raw("-r", "--force-group-allocation", *objects(), output="joined.o")

    assert "There are no section groups" in joined.readelf("-g")


def test_group_named_by_a_local_symbol(link):
    """GNU as names a group that defines no symbol of that name by a local one."""
    source = '.section .data.x,"awG",@progbits,signature,comdat\n.globl x\nx: .long 7\n'
    joined = link.raw("-r", assemble(source, name="a"), assemble(source, name="b"), output="joined.o")

    assert joined.readelf("-g").count("[signature]") == 1
    assert joined.contents(".data.x") == b"\7\0\0\0"


def test_commons_stay_common(link):
    source = "int values[8]; extern int main(void);"
    joined = link.raw(
        "-r",
        compile_c(source, "-fcommon", name="a"),
        compile_c("int values[16];", "-fcommon", name="b"),
        output="joined.o",
    )

    assert symbols(joined, "values")["values"][2] == "COMMON"
    assert joined.symbols["values"].size == 64


def test_commons_get_memory_on_request(link):
    joined = link.raw("-r", "-d", compile_c("int values[8];", "-fcommon"), output="joined.o")

    assert symbols(joined, "values")["values"][2] == ".bss"
    assert joined.sections[".bss"].size == 32


def test_bindings_and_visibility_are_kept(link):
    source = """
        .globl strong, hidden, gone
        .weak weak, absent
        .hidden hidden
        .protected guarded
        .globl guarded
        strong: weak: hidden: guarded: .quad gone, absent
    """
    joined = link.raw("-r", assemble(source), output="joined.o")

    assert symbols(joined, "strong", "weak", "hidden", "guarded", "gone", "absent") == {
        "strong": ("GLOBAL", "DEFAULT", ".text"),
        "weak": ("WEAK", "DEFAULT", ".text"),
        "hidden": ("GLOBAL", "HIDDEN", ".text"),
        "guarded": ("GLOBAL", "PROTECTED", ".text"),
        "gone": ("GLOBAL", "DEFAULT", "UNDEF"),
        "absent": ("WEAK", "DEFAULT", "UNDEF"),
    }


def test_relocations_move_with_their_sections(link):
    """A section symbol's addend grows by where the section now is; a name's stays."""
    one = assemble(".data\n.quad 1, 2\n", name="one")
    two = assemble(".data\nlocal: .quad 5\n.quad local, name + 3, .data + 8\n", name="two")

    joined = link.raw("-r", one, two, output="joined.o")

    table = query("readelf", "-rW", str(joined.path))
    rows = [line.split() for line in table.splitlines() if "R_X86_64_64" in line]
    assert [(row[0].lstrip("0"), " ".join(row[4:])) for row in rows] == [
        ("18", ".data + 10"),
        ("20", "name + 3"),
        ("28", ".data + 18"),
    ]


def test_archives_are_searched(link):
    library = archive([compile_c("int f(void) { return 1; }", name="f"), compile_c("int g;", name="g")])
    user = compile_c("extern int f(void); int h(void) { return f(); }", name="h")

    assert {"f", "h"} <= set(link.raw("-r", user, library, output="some.o").symbols)
    assert "g" not in link.raw("-r", user, library, output="some.o").symbols
    assert "g" in link.raw("-r", user, "--whole-archive", library, output="all.o").symbols


def test_undefined_symbol_of_the_command_line(link):
    joined = link.raw("-r", "-u", "wanted", compile_c("int x = 1;"), output="joined.o")

    assert symbols(joined, "wanted") == {"wanted": ("GLOBAL", "DEFAULT", "UNDEF")}


def test_defsym(link):
    joined = link.raw(
        "-r", "--defsym", "five=5", "--defsym", "behind=x+4", compile_c("int x[2] = {1};"), output="joined.o"
    )

    assert symbols(joined, "five", "behind") == {
        "five": ("GLOBAL", "DEFAULT", "ABS"),
        "behind": ("GLOBAL", "DEFAULT", ".data"),
    }
    assert joined.symbols["behind"].value == joined.symbols["x"].value + 4


def test_wrap(link):
    user = compile_c("int f(void); int g(void) { return f(); }", name="g")
    joined = link.raw("-r", "--wrap", "f", user, output="joined.o")

    assert "__wrap_f" in joined.symbols
    assert "f" not in joined.symbols


def test_unneeded_sections_are_dropped(link):
    source = "int leaf(void) { return 1; } int kept(void) { return leaf(); } int dropped(void) { return 2; }"
    inputs = compile_c(source, "-ffunction-sections", "-O1", "-fno-inline")

    joined = link.raw("-r", "--gc-sections", "-u", "kept", inputs, output="joined.o")

    assert {"kept", "leaf"} <= set(joined.symbols)
    assert "dropped" not in joined.symbols
    assert ".text.dropped" not in joined.sections
    assert "dropped" in link.raw("-r", "--gc-sections", "--gc-keep-exported", inputs, output="all.o").symbols


def test_unneeded_commons_are_dropped(link):
    inputs = compile_c("int wanted[4], unwanted[4]; int *kept(void) { return wanted; }", "-fcommon", "-g")

    joined = link.raw("-r", "--gc-sections", "-u", "kept", inputs, output="joined.o")

    assert symbols(joined, "wanted")["wanted"][2] == "COMMON"
    assert "unwanted" not in joined.symbols
    link("-r", joined, output="again.o", driver="raw")


def test_collecting_needs_a_root(link):
    message = link.fails("-r", "--gc-sections", compile_c("int x;"), driver="raw")

    assert "needs a root" in message


def test_unique_keeps_sections_apart(link):
    inputs = [compile_c(f"int f{n}(void) {{ return {n}; }}", name=f"f{n}") for n in range(3)]

    joined = link.raw("-r", "--unique=.text*", *inputs, output="joined.o")

    names = [section.name for section in joined.section_list]
    assert names.count(".text") == 3
    assert names.count(".data") == 1
    apart = link.raw("-r", "--unique", *inputs, output="apart.o")
    assert [section.name for section in apart.section_list].count(".data") == 3


def test_strings_are_joined_and_still_merged_later(link):
    """Their alignment gaps are empty strings; the last link merges."""
    one = compile_c('const char *a(void) { return "the same long enough text"; }', "-O1", name="one")
    two = compile_c('const char *b(void) { return "the same long enough text"; }', "-O1", name="two")
    main = compile_c("const char *a(void), *b(void); int main(void) { return a() == b() ? 42 : 1; }")

    joined = link.raw("-r", one, two, output="joined.o")

    section = next(each for each in joined.section_list if each.name.startswith(".rodata.str"))
    assert section.entry_size == 1
    link(main, joined).run(status=42)


def test_link_order_is_kept(link):
    source = """
        .section .text.a,"ax"
        a: ret
        .section .meta,"ao",@progbits,.text.a
        .quad a
        .section .text.b,"ax"
        b: ret
        .section .meta,"ao",@progbits,.text.b
        .quad b
    """
    joined = link.raw("-r", assemble(source), output="joined.o")

    meta = [section for section in joined.section_list if section.name == ".meta"]
    assert [joined.section_name(section.link) for section in meta] == [".text.a", ".text.b"]


def test_properties_are_merged(link):
    ibt = compile_c("int a;", "-fcf-protection=full", name="ibt")
    plain = compile_c("int b;", "-fcf-protection=none", name="plain")

    assert "IBT, SHSTK" in link.raw("-r", ibt, ibt, "-z", "muldefs", output="both.o").readelf("-n")
    assert "IBT" not in link.raw("-r", ibt, plain, output="one.o").readelf("-n")


def test_compressed_and_compact_inputs_are_written_plainly(link):
    inputs = [
        compile_cxx(MAIN, "-g", "-gz=zlib", name="main", compiler="clang++"),
        compile_cxx(OTHER, "-g", "-Wa,--crel,--allow-experimental-crel", name="other", compiler="clang++"),
    ]
    joined = link.raw("-r", *inputs, output="joined.o")

    assert link(joined, driver="g++").run() == EXPECTED
    assert "CREL" not in joined.readelf("-S")


def test_shared_object_cannot_be_part(link):
    library = link.shared(compile_c("int f;", "-fPIC"))

    assert "shared object cannot be part of an object file" in link.fails("-r", library, driver="raw")


def test_duplicate_definitions_are_errors(link):
    inputs = [compile_c("int f(void) { return 1; }", name=name) for name in ("one", "two")]

    assert "f" in link.fails("-r", *inputs, driver="raw", output="joined.o")


def test_relocation_against_a_missing_symbol_is_an_error(link, tmp_path):
    data = bytearray(assemble(".data\n.quad name\n").read_bytes())
    table = Elf(bytes(data)).sections[".rela.data"]
    data[table.offset + 12 : table.offset + 16] = b"\xff\xff\0\0"
    broken = tmp_path / "broken.o"
    broken.write_bytes(data)

    message = link.fails("-r", broken, driver="raw", output="joined.o")

    assert "broken.o:(.data+0x0): R_X86_64_64 refers to symbol 65535, which does not exist" in message


def test_output_does_not_depend_on_threads(link):
    inputs = objects("-g")

    one = link.raw("-r", "--threads=1", *inputs, output="one.o").data
    many = link.raw("-r", "--threads=7", *inputs, output="many.o").data

    assert one == many


@pytest.mark.slow
def test_more_sections_than_a_header_can_count(link):
    lines = [f'.section .text.f{n},"ax"\n.globl f{n}\nf{n}: ret' for n in range(66000)]
    many = assemble("\n".join(lines) + "\n", name="many")
    start = assemble(".globl _start\n_start: call f65999" + exit_with("$42"), name="start")

    joined = link.raw("-r", many, start, output="joined.o")

    assert joined.shnum == 0
    assert len(joined.section_list) > 66000
    for linker in (None, tool("ld"), tool("ld.lld")):
        link.raw(joined, linker=linker).run(status=42)


def test_driver_makes_relocatable_output(link):
    done = subprocess.run([tool("gcc"), "--version"], capture_output=True, check=True)
    assert done.returncode == 0

    joined = link("-r", "-nostdlib", assemble(START), output="joined.o")

    link.raw(joined).run(status=42)
