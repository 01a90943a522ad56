"""-Map as GNU ld writes it: a parser of the usual kind reads the same from its map and from ours."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

import pytest
from programs import archive, assemble, compile_c, compile_cxx, exit_with, pic_c, tool

pytestmark = pytest.mark.only_wild

SECTION = re.compile(r"^(\.?\w\S*)\s+0x([0-9a-f]{16})\s+0x([0-9a-f]+)(?: load address 0x([0-9a-f]+))?$")
INPUT = re.compile(r"^ (\.?\w\S*)\s+0x([0-9a-f]{16})\s+0x([0-9a-f]+) (\S.*)$")
FILL = re.compile(r"^ \*fill\*\s+0x([0-9a-f]{16})\s+0x([0-9a-f]+) [0-9a-f]*$")
ASSIGNMENT = re.compile(r"^ {16}(?:0x([0-9a-f]{16})|\[!provide\]) {8,16}(\S.* = .*|ASSERT .*)$")
SYMBOL = re.compile(r"^ {16}0x([0-9a-f]{16}) {16}(\S.*)$")
DATA = re.compile(r"^ {16}0x([0-9a-f]{16})\s+0x([0-9a-f]+) (BYTE|SHORT|LONG|QUAD) 0x([0-9a-f]+)$")
PATTERN = re.compile(r"^ (\S*\(.*\))$")
REASON = re.compile(r"^(\S.*?)\s+(\S*) ?\((.+)\)$")
REGION = re.compile(r"^(\S+) +0x([0-9a-f]{16}) 0x([0-9a-f]{16})(?: (\S+))?$")
# What GNU ld does otherwise: it makes sections with nothing in them, and gives the linker's own to the first object.
OWN = re.compile(r"\.(rela?|igot|iplt|got|plt|eh_frame|comment|note|symtab|strtab|shstrtab|sframe)\b")


class Map(NamedTuple):
    chapters: dict[str, list[str]]
    rows: list[tuple[object, ...]]

    def of(self, kind: str) -> list[tuple[object, ...]]:
        return [row[1:] for row in self.rows if row[0] == kind]


def read_map(path: Path) -> Map:
    """The map as a parser sees it: names that have a line for themselves are joined with what follows."""
    text = re.sub(r"/\S*/", "", path.read_text())
    text = re.sub(r"(?m)^( ?\S+)\n +(?=0x[0-9a-f]{16} +0x|\S+ \()", r"\1 ", text)
    chapters: dict[str, list[str]] = {}
    title = ""
    for line in text.splitlines():
        if re.match(r"(Archive|As-needed|Allocating|Discarded|Memory C|Linker|Cross)", line):
            title = line
        elif line:
            chapters.setdefault(title, []).append(line)
    rows = [row for line in chapters.get("Linker script and memory map", []) if (row := read_row(line))]
    return Map(chapters, rows)


def read_row(line: str) -> tuple[object, ...] | None:
    for kind, pattern in (
        ("section", SECTION), ("fill", FILL), ("input", INPUT), ("assignment", ASSIGNMENT), ("symbol", SYMBOL),
        ("data", DATA), ("pattern", PATTERN),
    ):  # fmt: skip
        if found := pattern.match(line):
            return (kind, *found.groups())
    return None


def maps(link, *args: object, **options: str) -> tuple[Map, Map]:
    """Of the same link by GNU ld and by us."""
    tool("ld")
    for linker in ("ld", None):
        done = link.attempt(*args, f"-Map={linker}.map", driver="raw", output="program", linker=linker)
        assert done.returncode == 0, done.stderr
    return read_map(link.directory / "ld.map"), read_map(link.directory / "None.map")


def with_script(link, text: str, *args: object) -> tuple[Map, Map]:
    (link.directory / "layout.ld").write_text(text)
    return maps(link, *args, "-T", link.directory / "layout.ld")


def shown(found: Map) -> list[tuple[object, ...]]:
    """The rows that both have: not those of sections that the linker makes, nor of inputs without a byte."""
    rows = []
    own = False
    for row in found.rows:
        if row[0] == "section":
            own = bool(OWN.match(str(row[1])))
        empty = row[0] in ("section", "input") and int(str(row[3]), 16) == 0
        if not own and not empty:
            rows.append(row)
    return rows


MICROCONTROLLER = """
    ENTRY(main)
    MEMORY { FLASH (rx) : ORIGIN = 0x08000000, LENGTH = 256K
             RAM (rwx) : ORIGIN = 0x20000000, LENGTH = 64K }
    _stack = ORIGIN(RAM) + LENGTH(RAM);
    SECTIONS {
      .text : { KEEP(*(.vectors)) *(.text .text.*) . = ALIGN(16); _etext = .; LONG(5) } > FLASH
      .rodata : { *(SORT(.rodata*)) *(EXCLUDE_FILE(*x.o) .constants) } > FLASH
      .data : { _sdata = .; *(.data*); BYTE(3) FILL(0x33) . += 7; PROVIDE(_edata = .); PROVIDE(nope = 3); }
              > RAM AT> FLASH
      _ldata = LOADADDR(.data) + 4 * 2;
      .bss (NOLOAD) : { *(.bss*) *(COMMON) } > RAM
      ASSERT(. > 4, "message")
      wanted = DEFINED(main) ? 3 : -4;
      /DISCARD/ : { *(.comment) *(.eh_frame) *(.note*) }
    }
"""
FLAGS = ("-fcommon", "-ffreestanding", "-fno-pic", "-O1")


@pytest.fixture
def firmware() -> list[Path]:
    return [
        compile_c(
            "extern char _edata[]; int f(int); int cc[4]; int dd = 4; static int hidden = 2; "
            "int main(void) { return (long)_edata + f(dd) + cc[1] + hidden++; } "
            "int a_function_with_a_long_name(void) { return dd; }",
            *FLAGS, name="main",
        ),
        compile_c("const int table[3] = {1, 2, 3}; char odd[3] = {1}; int f(int x) { return table[x] + odd[x]; }",
                  *FLAGS, name="f"),
    ]  # fmt: skip


def test_the_map_of_a_script_is_that_of_gnu_ld(link, firmware):
    theirs, ours = with_script(link, MICROCONTROLLER, *firmware)

    assert shown(ours) == shown(theirs)
    for kind in ("section", "input", "fill", "assignment", "symbol", "data", "pattern"):
        assert ours.of(kind), kind


@pytest.mark.parametrize(
    "chapter", ["Allocating common symbols", "Discarded input sections", "Memory Configuration"]
)
def test_the_chapters_before_the_map_are_those_of_gnu_ld(link, firmware, chapter):
    theirs, ours = with_script(link, MICROCONTROLLER, *firmware)

    assert ours.chapters[chapter] == theirs.chapters[chapter]


def test_input_sections_and_symbols_of_a_program_without_a_script(link):
    """Addresses differ; what is in the output, and from which file, does not."""
    program = [
        compile_c("int g(void); static int v[5] = {1}; int f(void) { return g() + v[g()]; }", "-ffunction-sections",
                  name="f"),
        compile_cxx("namespace shape { int area(long) { return 1; } } extern \"C\" int g() { return shape::area(1); }",
                    name="g"),
        assemble(".globl _start\n_start: call f" + exit_with("$42"), name="start"),
    ]  # fmt: skip

    theirs, ours = maps(link, *program, "--no-eh-frame-hdr")

    def contents(found: Map) -> list[tuple[object, ...]]:
        return sorted(
            (name, size, file)
            for name, _, size, file in found.of("input")
            if int(size, 16) and not OWN.match(name)
        )

    assert contents(ours) == contents(theirs)
    assert {name for _, name in ours.of("symbol")} == {name for _, name in theirs.of("symbol")}
    assert ("shape::area(long)",) in [row[1:] for row in ours.of("symbol")]


def test_members_and_libraries_that_are_needed(link):
    library = link.shared(pic_c("int shared_one(void) { return 1; }"), output="libone.so")
    members = archive(
        [
            assemble(".globl f\nf: call g\n call shared_one@plt\n ret\n", name="f"),
            assemble(".globl g\ng: ret\n", name="g"),
        ],
        "libfg.a",
    )
    start = assemble(".globl _start\n_start: call f" + exit_with("$42"), name="start")

    theirs, ours = maps(link, start, members, "--as-needed", library)

    for chapter, words in (("Archive member", ["f.o", "g.o"]), ("As-needed library", ["libone.so"])):
        title = next(each for each in theirs.chapters if each.startswith(chapter))
        reasons = [REASON.match(line).groups() for line in ours.chapters[title]]
        assert reasons == [REASON.match(line).groups() for line in theirs.chapters[title]]
        assert all(any(word in name for name, _, _ in reasons) for word in words)
    assert [line for line in ours.chapters["Linker script and memory map"] if line.startswith("LOAD")] == [
        "LOAD start.o", "LOAD libfg.a", "LOAD libone.so"
    ]  # fmt: skip


def test_dropped_sections_are_listed(link):
    source = "int unused(void) { return 1; } int main(void) { return 42; }"
    main = compile_c(source, "-ffunction-sections")

    theirs, ours = maps(link, main, "--gc-sections", "-e", "main")

    chapter = "Discarded input sections"
    assert any(".text.unused" in line for line in ours.chapters[chapter])
    assert ours.chapters[chapter] == theirs.chapters[chapter]


def test_dropped_sections_can_be_left_out(link):
    main = compile_c("int main(void) { return 42; }")

    link.raw(main, "-e", "main", "-Map=out.map", "--no-print-map-discarded")

    assert "Discarded" not in (link.directory / "out.map").read_text()


@pytest.mark.parametrize("asked", [True, False])
def test_local_symbols_on_request(link, asked):
    link.raw(
        assemble(".globl _start\n_start: nop\nlocal: ret\n"), "-Map=out.map", *["--print-map-locals"][:asked]
    )

    found = read_map(link.directory / "out.map")
    assert [name for _, name in found.of("symbol")] == ["_start", "local"][: 1 + asked]


def test_every_byte_of_a_section_is_told(link):
    """Input sections, what the linker makes, and the gaps follow each other without overlap."""
    objects = [
        compile_c(f'const char *s{n} = "text {n % 3}"; int f{n}(void) {{ return {n}; }}', name=f"f{n}")
        for n in range(9)
    ]

    link(compile_c("int main(void) { return 42; }"), *objects, "-Wl,-Map=out.map,--gc-sections")

    at = end = 0
    for kind, *row in read_map(link.directory / "out.map").rows:
        if kind == "section":
            assert at == end, row
            at, size = int(row[1], 16), int(row[2], 16)
            end = at + size
        elif kind in ("input", "fill"):
            place, size = (int(word, 16) for word in row[kind == "input" :][:2])
            assert place == at, row
            at += size
    assert at == end
    assert end


def test_the_map_does_not_depend_on_the_number_of_threads(link):
    objects = [compile_c(f"int f{n}(void) {{ return {n}; }} int v{n};", name=f"f{n}") for n in range(40)]
    main = compile_c("int main(void) { return 42; }")
    found = set()
    for threads in (1, 2, 8):
        link(main, *objects, f"-Wl,--threads={threads},-Map=out.map")
        found.add((link.directory / "out.map").read_text())

    assert len(found) == 1


def test_sections_of_the_script_without_contents_are_shown(link):
    theirs, ours = with_script(
        link,
        "SECTIONS { .text : { *(.text) } .empty : { *(.empty) } after = .; }",
        assemble(".globl _start\n_start: ret\n"),
    )

    for found in (theirs, ours):
        lines = found.chapters["Linker script and memory map"]
        assert ".empty" in lines
        assert lines[lines.index(".empty") + 1] == " *(.empty)"
    assert ours.of("assignment") == theirs.of("assignment")


def test_defsym_stands_in_front_of_all_sections(link):
    link.raw(assemble(".globl _start\n_start: nop\n"), "--defsym=a=1", "--defsym=b=a+0x10", "-Map=out.map")

    text = (link.directory / "out.map").read_text()
    lines = [" ".join(line.split()) for line in text.partition("LOAD ")[2].splitlines()[1:]]
    assert lines[:2] == ["0x0000000000000001 a = 0x1", "0x0000000000000011 b = (a + 0x10)"]


PARTS = (
    'int g(void); static int v[5] = {1}; int f(void) { return g() + v[g()]; } const char *s = "text"; int common[3];',
    "int g(void) { return 1; } int zero[7];",
)


def test_the_map_of_a_partial_link(link):
    """glibc's build reads in it which members of the library the loader needs."""
    f = compile_c(PARTS[0], "-O1", "-ffunction-sections", "-fcommon", "-fno-pic", name="f")
    members = archive([compile_c(PARTS[1], name="g")], "libg.a")

    theirs, ours = maps(link, "-r", f, members)

    for kind in ("input", "symbol"):
        rows = [row for row in theirs.of(kind) if not OWN.match(row[0])]
        assert [row for row in rows if row not in ours.of(kind) and "0" not in row[2:3]] == [], kind
    assert {row[:3] for row in theirs.of("section") if row[2] != "0" and not OWN.match(row[0])} <= {
        row[:3] for row in ours.of("section")
    }
    title = next(each for each in theirs.chapters if each.startswith("Archive member"))
    assert ours.chapters[title] == theirs.chapters[title]


def test_common_symbols_with_memory_in_the_map_of_a_partial_link(link):
    f = compile_c(PARTS[0], "-fcommon", name="f")
    g = compile_c(PARTS[1], name="g")

    theirs, ours = maps(link, "-r", "-d", f, g)

    chapter = "Allocating common symbols"
    assert ours.chapters[chapter] == theirs.chapters[chapter]
    assert any(line.startswith(" COMMON") for line in ours.chapters["Linker script and memory map"])


@pytest.mark.parametrize("form", ["lld", "json"])
def test_the_map_of_a_partial_link_in_other_forms(link, form):
    f = compile_c(PARTS[0], "-O1", "-ffunction-sections", name="f")

    link.raw("-r", f, f"--Map-format={form}", "-Map=out.map", "--cref")

    text = (link.directory / "out.map").read_text()
    assert ".text.f" in text
    assert ".rodata.str1.1" in text
    assert "Cross Reference Table" in text
