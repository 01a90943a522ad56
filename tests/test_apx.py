"""APX: instructions with a REX2 prefix, whose register has five bits, and the relocation types that announce them.

The machine need not have such instructions, so that the bytes are looked at: a REX2 prefix is 0xd5 and a byte
M0 R4 X4 B4 W R3 X3 B3 (Intel, "Advanced Performance Extensions").
"""

from __future__ import annotations

import pytest
from elf import with_relocation_type
from linking import Output
from programs import assemble

pytestmark = pytest.mark.unlike("ld", "lld", "mold", reason="these versions do not know the relocations")

GOTTPOFF, TLSDESC, REX_GOTPCRELX, CODE_4_GOTPCRELX, CODE_4_GOTTPOFF, CODE_4_TLSDESC = 22, 34, 42, 43, 44, 45
CODE_5_GOTPCRELX, CODE_6_GOTTPOFF = 46, 50
R16, R25 = 0x48, 0x4C  # prefixes with W and the upper bits of the registers in `reg`
MOV, ADD, LEA, TEST = 0x8B, 0x03, 0x8D, 0x85
DATA = """
.data
.globl value
value: .quad 42
.section .tdata, "awT"
.globl before, variable
before: .quad 1
variable: .quad 2
"""


def linked_code(link, type: int, prefix: int, opcode: int, modrm: int, name: str) -> tuple[bytes, Output]:
    """The eight bytes of `_start: OPCODE name(%rip), %reg` in a static program, and the program."""
    source = assemble(
        f".globl _start\n_start: .byte 0xd5, {prefix:#x}, {opcode:#x}, {modrm:#x}\n.Lat: .long 0\nret\n"
        f".reloc .Lat, R_X86_64_GOTPCREL, {name}-4\n{DATA}"
    )
    changed = link.directory / "changed.o"
    changed.write_bytes(with_relocation_type(source.read_bytes(), ".rela.text", type))
    program = link.raw(changed, "-static")
    return program.read(program.symbols["_start"].value, 8), program


def end_of(program: Output, code: bytes) -> int:
    """What the field is about if it is relative to the end of the instruction."""
    return program.symbols["_start"].value + 8 + int.from_bytes(code[4:], "little", signed=True)


@pytest.mark.parametrize(("prefix", "moved"), [(R16, 0x18), (R25, 0x19)])
@pytest.mark.parametrize(
    ("opcode", "new", "modrm"),
    [(ADD, 0x81, 0xC0), (0x3B, 0x81, 0xF8), (TEST, 0xF7, 0xC0), (0x2B, 0x81, 0xE8)],
)
def test_an_operand_becomes_immediate_and_the_register_moves(link, prefix, moved, opcode, new, modrm):
    code, program = linked_code(link, CODE_4_GOTPCRELX, prefix, opcode, 0x0D, "value")

    assert code[:4] == bytes((0xD5, moved, new, modrm | 1))
    assert int.from_bytes(code[4:], "little") == program.symbols["value"].value


@pytest.mark.parametrize("type", [REX_GOTPCRELX, CODE_5_GOTPCRELX])
def test_an_operand_stays_where_the_type_does_not_tell_the_prefix(link, type):
    """LLVM 19 gives the type of a REX prefix to instructions with a REX2 prefix as well."""
    code, program = linked_code(link, type, R16, ADD, 0x05, "value")

    assert code[:4] == bytes((0xD5, R16, ADD, 0x05))
    assert program.word(end_of(program, code)) == program.symbols["value"].value


def test_a_load_becomes_an_address_whatever_the_prefix(link):
    code, program = linked_code(link, REX_GOTPCRELX, R16, MOV, 0x05, "value")

    assert code[:4] == bytes((0xD5, R16, LEA, 0x05))
    assert end_of(program, code) == program.symbols["value"].value


@pytest.mark.parametrize(("prefix", "moved"), [(R16, 0x18), (R25, 0x19)])
@pytest.mark.parametrize(("opcode", "new"), [(MOV, 0xC7), (ADD, 0x81)])
def test_initial_exec_becomes_local_exec(link, prefix, moved, opcode, new):
    code, _ = linked_code(link, CODE_4_GOTTPOFF, prefix, opcode, 0x1D, "variable")

    assert code[:4] == bytes((0xD5, moved, new, 0xC3))
    assert int.from_bytes(code[4:], "little", signed=True) == -8


@pytest.mark.parametrize("type", [GOTTPOFF, CODE_6_GOTTPOFF])
def test_initial_exec_stays_where_the_type_does_not_tell_the_prefix(link, type):
    code, program = linked_code(link, type, R16, MOV, 0x05, "variable")

    assert code[:4] == bytes((0xD5, R16, MOV, 0x05))
    assert program.word(end_of(program, code)) == (1 << 64) - 8


@pytest.mark.parametrize(("prefix", "moved"), [(R16, 0x18), (R25, 0x19)])
def test_a_descriptor_becomes_local_exec(link, prefix, moved):
    code, _ = linked_code(link, CODE_4_TLSDESC, prefix, LEA, 0x05, "variable")

    assert code[:4] == bytes((0xD5, moved, 0xC7, 0xC0))
    assert int.from_bytes(code[4:], "little", signed=True) == -8


def test_a_descriptor_becomes_initial_exec_where_the_type_does_not_tell_the_prefix(link):
    code, program = linked_code(link, TLSDESC, R16, LEA, 0x05, "variable")

    assert code[:4] == bytes((0xD5, R16, MOV, 0x05))
    assert program.word(end_of(program, code)) == (1 << 64) - 8
