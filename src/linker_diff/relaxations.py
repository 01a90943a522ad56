"""What an instruction does for a symbol, however the linker let it reach the symbol.

`mov foo@GOTPCREL(%rip), %rax` loads the address of foo from the GOT; a linker that knows the address writes
`lea foo(%rip), %rax`. An `Effect` is what both have in common, an operation and a target, and the path that differs.
The sequences are those of the psABI ("Relocation Relaxation" in appendix B) and of "ELF Handling For Thread-Local
Storage", where one sequence of instructions becomes another of the same length.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from linker_diff import elf_names as elf
from linker_diff.code import CALL, JMP, LEA, NOP, SEGMENT_FS, Decoded, iced
from linker_diff.places import Places, Target

MOV, ADD, PUSH = iced.Mnemonic.MOV, iced.Mnemonic.ADD, iced.Mnemonic.PUSH
REGISTER, MEMORY = iced.OpKind.REGISTER, iced.OpKind.MEMORY
RAX, NO_REGISTER = iced.Register.RAX, iced.Register.NONE
NEAR_BRANCH = iced.OpKind.NEAR_BRANCH64
IMMEDIATES = frozenset((iced.OpKind.IMMEDIATE32, iced.OpKind.IMMEDIATE32TO64, iced.OpKind.IMMEDIATE64))
MASK = (1 << 64) - 1


class Effect(NamedTuple):
    """An operation, such as ("load", RAX), its target, and how it gets there."""

    operation: tuple[object, ...]
    path: str
    target: Target


def full(register: int) -> int:
    """The 64-bit register: `mov $x, %eax` sets all of %rax."""
    value: int = iced.RegisterExt.full_register(register)
    return value


def number(value: int) -> Target:
    """An immediate or displacement, as signed 64 bits."""
    return Target("number", value - (1 << 64) if value >> 63 else value)


def effect_of(places: Places, code: Decoded, region: list[Any]) -> Effect | None:
    """The effect of one instruction or one TLS sequence; None if it is none that relaxation makes or changes."""
    insns = [insn for insn in region if insn.mnemonic != NOP]
    if not insns:
        return Effect(("nothing",), "none", Target("number", 0))
    if len(insns) == 1:
        return single(places, insns[0])
    if len(insns) == 2:
        return sequence(places, insns[0], insns[1])
    return None


def single(places: Places, insn: Any) -> Effect | None:
    """The effect of one instruction."""
    if insn.mnemonic in (CALL, JMP):
        return control(places, insn)
    if insn.mnemonic == PUSH:
        return operand(places, insn, 0, ("push",))
    if not insn.op_count or insn.op0_kind != REGISTER:
        return None
    register = full(insn.op0_register)
    if insn.mnemonic == LEA:
        return address_load(places, insn, register)
    if insn.mnemonic == MOV and is_thread_pointer(insn):
        return Effect(("tls-module",), "le", Target("number", 0))
    operation = ("load", register) if insn.mnemonic == MOV else (insn.mnemonic, register)
    return operand(places, insn, insn.op_count - 1, operation)


def control(places: Places, insn: Any) -> Effect | None:
    """A call or jump."""
    if insn.op0_kind == NEAR_BRANCH:
        path, target = places.follow(insn.near_branch_target)
        return Effect((insn.mnemonic,), path, target)
    if insn.is_ip_rel_memory_operand:
        return Effect((insn.mnemonic,), "got", places.in_slot(insn.ip_rel_memory_address))
    if (
        insn.mnemonic == CALL
        and insn.op0_kind == MEMORY
        and insn.memory_base == RAX
        and not insn.memory_displacement
    ):
        return Effect(("nothing",), "tlsdesc", Target("number", 0))
    return None


def address_load(places: Places, insn: Any, register: int) -> Effect | None:
    """`lea`: of an address, of a TLS descriptor, or the sum of a register and a thread-pointer offset."""
    if insn.is_ip_rel_memory_operand:
        address = insn.ip_rel_memory_address
        relocation = places.image.relocation_at.get(address)
        if relocation and relocation.type == elf.R_TLSDESC:
            return Effect(("load", register), "tlsdesc", places.in_slot(address))
        path, target = places.follow(address)
        return Effect(("load", register), path, target)
    if full(insn.memory_base) == register and insn.memory_index == NO_REGISTER:
        return Effect((ADD, register), "le", number(insn.memory_displacement))
    return None


def operand(places: Places, insn: Any, index: int, operation: tuple[object, ...]) -> Effect | None:
    """An instruction whose operand is a GOT slot or the constant that a relaxation put in its place."""
    kind = insn.op_kind(index)
    if kind == MEMORY and insn.is_ip_rel_memory_operand and places.is_slot(insn.ip_rel_memory_address):
        return Effect(operation, "got", places.in_slot(insn.ip_rel_memory_address))
    if kind in IMMEDIATES:
        value = number(insn.immediate(index))
        return Effect(operation, "absolute", value)
    return None


def is_thread_pointer(insn: Any) -> bool:
    """`mov %fs:0, %rax`."""
    return bool(
        insn.memory_segment == SEGMENT_FS and insn.memory_displacement == 0 and insn.op1_kind == MEMORY
    )


def sequence(places: Places, first: Any, second: Any) -> Effect | None:
    """The TLS sequences that take two instructions."""
    if first.mnemonic == LEA and second.mnemonic == CALL and first.is_ip_rel_memory_operand:
        target = places.in_slot(first.ip_rel_memory_address)
        padded = second.ip + second.len - first.ip == 16  # data16 prefixes tell general from local dynamic
        return (
            Effect(("load", RAX), "gd", target)
            if padded
            else Effect(("tls-module",), "ld", Target("number", 0))
        )
    if first.mnemonic == MOV and is_thread_pointer(first):
        register = full(first.op0_register)
        if second.mnemonic == LEA and full(second.memory_base) == register:
            return Effect(("load", full(second.op0_register)), "le", number(second.memory_displacement))
        if second.mnemonic == ADD and second.is_ip_rel_memory_operand:
            return Effect(("load", register), "ie", places.in_slot(second.ip_rel_memory_address))
        if second.mnemonic == ADD and second.op1_kind in IMMEDIATES:
            return Effect(("load", register), "le", number(second.immediate(1)))
    return None
