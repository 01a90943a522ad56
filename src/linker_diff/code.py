"""Machine code, decoded once: which bytes are positions, and which instruction says what.

A function is cut into a *skeleton*, its bytes with every position-dependent field set to zero, and the list of those
fields. Nearly always two linkers' skeletons are equal, and then only fields need to be compared. iced-x86 decodes (see
docs/decisions/006-libraries.md); instruction texts are made only for what is reported.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from linker_diff import elf_names as elf
from linker_diff.image import DiffError, Image
from wild.optional import import_optional

iced: Any = import_optional("iced_x86")
if iced is None:
    raise DiffError("the disassembler is missing; install it: pip install 'pywild[diff]'")

NEXT = iced.FlowControl.NEXT
FINAL = frozenset(
    getattr(iced.FlowControl, name)
    for name in ("RETURN", "UNCONDITIONAL_BRANCH", "INDIRECT_BRANCH", "EXCEPTION")
)
BRANCHES = frozenset((iced.OpKind.NEAR_BRANCH64, iced.OpKind.NEAR_BRANCH32))
IMMEDIATES = {
    iced.OpKind.IMMEDIATE32: (4, False),
    iced.OpKind.IMMEDIATE32TO64: (4, True),
    iced.OpKind.IMMEDIATE64: (8, False),
}
LEA, NOP, CALL, JMP = iced.Mnemonic.LEA, iced.Mnemonic.NOP, iced.Mnemonic.CALL, iced.Mnemonic.JMP
PADDING = frozenset((NOP, iced.Mnemonic.INT3, iced.Mnemonic.INVALID))
NO_REGISTER, SEGMENT_FS = iced.Register.NONE, iced.Register.FS
SIZES = {
    value: iced.MemorySizeExt.size(value) for value in range(256) if value in vars(iced.MemorySize).values()
}


class Field(NamedTuple):
    """A position-dependent part of an instruction: `branch`, `memory`, `thread` or `absolute`."""

    offset: int  # of the instruction in the function
    kind: str
    value: int  # an address; for `thread` the signed distance from the thread pointer
    width: int  # of the memory operand, 0 if only its address is taken


class Function(NamedTuple):
    """A decoded function."""

    start: int
    size: int
    skeleton: bytes
    fields: list[Field]


class Decoded:
    """The functions of one image."""

    def __init__(self, image: Image) -> None:
        self.image = image
        self.functions: dict[tuple[int, int], Function] = {}
        formatter = iced.Formatter(iced.FormatterSyntax.GAS)
        formatter.hex_prefix, formatter.hex_suffix = "0x", ""
        formatter.rip_relative_addresses = True
        self.formatter = formatter

    def function(self, start: int, size: int) -> Function:
        key = (start, size)
        if key not in self.functions:
            self.functions[key] = self.decode(start, size)
        return self.functions[key]

    def instructions(self, start: int, size: int) -> list[Any]:
        """All instructions of a stretch of code, as iced's objects."""
        return list(iced.Decoder(64, self.image.read(start, size), ip=start))

    def decode(self, start: int, size: int) -> Function:
        data = self.image.read(start, size)
        size = len(data)
        decoder = iced.Decoder(64, data, ip=start)
        skeleton, fields = bytearray(data), []
        fixed = not self.image.is_position_independent
        for insn in decoder:
            offset = insn.ip - start
            if insn.is_ip_rel_memory_operand:
                at = offset + decoder.get_constant_offsets(insn).displacement_offset
                width = 0 if insn.mnemonic == LEA else SIZES.get(insn.memory_size, 0)
                fields.append(Field(offset, "memory", insn.ip_rel_memory_address, width))
                skeleton[at : at + 4] = bytes(4)
                if fixed and insn.len >= 10:
                    self.immediate(decoder.get_constant_offsets(insn), offset, skeleton, fields)
            elif insn.flow_control != NEXT and insn.op0_kind in BRANCHES:
                target = insn.near_branch_target
                if not start <= target < start + size:
                    constants = decoder.get_constant_offsets(insn)
                    at, length = offset + constants.immediate_offset, constants.immediate_size
                    fields.append(Field(offset, "branch", target, 0))
                    skeleton[at : at + length] = bytes(length)
            elif insn.len >= 5 and (fixed or insn.memory_segment == SEGMENT_FS):
                self.constants(decoder, insn, offset, skeleton, fields)
        return Function(start, size, bytes(skeleton), fields)

    def constants(
        self, decoder: Any, insn: Any, offset: int, skeleton: bytearray, fields: list[Field]
    ) -> None:
        """Displacements and immediates that can be addresses, and thread-local ones."""
        constants = decoder.get_constant_offsets(insn)
        length = constants.displacement_size
        if length >= 4:
            at = offset + constants.displacement_offset
            value = int.from_bytes(skeleton[at : at + length], "little", signed=True)
            width = 0 if insn.mnemonic == LEA else SIZES.get(insn.memory_size, 0)
            if insn.memory_segment == SEGMENT_FS and insn.memory_base == NO_REGISTER and value < 0:
                fields.append(Field(offset, "thread", value, width))
                skeleton[at : at + length] = bytes(length)
            elif self.image.type == elf.ET_EXEC and self.image.touches(value):
                indexed = insn.memory_base != NO_REGISTER or insn.memory_index != NO_REGISTER
                fields.append(Field(offset, "absolute", value, 0 if indexed else width))
                skeleton[at : at + length] = bytes(length)
        self.immediate(constants, offset, skeleton, fields)

    def immediate(self, constants: Any, offset: int, skeleton: bytearray, fields: list[Field]) -> None:
        length = constants.immediate_size
        if length >= 4 and self.image.type == elf.ET_EXEC:
            at = offset + constants.immediate_offset
            value = int.from_bytes(skeleton[at : at + length], "little", signed=True)
            if self.image.touches(value):
                fields.append(Field(offset, "absolute", value, 0))
                skeleton[at : at + length] = bytes(length)

    def unpadded(self, start: int, size: int) -> int:
        """The size of the code without the padding at its end."""
        insns = self.instructions(start, size)
        while insns and (insns[-1].mnemonic in PADDING or self.bytes_of(insns[-1]).strip(b"\0") == b""):
            size = insns.pop().ip - start
        return size

    def flow_size(self, start: int, room: int) -> int:
        """The size of the code up to the first instruction that does not go on, and that no branch goes beyond."""
        furthest = start
        for insn in self.instructions(start, room):
            if insn.op_count and insn.op0_kind in BRANCHES and insn.near_branch_target <= start + room:
                furthest = max(furthest, insn.near_branch_target)
            if insn.flow_control in FINAL and insn.next_ip > furthest:
                return int(insn.next_ip - start)
        return room

    def text(self, insn: Any) -> str:
        """AT&T syntax, as objdump and gas write it."""
        formatted: str = self.formatter.format(insn)
        return formatted

    def bytes_of(self, insn: Any) -> bytes:
        return self.image.read(insn.ip, insn.len)
