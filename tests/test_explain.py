"""`wild explain` and its two files: every byte is traced back to its input, every relocation to what was decided."""

from __future__ import annotations

import subprocess

import pytest
from elf import Elf
from linking import Link, linker_under_test
from programs import assemble, compile_c, exit_with, pic_c

from linker_diff.frames import Frames
from linker_diff.image import Image
from linker_diff.places import Places
from wild.layout_view import LayoutView, TraceView
from wild.object_view import ObjectView

pytestmark = pytest.mark.only_wild

WRITE = {"WILD_WRITE_LAYOUT": "1", "WILD_WRITE_TRACE": "1"}
MAIN = """
#include <stdio.h>
#include <stdlib.h>
static int table[100];
int initialised = 3, common_one;
__thread int tls = 1;
__attribute__((weak)) extern int maybe;
int main(void) { tls++; printf("%d %p %d\\n", initialised, (void *)&maybe, table[3]); return abs(tls) - 2; }
"""


def explain(program, question: str, status: int = 0) -> str:
    done = subprocess.run(
        [linker_under_test(), "explain", program.path, question], capture_output=True, text=True, check=False
    )
    assert done.returncode == status, done.stderr
    return done.stdout + done.stderr


@pytest.mark.parametrize("kind", ["-no-pie", "-pie", "-static"])
def test_input_pieces_hold_the_bytes_of_their_inputs(link, kind):
    program = link(compile_c(MAIN, "-fpie" if kind == "-pie" else "-fno-pie", "-fcommon"), kind, **WRITE)
    view = LayoutView(f"{program.path}.layout")
    data = program.path.read_bytes()

    checked = 0
    for line in view.lines.lines_from(view.lines.begin):
        if " input " not in line:
            continue
        piece = view.pieces(int(line[:16], 16))[-1]
        elf = view.object_of(piece)
        untouched = not any(header[7] == piece.index for header in elf.headers if header[1] == 4)
        if untouched and elf.headers[piece.index][1] == 1:  # SHT_PROGBITS
            checked += 1
            assert data[piece.offset : piece.offset + piece.size] == elf.contents(piece.index), line

    assert checked > 5


def test_a_symbol_is_traced_to_its_section_and_relocations(link):
    main = compile_c(MAIN, "-fpie", name="main")
    program = link(main, "-pie", **WRITE)

    text = explain(program, "main")

    assert f"from {main}:(.text" in text
    assert "R_X86_64_PLT32 printf-0x4" in text
    assert "action=plt" in text
    assert "symbol=imported" in text


def test_the_trace_says_how_a_load_was_rewritten(link):
    code = "mov x@GOTPCREL(%rip), %rax" + exit_with("$42")
    source = assemble(f".globl _start, x\n_start: {code}\n.data\nx: .long 1\n")
    program = link.raw(source, **WRITE)
    start = program.symbols["_start"].value

    assert "action=relax rewrite=lea" in explain(program, hex(start + 3))


def test_every_relocation_of_a_loaded_section_is_in_the_trace(link):
    source = compile_c(MAIN, "-fno-pie", name="main")
    program = link(source, "-no-pie", **WRITE)
    elf = ObjectView(source.read_bytes())
    loaded = [header for header in elf.headers if header[1] == 4 and elf.headers[header[7]][2] & 2]
    wanted = sum(
        len(list(elf.relocations(h)))
        for h in loaded
        if elf.string(elf.names, elf.headers[h[7]][0]) == ".text"
    )
    view = LayoutView(f"{program.path}.layout")
    piece = view.pieces(program.symbols["main"].value)[-1]

    messages = TraceView(f"{program.path}.trace").messages(piece.address, piece.address + piece.size)

    assert len(messages) == wanted


def test_what_the_linker_made_is_said_to_be_so(link):
    library = link.shared(pic_c("int f(void) { return 1; }"))
    program = link(
        compile_c("int f(void); int main(void) { return f(); }", "-fno-pie"), library, "-no-pie", **WRITE
    )
    plt = Elf(program.path.read_bytes()).sections[".plt"].address

    assert "made by the linker: .plt" in explain(program, hex(plt))


MADE = """
#include <stdio.h>
__thread int first = 1, second = 2; extern int value; int f(int); static const char *text = "a text";
static int chosen(void) { return 1; } static void *choose(void) { return chosen; }
int picked(void) __attribute__((ifunc("choose")));
int main(int argc, char **argv) { printf("%s %d %d\\n", text, value, picked() + second + f(argc)); return first; }
"""
AT = {
    "printf's PLT entry": "PLT entry of printf, which jumps through the slot at 0x",
    "slot of value": "slot of value, which the loader fills: GLOB_DAT",
    ".eh_frame_hdr+12": "has its unwind record at 0x",
    "main's record": "unwind record of main at 0x",
    ".dynamic": 'DT_NEEDED 0x1 "libf.so"',
    ".dynsym+24": "row 1: ",
    ".rela.dyn": "row 0: RELATIVE +0x",
    ".dynstr+3": 'the text "libf.so"',
    ".got.plt+8": "one of the three words",
}


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A program with tables of every kind, and its object."""
    link = Link(tmp_path_factory.mktemp("made"))
    library = link.shared(
        pic_c("int value = 7; int f(int x) { return x; }"), "-Wl,-soname=libf.so", output="libf.so"
    )
    main = compile_c(MADE, "-fPIC", "-O1", name="made")
    program = link(main, library, "-pie", "-Wl,-z,lazy", **WRITE)
    return program, main


@pytest.mark.parametrize("place", AT)
def test_what_the_linker_made_is_read_from_the_output(made, place):
    program, _ = made
    elf = Elf(program.path.read_bytes())
    name, _, offset = place.partition("+")
    if name in elf.sections:
        address = elf.sections[name].address + int(offset or 0)
    else:
        image = Image(program.path, "")
        places = Places(image)
        plt, got = image.by_name[".plt"], image.by_name[".got"]
        address = {
            "printf's PLT entry": lambda: next(
                at for at in range(plt.address, plt.end, 16) if places.follow(at).target.value == "printf"
            ),
            "slot of value": lambda: next(
                at for at in range(got.address, got.end, 8) if places.in_slot(at).value == "value"
            ),
            "main's record": lambda: Frames(image).by_start[program.symbols["main"].value].address + 5,
        }[place]()

    assert AT[place] in explain(program, hex(address))


def test_merged_strings_lead_to_the_inputs_that_have_them(made):
    program, main = made
    address = Elf(program.path.read_bytes()).sections[".rodata"]
    at = program.path.read_bytes().index(b"a text", address.offset) - address.offset + address.address

    assert f'the string "a text", merged from {main}:(.rodata.str1.1+0x' in explain(program, hex(at + 2))


def test_thread_local_variables_and_ifuncs_are_found_by_name(made):
    program, main = made

    assert f"from {main}:(.tdata+0x" in explain(program, "second")
    assert f"from {main}:(.text+0x" in explain(program, "picked")


@pytest.mark.parametrize(
    ("question", "text"),
    [
        ("0x1", "no section is at 0x1"),
        ("nowhere", "has no symbol nowhere"),
        ("main+x", "is neither an address nor SYMBOL+OFFSET"),
    ],
)
def test_questions_without_an_answer_get_an_error(link, question, text):
    program = link(compile_c(MAIN), **WRITE)

    assert text in explain(program, question, status=1)


def test_an_output_without_a_layout_file_says_how_to_get_one(link):
    program = link(compile_c(MAIN))

    assert f"{program.path}.layout: No such file" in explain(program, "main", status=1)


def test_the_files_are_the_same_with_any_number_of_threads(link):
    texts = []
    for threads in (1, 2, 8):
        program = link(compile_c(MAIN), f"-Wl,--threads={threads}", "-static", **WRITE)
        texts.append([program.path.with_name(f"program.{kind}").read_bytes() for kind in ("layout", "trace")])

    assert texts[0] == texts[1] == texts[2]
