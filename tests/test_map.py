"""--Map-format=lld and --cref: every line of the map is true of the output, and stands where lld would have it."""

from __future__ import annotations

import subprocess

import pytest
from programs import archive, assemble, compile_c, compile_cxx, exit_with, pic_c, tool

START = ".globl _start\n_start: call f" + exit_with("$42")
HEAD = "             VMA              LMA     Size Align Out     In      Symbol"
NAME = 49  # column of the names, which are indented by what they are
OUT, IN, SYMBOL = 0, 8, 16


class Row:
    """A line of the map: address, size and alignment, then a name indented by what it is."""

    def __init__(self, line: str) -> None:
        self.address, self.load_address, self.size = (int(word, 16) for word in line.split()[:3])
        self.align = int(line.split()[3])
        self.name = line[NAME:].strip()
        self.level = len(line[NAME:]) - len(line[NAME:].lstrip())

    def __repr__(self) -> str:
        return f"<{self.address:x} {self.size:x} {self.level} {self.name}>"


def map_of(link, *args: object, **options: str) -> tuple[object, list[Row]]:
    path = link.directory / "out.map"
    words = [f"-Map={path}", "--Map-format=lld"]
    program = link(
        *args, *(words if options.get("driver") == "raw" else ["-Wl," + ",".join(words)]), **options
    )
    head, *lines = path.read_text().splitlines()
    assert head == HEAD
    return program, [Row(line) for line in lines]


def named(rows: list[Row], name: str, level: int) -> list[Row]:
    return [row for row in rows if row.level == level and (row.name == name or row.name.endswith("/" + name))]


@pytest.mark.only_wild
def test_golden_map(link):
    start, f = assemble(START, name="start"), assemble(".globl f\nf: ret\n.balign 16\nlocal: ret\n", name="f")
    path = link.directory / "out.map"

    link.raw(start, f, f"-Map={path}", "--Map-format=lld", "--image-base=0x10000", "-s")

    text = path.read_text().replace(f"{start.parent}/", "").replace(f"{f.parent}/", "")
    assert text[: text.index("       0                0")].rstrip(" ") == (
        f"{HEAD}\n"
        "           11000            11000       31    16 .text\n"
        "           11000            11000       11     1         start.o:(.text)\n"
        "           11000            11000        0     1                 _start\n"
        "           11020            11020       11    16         f.o:(.text)\n"
        "           11020            11020        0     1                 f\n"
        "           11030            11030        0     1                 local\n"
    )


@pytest.mark.only_wild
def test_every_symbol_of_the_map_is_where_the_map_says(link):
    source = "static int hidden = 3; int shown[10]; int f(void) { return hidden + shown[1]; }"
    main = compile_c("int f(void); int main(void) { return f(); }", "-ffunction-sections")

    program, rows = map_of(link, main, compile_c(source, "-fno-common", name="other"))

    symbols = {row.name: row for row in rows if row.level == SYMBOL}
    assert {"main", "f", "shown", "hidden", "_start"} <= symbols.keys()
    wrong = {
        name: (row.address, program.symbols[name].value)
        for name, row in symbols.items()
        if name in program.symbols and program.symbols[name].value != row.address
    }
    assert {name: place for name, place in wrong.items() if not name.startswith("__frame")} == {}
    assert symbols["shown"].size == 40


@pytest.mark.only_wild
def test_output_sections_are_those_of_the_output_in_its_order(link):
    program, rows = map_of(link, compile_c("int main(void) { return 42; }"))

    listed = [(row.name, row.address, row.size) for row in rows if row.level == OUT]
    wanted = [(each.name, each.address, each.size) for each in program.section_list if each.index]
    assert listed == wanted


@pytest.mark.only_wild
def test_input_sections_lie_inside_their_output_section_in_order(link):
    objects = [compile_c(f"int f{n}(void) {{ return {n}; }}", name=f"f{n}") for n in range(20)]

    _, rows = map_of(link, compile_c("int main(void) { return 42; }"), *objects)

    section = None
    last = 0
    for row in rows:
        if row.level == OUT:
            section, last = row, row.address
        elif row.level == IN:
            assert section.address <= row.address <= row.address + row.size <= section.address + section.size
            assert row.address >= last, row
            assert row.address % row.align == 0 or not row.size
            last = row.address


@pytest.mark.only_wild
def test_member_of_an_archive(link):
    library = archive([assemble(".globl f\nf: ret\n", name="f")], "libf.a")

    _, rows = map_of(link, assemble(START, name="start"), library, driver="raw")

    assert len(named(rows, "libf.a(f.o):(.text)", IN)) == 1


@pytest.mark.only_wild
def test_merged_strings_are_one_line(link):
    objects = [compile_c(f'const char *s{n} = "same";', "-O1", name=f"s{n}") for n in range(3)]

    _, rows = map_of(link, compile_c("int main(void) { return 42; }"), *objects)

    assert len([row for row in rows if row.name.startswith("<internal>:(.rodata.str1.1")]) == 1
    assert [row for row in rows if ".rodata.str" in row.name and "internal" not in row.name] == []


@pytest.mark.only_wild
def test_common_symbols_have_places_and_files(link):
    common = compile_c("int shared_number[6];", "-fcommon", name="common")

    program, rows = map_of(link, compile_c("int main(void) { return 42; }"), common)

    section = named(rows, "common.o:(COMMON)", IN)
    symbol = named(rows, "shared_number", SYMBOL)
    assert [row.size for row in section + symbol] == [24, 24]
    assert symbol[0].address == program.symbols["shared_number"].value


@pytest.mark.only_wild
def test_copied_variables_have_a_line(link):
    library = link.shared(pic_c("int copied = 42;"), output="libcopied.so")
    main = compile_c("extern int copied; int main(void) { return copied; }", "-fno-pie", "-O1")

    _, rows = map_of(link, main, library, "-no-pie")

    assert any(row.name == "<internal>:(.dynbss)" for row in rows)


@pytest.mark.only_wild
def test_load_addresses(link):
    script = link.directory / "layout.ld"
    script.write_text(
        "SECTIONS { . = 0x10000; .text : { *(.text) } .data 0x20000 : AT(0x40000) { *(.data) } }"
    )
    source = ".globl _start\n_start: ret\n.data\n.globl d\nd: .quad 1\n"

    _, rows = map_of(link, assemble(source), "-T", script, driver="raw")

    assert {row.load_address for row in named(rows, ".data", OUT) + named(rows, "d", SYMBOL)} == {0x40000}
    assert {row.load_address for row in named(rows, "_start", SYMBOL)} == {0x10000}


@pytest.mark.only_wild
def test_dropped_sections_are_not_listed(link):
    source = "int unused(void) { return 1; } int main(void) { return 42; }"

    _, rows = map_of(link, compile_c(source, "-ffunction-sections"), "-Wl,--gc-sections")

    assert [row for row in rows if "unused" in row.name] == []


@pytest.mark.only_wild
@pytest.mark.parametrize("demangled", [True, False])
def test_cxx_names(link, demangled):
    source = "namespace shape { int area(long) { return 1; } } int main() { return shape::area(1); }"
    flags = [] if demangled else ["-Wl,--no-demangle"]

    _, rows = map_of(link, compile_cxx(source), *flags, driver="g++")

    assert named(rows, "shape::area(long)" if demangled else "_ZN5shape4areaEl", SYMBOL)


@pytest.mark.only_wild
def test_map_does_not_depend_on_the_number_of_threads(link):
    objects = [compile_c(f"int f{n}(void) {{ return {n}; }} int v{n};", name=f"f{n}") for n in range(40)]
    main = compile_c("int main(void) { return 42; }")

    maps = []
    for threads in (1, 2, 8):
        map_of(link, main, *objects, f"-Wl,--threads={threads}")
        maps.append((link.directory / "out.map").read_text())

    assert maps[0] == maps[1] == maps[2]


@pytest.mark.only_wild
def test_map_that_cannot_be_written(link):
    main = assemble(START.replace("call f", ""))

    message = link.fails(main, "-Map=nowhere/out.map", driver="raw")

    assert "nowhere/out.map: cannot write the map: No such file or directory" in message


@pytest.mark.only_wild
def test_cross_reference_table(link):
    """The file with the definition first; long names have a line for themselves, as with GNU ld."""
    long = "n" * 60
    user = assemble(START + f"\n.data\n.quad {long}, f\n", name="user")
    definer = assemble(f".globl f, {long}\n{long}:\nf: ret\n", name="definer")

    messages = link.raw(user, definer, "--cref").messages

    for directory in (user.parent, definer.parent):
        messages = messages.replace(f"{directory}/", "")
    assert messages == (
        "\nCross Reference Table\n\n"
        "Symbol                                            File\n"
        "_start                                            user.o\n"
        "f                                                 definer.o\n"
        "                                                  user.o\n"
        f"{long}\n"
        "                                                  definer.o\n"
        "                                                  user.o\n"
    )


@pytest.mark.only_wild
def test_cross_reference_table_is_gnu_lds(link):
    """For names that objects mention and that no linker provides."""
    objects = [
        compile_c(
            "int f(void), g(void); extern int v; int main(void) { return f() + g() + v; }", name="main"
        ),
        compile_c("int g(void); int v; int f(void) { return g(); }", name="f"),
        compile_c("extern int v; int g(void) { return v; }", name="g"),
    ]

    ours = link(*objects, "-Wl,--cref").messages
    theirs = subprocess.run(
        [tool("gcc"), *objects, "-Wl,--cref", "-fuse-ld=bfd", "-o", link.directory / "other"],
        capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip

    assert entries(ours, "fgv") == entries(theirs, "fgv")


def entries(table: str, names: str) -> dict[str, list[str]]:
    """The files of some one-letter names; GNU ld gives those after the definition in reverse."""
    found: dict[str, list[str]] = {}
    name = ""
    for line in table.splitlines():
        name = line[:50].strip() or name
        if name in names and line[50:]:
            found.setdefault(name, []).append(line[50:])
    return {name: [first, *sorted(others)] for name, (first, *others) in found.items()}


@pytest.mark.only_wild
def test_cross_references_follow_the_map(link):
    path = link.directory / "out.map"

    link.raw(
        assemble(START, name="start"), assemble(".globl f\nf: ret\n", name="f"), f"-Map={path}", "--cref"
    )

    text = path.read_text()
    assert text.startswith("\nDiscarded input sections\n")
    assert f"\nOUTPUT({link.directory}/program elf64-x86-64)\n\nCross Reference Table\n" in text
