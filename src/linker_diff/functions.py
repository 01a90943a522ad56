"""The disassembly of every function, with operands compared by what they point at.

Functions correspond by name; more pairs are found on the way, where both files refer to code that only unwind
records tell of. Equal skeletons and equal meanings of all fields end the comparison of a function: that is the fast
way, and nearly all functions take it. Else the two streams of instructions are walked together. Relaxations keep
the length of what they replace, so wherever the streams differ they meet again at the same distance from the start;
the instructions in between are judged by their effect (relaxations.py).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from linker_diff.code import BRANCHES, CALL, JMP, Decoded, Field, Function, iced
from linker_diff.data import compare_object
from linker_diff.frames import Frames
from linker_diff.match import Names, Pair, is_preemptible
from linker_diff.places import PLT_PREFIXES, Places, Reference, Target, is_boundary
from linker_diff.relaxations import IMMEDIATES, Effect, effect_of
from linker_diff.report import Difference, Row

LONGEST_REGION = 32  # bytes; the longest sequence that a relaxation replaces has 16
CONTEXT = 3  # instructions
IMMEDIATE64 = iced.OpKind.IMMEDIATE64


class Mismatch(NamedTuple):
    """A stretch of instructions that differs, and the beginning of its key."""

    kind: str
    offset: int
    ref: list[Any]
    ours: list[Any]


def extents(places: Places, names: Names) -> dict[str, int]:
    """The address of every function that has a clear name."""
    found = {}
    for name, address in names.address_of.items():
        if is_code(places, address) and not is_boundary(name):
            found[name] = address
    return found


def is_code(places: Places, address: int) -> bool:
    section = places.image.section_at(address)
    return section is not None and places.is_code(address) and not section.name.startswith(PLT_PREFIXES)


class FunctionComparison:
    """All functions of a pair of files."""

    def __init__(self, pair: Pair, ref: Decoded, ours: Decoded) -> None:
        self.pair, self.ref, self.ours = pair, ref, ours
        self.count = 0

    def differences(self) -> Iterator[Difference]:
        """Of functions with clear names, then of the twins that were found on the way, code and data."""
        pair = self.pair
        ref, ours = extents(pair.ref, pair.ref_names), extents(pair.ours, pair.our_names)
        for name in ref.keys() & ours.keys():
            yield from self.function(name.partition(" ")[0], ref[name], ours[name])
        while found := [twin for twin in pair.twins.items() if twin not in pair.compared]:
            for a, b in found:
                name = pair.ours.describe(b)  # the same against every reference
                if is_code(pair.ref, a) and is_code(pair.ours, b):
                    yield from self.function(name, a, b)
                else:
                    yield from compare_object(pair, name, a, b)
                pair.compared.add((a, b))

    def function(self, name: str, a: int, b: int) -> Iterator[Difference]:
        """The differences between two functions, each only once whatever names it has."""
        if (a, b) in self.pair.compared:
            return
        self.pair.compared.add((a, b))
        self.count += 1
        size_a, size_b = self.sizes(a, b)
        ref, ours = self.ref.function(a, size_a), self.ours.function(b, size_b)
        if ref.skeleton == ours.skeleton and self.same_fields(ref, ours):
            return
        if size_a != size_b:
            sides = (self.pair.ours, b, size_b), (self.pair.ref, a, size_a)
            rows = tuple(Row(places.image.label, f"{size} bytes", at) for places, at, size in sides)
            yield Difference(f"asm.{name}", "the functions have different sizes", rows, ("asm", name))
            return
        listing = self.ref.instructions(a, size_a)
        for mismatch in self.mismatches(listing, self.ours.instructions(b, size_b), a, b):
            yield self.difference(name, mismatch, listing)

    def sizes(self, a: int, b: int) -> tuple[int, int]:
        """By the symbol, the unwind record, or else up to the padding before the next symbol in either file.

        Without a name either, the end is where the flow of control ends: other functions without names may follow.
        """
        size_a, size_b = (
            self.size(self.pair.ref, self.pair.ref_frames, a),
            self.size(self.pair.ours, self.pair.our_frames, b),
        )
        if size_a and size_b:
            return size_a, size_b
        room = min(self.pair.ref.bound(a) - a, self.pair.ours.bound(b) - b)
        if a in self.pair.ref.at or b in self.pair.ours.at:
            shortest = min(self.ref.unpadded(a, room), self.ours.unpadded(b, room))
        else:
            shortest = min(self.ref.flow_size(a, room), self.ours.flow_size(b, room))
        return shortest, shortest

    @staticmethod
    def size(places: Places, frames: Frames, address: int) -> int:
        frame = frames.by_start.get(address)
        return places.size_at.get(address, 0) or (frame.size if frame else 0)

    # --- the fast way ----------------------------------------------------------------------------------------

    def same_fields(self, ref: Function, ours: Function) -> bool:
        if len(ref.fields) != len(ours.fields):
            return False
        return all(map(self.same_field, ref.fields, ours.fields))

    def same_field(self, a: Field, b: Field) -> bool:
        """Equal in meaning and in path; anything else is for the slow way to judge."""
        if a.kind != b.kind or a.offset != b.offset:
            return False
        ref, ours = self.pair.ref, self.pair.ours
        if a.kind == "thread":
            return self.pair.same_tls(Target("number", a.value), Target("number", b.value))
        if a.kind == "memory" and a.width and (ref.is_slot(a.value) or ours.is_slot(b.value)):
            if not (ref.is_slot(a.value) and ours.is_slot(b.value)):
                return False
            return self.pair.same_target(ref.in_slot(a.value), ours.in_slot(b.value))
        if a.width:
            return self.pair.same(a.value, b.value, a.width)
        return self.same_reference(ref.follow(a.value), ours.follow(b.value))

    def same_reference(self, a: Reference, b: Reference) -> bool:
        return a.path == b.path and self.pair.same_target(a.target, b.target)

    # --- the slow way ----------------------------------------------------------------------------------------

    def mismatches(self, ref: list[Any], ours: list[Any], a: int, b: int) -> Iterator[Mismatch]:
        i = j = 0
        while i < len(ref) and j < len(ours):
            if self.same_instruction(ref[i], ours[j]):
                i, j = i + 1, j + 1
                continue
            i_end, j_end = meet(ref, ours, i, j, a, b)
            kind = self.judge(ref[i:i_end], ours[j:j_end])
            if kind:
                yield Mismatch(kind, ref[i].ip - a, ref[i:i_end], ours[j:j_end])
            i, j = i_end, j_end

    def same_instruction(self, a: Any, b: Any) -> bool:
        if a.len != b.len:
            return False
        ref, ours = self.ref.decode(a.ip, a.len), self.ours.decode(b.ip, b.len)
        if ref.skeleton == ours.skeleton and self.same_fields(ref, ours):
            return True
        relative = a.is_ip_rel_memory_operand or a.op0_kind in BRANCHES
        if not relative and self.ref.bytes_of(a) == self.ours.bytes_of(b):
            return True  # a number that is an address in one of the files, by accident
        return self.is_inner_branch(a, b)

    def is_inner_branch(self, a: Any, b: Any) -> bool:
        """A branch inside the function; decoded alone, its target is outside."""
        return bool(
            a.op_count and a.op0_kind == b.op0_kind and a.code == b.code and a.near_branch_target
            and a.near_branch_target - a.ip == b.near_branch_target - b.ip
            and self.pair.ref.stub(a.near_branch_target) is None
        )  # fmt: skip

    def judge(self, ref: list[Any], ours: list[Any]) -> str:
        """The beginning of the key, or nothing if the difference is none."""
        a = effect_of(self.pair.ref, self.ref, ref)
        b = effect_of(self.pair.ours, self.ours, ours)
        if a is None or b is None or a.operation != b.operation:
            return self.judge_constants(ref, ours)
        if not self.pair.same_target(a.target, b.target):
            if leads_nowhere(self.pair.ref, a) and leads_nowhere(self.pair.ours, b):
                return "relax.undefined"
            return self.wrong_slot(a, b) or self.judge_constants(ref, ours)
        if a.path == b.path:
            return ""
        return self.choice(a, b)

    def choice(self, a: Effect, b: Effect) -> str:
        """Same target by another path: a choice if the symbol is bound now anyway, a fault if not."""
        models = {"gd", "ld", "ie", "le", "tlsdesc"}
        if a.path in models or b.path in models or "tls" in a.target.kind:
            return "relax.tls"
        if (
            b.path in ("direct", "absolute")
            and a.path in ("plt", "got")
            and is_preemptible(self.pair.ours.image, a.target)
        ):
            return "asm"
        return "relax.plt" if "plt" in (a.path, b.path) else "relax.got"

    def wrong_slot(self, a: Effect, b: Effect) -> str:
        """Is it the slot that is wrong, or the way to it? If no slot of ours has the right contents, the slot."""
        if a.path != b.path or a.path not in ("got", "plt"):
            return ""
        right = self.pair.ref.describe_target(a.target)
        return "" if right in self.our_slots() else ("got" if a.path == "got" else "plt")

    def our_slots(self) -> set[str]:
        places = self.pair.ours
        if not hasattr(self, "slots"):
            self.slots = {places.describe_target(places.in_slot(at)) for at in slot_addresses(places)}
        return self.slots

    def judge_constants(self, ref: list[Any], ours: list[Any]) -> str:
        """One instruction each, the same but for a constant, which can be an offset in a TLS block or from the GOT."""
        if len(ref) != 1 or len(ours) != 1 or ref[0].code != ours[0].code:
            return "asm"
        a, b = ref[0], ours[0]
        if a.op_count != b.op_count or a.len != b.len:
            return "asm"
        value_a, value_b = constant(a), constant(b)
        if value_a is None or value_b is None or blanked(self.ref, a) != blanked(self.ours, b):
            return "asm"
        return "" if self.same_constant(value_a, value_b) or self.same_distance(a, b) else "asm"

    def same_constant(self, a: int, b: int) -> bool:
        """R_X86_64_DTPOFF32, TPOFF32 and GOTOFF64, in either file."""
        ref, ours = self.pair.ref, self.pair.ours
        for offset_a in (a, a + ref.tls_size):
            for offset_b in (b, b + ours.tls_size):
                inside = 0 <= offset_a < ref.tls_size and 0 <= offset_b < ours.tls_size
                if inside and self.pair.same_tls(Target("tls", offset_a), Target("tls", offset_b)):
                    return True
        if ref.is_no_tls(a) and ours.is_no_tls(b):
            return True
        got_a, got_b = ref.got_base, ours.got_base
        if got_a and got_b and ref.image.contains(got_a + a) and ours.image.contains(got_b + b):
            return self.pair.same_target(ref.follow(got_a + a).target, ours.follow(got_b + b).target)
        return False

    def same_distance(self, a: Any, b: Any) -> bool:
        """R_X86_64_GOTPC64: the GOT relative to the place of the constant."""
        ends = [
            insn.ip + constant(insn) - places.got_base
            for insn, places in ((a, self.pair.ref), (b, self.pair.ours))
            if places.got_base
        ]
        return len(ends) == 2 and ends[0] == ends[1]

    # --- what is shown ---------------------------------------------------------------------------------------

    def difference(self, name: str, mismatch: Mismatch, listing: list[Any]) -> Difference:
        rows = [
            *self.rows(self.pair.ours, self.ours, mismatch.ours),
            *self.rows(self.pair.ref, self.ref, mismatch.ref),
        ]
        first = listing.index(mismatch.ref[0])
        last = first + len(mismatch.ref)
        before = tuple(self.ref.text(insn) for insn in listing[max(first - CONTEXT, 0) : first])
        after = tuple(self.ref.text(insn) for insn in listing[last : last + CONTEXT])
        key = f"{mismatch.kind}.{name}"
        if mismatch.kind in ("got", "plt"):
            effect = effect_of(self.pair.ref, self.ref, mismatch.ref)
            key = f"{mismatch.kind}.{self.pair.ref.describe_target(effect.target) if effect else name}"
        return Difference(
            key, self.unlike(mismatch), tuple(rows), ("asm", name, mismatch.offset), before, after
        )

    def unlike(self, mismatch: Mismatch) -> str:
        """Where the data that two single instructions refer to differ, if it is known."""
        if len(mismatch.ref) != 1 or len(mismatch.ours) != 1:
            return ""
        ends = [
            found.fields[0].value
            for code, insns in ((self.ref, mismatch.ref), (self.ours, mismatch.ours))
            if (found := code.decode(insns[0].ip, insns[0].len)).fields
        ]
        offset = self.pair.unlike.get((ends[0], ends[1])) if len(ends) == 2 else None
        return "" if offset is None else f"the data there differ at offset {offset:#x}"

    def rows(self, places: Places, code: Decoded, insns: list[Any]) -> Iterator[Row]:
        for insn in insns:
            yield Row(
                places.image.label, code.text(insn), insn.ip, code.bytes_of(insn), annotation(places, insn)
            )


def slot_addresses(places: Places) -> Iterator[int]:
    """All words of the GOT."""
    for section in places.image.mapped:
        if section.name.startswith(".got"):
            yield from range(section.address, section.end - 7, 8)


def meet(ref: list[Any], ours: list[Any], i: int, j: int, a: int, b: int) -> tuple[int, int]:
    """Where the two streams are at the same distance from the start again: the ends of the region.

    TLS sequences begin alike at times, so two instructions are taken together where both streams have such a pair.
    """
    start = ref[i].ip - a
    i_end, j_end = i + 1, j + 1
    while True:
        at_ref = ref[i_end - 1].ip + ref[i_end - 1].len - a
        at_ours = ours[j_end - 1].ip + ours[j_end - 1].len - b
        if at_ref == at_ours or max(at_ref, at_ours) - start > LONGEST_REGION:
            return i_end, j_end
        if at_ref < at_ours and i_end < len(ref):
            i_end += 1
        elif at_ours < at_ref and j_end < len(ours):
            j_end += 1
        else:
            return len(ref), len(ours)


def constant(insn: Any) -> int | None:
    """The displacement or else the immediate, signed."""
    if insn.memory_displ_size >= 4 and not insn.is_ip_rel_memory_operand:
        value = insn.memory_displacement
    else:
        kinds = [insn.op_kind(index) for index in range(insn.op_count)]
        index = next((at for at, kind in enumerate(kinds) if kind in IMMEDIATES), None)
        if index is None:
            return None
        value = insn.immediate(index)
    return int(value - (1 << 64) if value >> 63 else value)


def blanked(code: Decoded, insn: Any) -> bytes:
    """The bytes of an instruction without the constant at its end: displacement or immediate."""
    return code.bytes_of(insn)[
        : -8 if insn.op_count and insn.op_kind(insn.op_count - 1) == IMMEDIATE64 else -4
    ]


def leads_nowhere(places: Places, effect: Effect) -> bool:
    """Is it a call or jump that cannot be meant, of an undefined weak function?"""
    target = effect.target
    outside = target.kind in ("address", "number") and not places.image.contains(int(target.value))
    return effect.operation[0] in (CALL, JMP) and (outside or target.value == 0)


def annotation(places: Places, insn: Any) -> str:
    """What an operand points at."""
    if insn.is_ip_rel_memory_operand:
        address = insn.ip_rel_memory_address
        if places.is_slot(address):
            kind = "DYNAMIC" if address in places.image.relocation_at else "GOT"
            return f"{kind}({places.describe_target(places.in_slot(address))})"
        return places.describe(address)
    if insn.op_count and insn.near_branch_target:
        path, target = places.follow(insn.near_branch_target)
        text = places.describe_target(target)
        return f"PLT({text})" if path == "plt" else text
    value = constant(insn)
    if value is not None and not places.image.is_position_independent and places.image.contains(value):
        return places.describe(value)
    if value is not None and value < 0 and value + places.tls_size >= 0 and places.tls_size:
        return places.describe_target(Target("tls", value + places.tls_size))
    return ""
