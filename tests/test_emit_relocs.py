"""--emit-relocs: the relocations that the output keeps are true of its bytes, rewritten instructions included."""

from __future__ import annotations

import struct
import subprocess

import elf
import pytest
from programs import assemble, compile_c, compile_cxx, tool

SOURCE = """
    #include <cstdio>
    #include <stdexcept>
    extern int variable; extern thread_local int counter; int other(int);
    static const char *const names[] = {"zero", "one", "two"};
    struct Base { virtual ~Base() {} virtual int f() { return 1; } } base;
    __attribute__((noinline)) static int inner(int x) { if (x > 2) throw std::runtime_error("large"); return x; }
    int main() {
        try { inner(5); } catch (std::exception &e) { std::puts(e.what()); }
        std::printf("%s %d %d %d\\n", names[inner(1)], variable, other(counter), base.f());
    }
"""
OTHER = "int variable = 5; thread_local int counter = 7; int other(int x) { return x + variable; }"
EXPECTED = "large\none 5 12 1\n"
KINDS = {
    "pie": ("-pie",),
    "fixed": ("-no-pie",),
    "fixed, without relaxation": ("-no-pie", "-Wl,--no-relax"),
    "gc": ("-pie", "-Wl,--gc-sections"),
}


def objects(*flags: str) -> list:
    flags = ("-O1", "-g", "-fPIC", "-ffunction-sections", *flags)
    return [compile_cxx(SOURCE, *flags, name="main"), compile_cxx(OTHER, *flags, name="other")]


def emitted(output):
    """(section, place in the file, P, type, value of the symbol, its section index, A) of each relocation."""
    sections = output.section_list
    table = next(section for section in sections if section.type == elf.SHT_SYMTAB)
    tls = [segment for segment in output.segments if segment.type == elf.PT_TLS]
    for section in sections:
        if section.type != elf.SHT_RELA or section.flags & elf.SHF_ALLOC:
            continue
        target = sections[section.info]
        base = target.address if target.flags & elf.SHF_ALLOC else 0
        for place, info, addend in struct.iter_unpack(
            "<QQq", output.data[section.offset : section.offset + section.size]
        ):
            _, kind, _, shndx, value, _ = struct.unpack_from(
                "<IBBHQQ", output.data, table.offset + 24 * (info >> 32)
            )
            value += tls[0].address if kind & 15 == 6 else 0
            if info & 0xFFFFFFFF:
                yield target, target.offset + place - base, place, info & 0xFFFFFFFF, value, shndx, addend


def untrue(output) -> list[str]:
    """The relocations that do not compute what is in their fields."""
    wrong = []
    ends = [-(-tls.end // tls.alignment) * tls.alignment for tls in output.segments_of(elf.PT_TLS)]
    end = max(ends, default=0)
    for target, offset, place, kind, value, shndx, addend in emitted(output):
        word = struct.unpack_from("<i", output.data, offset)[0]
        computed = {
            2: value + addend - place,
            4: value + addend - place,
            10: value + addend,
            11: value + addend,
            23: value + addend - end,
        }.get(kind)
        if kind == 1:
            word, computed = struct.unpack_from("<Q", output.data, offset)[0], value + addend
        if computed is not None and shndx and computed != word and target.name[:6] != ".debug":
            wrong.append(f"{target.name}+{place:#x}: type {kind}, {computed:#x} is not {word:#x}")
    return wrong


@pytest.mark.unlike("lld", reason="leaves types as they were, and words of .data.rel.ro empty")
@pytest.mark.parametrize("kind", KINDS)
def test_relocations_are_true(link, kind):
    program = link(*objects(), "-Wl,--emit-relocs", *KINDS[kind], driver="g++")

    assert program.run() == EXPECTED
    assert len(list(emitted(program))) > 100
    assert untrue(program) == []


@pytest.mark.unlike("lld", reason="leaves types as they were")
def test_rewritten_instructions(link):
    source = """
        .globl _start
        _start:
            mov x@GOTPCREL(%rip), %rax
            call *f@GOTPCREL(%rip)
            jmp *f@GOTPCREL(%rip)
            data16 lea t@tlsgd(%rip), %rdi
            .value 0x6666
            rex64 call __tls_get_addr@PLT
            mov t@gottpoff(%rip), %rax
        f:  ret
        .data
        x: .quad 1
        .section .tdata,"awT"
        t: .quad 2
    """
    program = link.raw(assemble(source), "-q")

    start = program.symbols["_start"].value
    rows = [(row[2] - start, row[3], row[6]) for row in emitted(program) if row[0].name == ".text"]
    assert rows == [(3, 2, -4), (9, 2, -4), (14, 2, -4), (31, 23, 0), (38, 23, 0)]
    assert untrue(program) == []


def test_shared_object(link):
    library = link.shared(compile_cxx(OTHER, "-fPIC", name="other"), "-Wl,-q")

    assert untrue(library) == []
    assert {row[0].name for row in emitted(library)} >= {".text", ".eh_frame"}


def test_frames_of_dropped_functions_leave_none_behind(link):
    program = link(*objects(), "-Wl,--emit-relocs,--gc-sections", driver="g++")

    frames = program.sections[".eh_frame"]
    places = [row[2] for row in emitted(program) if row[0].name == ".eh_frame"]
    assert places
    assert all(frames.address <= place < frames.end for place in places)


def test_symbols_are_needed(link):
    message = link.fails("-q", "-s", compile_c("int x;"), driver="raw")

    assert "--emit-relocs and -s" in message


@pytest.mark.parametrize("kind", ["pie", "fixed"])
def test_bolt_reorders_the_program(link, kind):
    bolt = tool("llvm-bolt")
    program = link(*objects(), "-Wl,-q", *KINDS[kind], driver="g++")

    optimised = link.directory / "optimised"
    done = subprocess.run(
        [bolt, program.path, "-o", optimised, "--reorder-blocks=ext-tsp", "--reorder-functions=exec-count"],
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert "enabling relocation mode" in done.stdout + done.stderr
    assert subprocess.run([optimised], capture_output=True, text=True, check=True).stdout == EXPECTED
