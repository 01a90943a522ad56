"""Do two addresses of two files mean the same?

The files have different layouts, so an address says nothing; what stands there does. The rules, in order:

1. Names decide where both files have some: one name in common is enough, none in common is a difference. A local name
   that several source files use says too little; there the first reference to it decides which two are *twins*, later
   ones must agree, and the twins are compared with each other.
2. An address inside a symbol is the same distance into a symbol of that name. So is the end of an array, which is
   mostly the address of something else as well.
3. Code without a name is the same if unwind records begin at both addresses and the two functions compare equal; this
   is remembered, and the functions are compared later. So are functions without a record that begin where functions do.
4. Data without a name (strings, constants, jump tables, tables of pointers) is the same if its contents are, with
   pointers in it compared by these rules again. A pair of addresses that is being compared counts as equal
   meanwhile, which is how cyclic structures end (the usual argument of bisimulation).
5. At last, the same short distance from a symbol that both files have: compilers like to refer to eight bytes before
   an array.

Where data without a name end is told in unnamed.py.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator

from linker_diff import elf_names as elf
from linker_diff.frames import Frame
from linker_diff.image import Image
from linker_diff.places import Identity, Places, Target, is_boundary, short
from linker_diff.references import References
from linker_diff.unnamed import is_text, same_data

NEAR = 64  # bytes
FUNCTION_ALIGNMENT = 16
PADDING = (
    b"\xcc",
    b"\x90",
    b"\x66\x90",
    b"\x0f\x1f",
    b"\x66\x0f\x1f",
    b"\x66\x2e\x0f\x1f",
    b"\0\0",
    b"\x66\x66",
)
MASK = (1 << 64) - 1


class Names:
    """One side's names by address, in a form that can be compared with the other side's."""

    def __init__(self, places: Places, clear: dict[tuple[str, str], str]) -> None:
        self.at: dict[int, set[str]] = {}
        self.ends: dict[int, set[str]] = {}
        self.vague: dict[int, set[str]] = {}
        self.address_of: dict[str, int] = {}
        self.tls_at = {offset: self.clear_names(names, clear) for offset, names in places.tls_at.items()}
        for address, identities in places.at.items():
            for identity in identities:
                name = identity if isinstance(identity, str) else clear.get(identity[:2])
                if name is None:
                    self.vague.setdefault(address, set()).add(short(identity))
                else:
                    self.at.setdefault(address, set()).add(name)
                    self.address_of.setdefault(name, address)
        for address, identities in places.ends.items():
            self.ends[address] = self.clear_names(identities, clear)

    @staticmethod
    def clear_names(identities: set[Identity], clear: dict[tuple[str, str], str]) -> set[str]:
        """Without the vague ones, of which one is as good as the other at the ends of arrays and in TLS."""
        return {it if isinstance(it, str) else clear.get(it[:2], it[0]) for it in identities}


def clear_locals(a: Places, b: Places) -> dict[tuple[str, str], str]:
    """The local symbols that are known by name, or by name and source file: (name, file) -> what to call them.

    Linkers load the members of archives in different orders, and some invent source files where the input names none,
    so that only symbols without namesakes, or with each in a source file of its own, are clear.
    """
    files: tuple[dict[str, list[str]], dict[str, list[str]]] = ({}, {})
    for side, places in zip(files, (a, b), strict=True):
        for (name, file), count in places.local_counts.items():
            side.setdefault(name, []).extend([file] * count)
    clear: dict[tuple[str, str], str] = {}
    for name in files[0].keys() | files[1].keys():
        in_a, in_b = files[0].get(name, []), files[1].get(name, [])
        if len(in_a) <= 1 and len(in_b) <= 1:
            both = any(name in files[side] and name in places.symbol_of for side, places in enumerate((a, b)))
            clear.update(((name, file), f"{name} (local)" if both else name) for file in (*in_a, *in_b))
        elif len(set(in_a)) == len(in_a) and sorted(in_a) == sorted(in_b):
            clear.update(((name, file), f"{name} ({file})") for file in in_a)
    return clear


class Pair:
    """A reference and our file, and everything found out about which of their addresses correspond."""

    def __init__(self, ref: References, ours: References) -> None:
        self.ref_references, self.our_references = ref, ours
        self.ref, self.ours = ref.places, ours.places
        self.ref_frames, self.our_frames = ref.frames, ours.frames
        clear = clear_locals(self.ref, self.ours)
        self.ref_names, self.our_names = Names(self.ref, clear), Names(self.ours, clear)
        self.known: dict[tuple[int, int, int], bool] = {}
        self.twins: dict[int, int] = {}
        self.twins_back: dict[int, int] = {}
        self.compared: set[tuple[int, int]] = set()
        self.unlike: dict[tuple[int, int], int] = {}  # data without a name: where they differ

    # --- names -----------------------------------------------------------------------------------------------

    def counterpart(self, address: int) -> int | None:
        """The address in our file of what the reference has at an address, by name or by earlier comparison."""
        for name in self.ref_names.at.get(address, ()):
            if name in self.our_names.address_of and not is_boundary(name):
                return self.our_names.address_of[name]
        return self.twins.get(address)

    def is_twin(self, a: int, b: int) -> bool:
        """Take the two for the same unless one of them has another twin already; they are compared later."""
        return self.twins.setdefault(a, b) == b and self.twins_back.setdefault(b, a) == a

    def agree(self, a: int, b: int) -> bool:
        """Is there a name in common at the two addresses, a clear one or one that who refers to it makes clear?"""
        names_a, names_b = self.ref_names.at.get(a), self.our_names.at.get(b)
        if names_a and names_b and not names_a.isdisjoint(names_b):
            return True
        vague_a, vague_b = self.ref_names.vague.get(a), self.our_names.vague.get(b)
        if vague_a and vague_b and not vague_a.isdisjoint(vague_b):
            return self.ref.size_at.get(a) == self.ours.size_at.get(b) and self.is_twin(a, b)
        return False

    # --- targets ---------------------------------------------------------------------------------------------

    def same_target(self, a: Target, b: Target) -> bool:
        """Do two references end at the same thing?"""
        if a.kind == b.kind == "address":
            return self.same(int(a.value), int(b.value))
        if "tls" in a.kind or "tls" in b.kind:
            return self.same_tls(a, b)
        if a.kind == "symbol" and b.kind == "symbol":
            return a == b
        if a.kind == "symbol":
            return self.is_symbol_at(a, self.ref.weak, self.ours, b)
        if b.kind == "symbol":
            return self.is_symbol_at(b, self.ours.weak, self.ref, a)
        if a.kind == "address" or b.kind == "address":
            if a.value == b.value == 0:
                return True
            fixed = (self.ours if a.kind == "address" else self.ref).image
            return not fixed.is_position_independent and self.same(int(a.value) & MASK, int(b.value) & MASK)
        return a.value == b.value

    @staticmethod
    def is_symbol_at(symbol: Target, weak: set[str], places: Places, other: Target) -> bool:
        address = int(other.value) - symbol.addend
        if symbol.value in places.at.get(address, ()):
            return True
        return (
            symbol.value in weak and address == 0
        )  # a reference that one of the linkers has bound to nothing

    def same_tls(self, a: Target, b: Target) -> bool:
        names_a, distance_a = self.tls_names(self.ref, self.ref_names, a)
        names_b, distance_b = self.tls_names(self.ours, self.our_names, b)
        if names_a and names_b:
            return distance_a == distance_b and not names_a.isdisjoint(names_b)
        if isinstance(a.value, str) or isinstance(b.value, str):
            return False
        return distance_a == distance_b

    @staticmethod
    def tls_names(places: Places, names: Names, target: Target) -> tuple[set[str], int]:
        if isinstance(target.value, str):
            return {target.value}, target.addend
        offset = target.value
        if target.kind == "number":
            offset = (offset + places.tls_size) & 0xFFFFFFFF
        start = places.tls_start(offset)
        return names.tls_at.get(start, set()), offset - start

    # --- addresses -------------------------------------------------------------------------------------------

    def same(self, a: int, b: int, width: int = 0) -> bool:
        """Do address `a` of the reference and `b` of ours mean the same?

        `width` is how many bytes are read there; 0 if the address itself is taken.
        """
        key = (a, b, width)
        found = self.known.get(key)
        if found is None:
            self.known[key] = True
            found = self.known[key] = self.compare(a, b, width)
        return found

    def compare(self, a: int, b: int, width: int) -> bool:
        ref, ours = self.ref, self.ours
        named = self.compare_names(a, b)
        if named is not None:
            return named
        section_a, section_b = ref.image.section_at(a), ours.image.section_at(b)
        if section_a is None or section_b is None:
            return self.compare_outside(a, b)
        kinds = elf.SHF_EXECINSTR | elf.SHF_WRITE
        if (section_a.flags & elf.SHF_EXECINSTR) != (section_b.flags & elf.SHF_EXECINSTR):
            return False
        if section_a.flags & elf.SHF_EXECINSTR:
            return self.compare_code(a, b)
        if ref.is_slot(a) and ours.is_slot(b):
            return self.same_target(ref.in_slot(a), ours.in_slot(b))
        if section_a.type == elf.SHT_NOBITS and section_b.type == elf.SHT_NOBITS:
            return self.is_near(a, b) or not self.has_names(a, b)
        if section_a.flags & kinds != section_b.flags & kinds and section_a.name != section_b.name:
            return False
        return same_data(self, a, b, width)

    def compare_names(self, a: int, b: int) -> bool | None:
        """Rules 1 and 2; None where they do not decide."""
        if self.agree(a, b):
            return True
        ends_a, ends_b = self.ref_names.ends.get(a), self.our_names.ends.get(b)
        if ends_a and ends_b and not ends_a.isdisjoint(ends_b):
            return True
        span_a, span_b = self.ref.span_at(a), self.ours.span_at(b)
        inside = span_a and span_b and 0 != a - span_a.start == b - span_b.start
        if span_a and span_b and inside and self.agree(span_a.start, span_b.start):
            return True
        certain_a, certain_b = self.certain(self.ref_names, a), self.certain(self.our_names, b)
        if certain_a and certain_b:
            return False
        near = self.is_near(a, b)
        if certain_a or certain_b:
            return near or self.both_end(a, b)
        if near and (span_a or span_b):
            return True
        if span_a and span_b:
            return False
        return None

    def both_end(self, a: int, b: int) -> bool:
        """In stripped files, whose `__TMC_END__` is gone: the end of the same section."""
        if self.ref.image.symbols and self.ours.image.symbols:
            return False
        ends = [
            {section.name for section in places.image.mapped if section.end == address}
            for places, address in ((self.ref, a), (self.ours, b))
        ]
        return not ends[0].isdisjoint(ends[1])

    def certain(self, names: Names, address: int) -> bool:
        """Is there a name that is about this address, and that the other file has too?"""
        ref, ours = self.ref_names.address_of, self.our_names.address_of
        return any(not is_boundary(it) and it in ref and it in ours for it in names.at.get(address, ()))

    def has_names(self, a: int, b: int) -> bool:
        return self.certain(self.ref_names, a) or self.certain(self.our_names, b)

    def compare_outside(self, a: int, b: int) -> bool:
        """The end of a section or segment, a number, or the address of nothing."""
        if self.is_near(a, b):
            return True
        return a == b

    def is_near(self, a: int, b: int) -> bool:
        """Rule 5."""
        for mark in self.ref.nearby(a, NEAR):
            names, others = self.ref_names.at.get(mark), self.our_names.at.get(mark - a + b)
            if names and others and not names.isdisjoint(others):
                return True
        return False

    def compare_code(self, a: int, b: int) -> bool:
        """Rule 3, and the same distance into functions that only unwind records tell of."""
        stub_a, stub_b = self.ref.stub(a), self.ours.stub(b)
        if stub_a is not None and stub_b is not None:
            return self.same_target(self.ref.in_slot(stub_a), self.ours.in_slot(stub_b))
        frame_a, frame_b = self.ref_frames.at(a), self.our_frames.at(b)
        if frame_a is None and frame_b is None:
            begin = begins_function(self.ref, a) and begins_function(self.ours, b)
            return self.is_near(a, b) or (begin and self.is_twin(a, b))
        if frame_a is None or frame_b is None or a - frame_a.start != b - frame_b.start:
            return self.is_near(a, b)
        return self.same_frame(frame_a, frame_b)

    def same_frame(self, a: Frame, b: Frame) -> bool:
        if self.has_names(a.start, b.start):
            return self.agree(a.start, b.start)
        return a.size == b.size and self.is_twin(a.start, b.start)

    # --- data without a name ---------------------------------------------------------------------------------

    def pointers(self, a: int, b: int, size: int) -> list[int]:
        """The offsets, relative to the two addresses, of dynamic relocations in either file."""
        found = set()
        for places, address in ((self.ref, a), (self.ours, b)):
            relocated = places.image.relocated
            index = bisect_left(relocated, address)
            while index < len(relocated) and relocated[index] < address + size:
                found.add(relocated[index] - address)
                index += 1
        return sorted(found)

    def extents(self, a: int, b: int) -> tuple[int, int]:
        """The most bytes that what has no name can have, in the reference and in ours."""
        return self.ref_references.extent(a), self.our_references.extent(b)

    def same_units(self, a: int, b: int, size: int) -> int:
        """How many bytes are the same, pointers by meaning; up to `size`."""
        return next((at for at, _, same in self.units(a, b, size) if not same), size)

    def units(self, a: int, b: int, size: int) -> Iterator[tuple[int, int, bool]]:
        """(offset, length, is it the same?) of numbers and pointers, one behind the other."""
        data_a, data_b = self.ref.image.read(a, size), self.ours.image.read(b, size)
        pointers = self.pointers(a, b, size)
        if data_a == data_b and not pointers:
            yield 0, size, True
            return
        places = iter([*pointers, size])
        pointer, at = next(places), 0
        while at < size:
            if at == pointer:
                yield at, 8, self.same_target(self.ref.in_slot(a + at), self.ours.in_slot(b + at))
                at, pointer = at + 8, next(places, size)
                continue
            end = max(min(pointer, size), at + 1)  # relocations may overlap in a file that is damaged
            step = self.same_unit(a, b, at, end, data_a, data_b)
            length = step or min(4, end - at)
            yield at, length, bool(step)
            at += length

    def same_unit(self, a: int, b: int, at: int, end: int, data_a: bytes, data_b: bytes) -> int:
        """The length of the unit at an offset that is the same in both; 0 if none is."""
        if at + 8 <= end and data_a[at : at + 8] == data_b[at : at + 8]:
            return 8
        if at + 8 <= end and self.is_pointer(data_a[at : at + 8], data_b[at : at + 8]):
            return 8
        step = min(4, end - at)
        if data_a[at : at + step] == data_b[at : at + step]:
            return step
        if step == 4 and self.same_relative(a, b, at, data_a, data_b):
            return 4
        return 0

    def is_pointer(self, word_a: bytes, word_b: bytes) -> bool:
        """Two absolute pointers, in files whose addresses are fixed."""
        if self.ref.image.is_position_independent or self.ours.image.is_position_independent:
            return False
        a, b = int.from_bytes(word_a, "little"), int.from_bytes(word_b, "little")
        return self.ref.image.contains(a) and self.ours.image.contains(b) and self.same_pointer(a, b)

    def same_pointer(self, a: int, b: int) -> bool:
        return self.same_target(self.ref.follow(a).target, self.ours.follow(b).target)

    def same_relative(self, a: int, b: int, at: int, data_a: bytes, data_b: bytes) -> bool:
        """Two distances to code or texts: from the begin of a table, such as a jump table, or from the place itself."""
        distance_a = int.from_bytes(data_a[at : at + 4], "little", signed=True)
        distance_b = int.from_bytes(data_b[at : at + 4], "little", signed=True)
        for base in (0, at):
            target_a, target_b = a + base + distance_a, b + base + distance_b
            code = self.ref.is_code(target_a) and self.ours.is_code(target_b)
            text = self.ref.image.read(target_a, 4)
            if (code or (is_text(text) and text == self.ours.image.read(target_b, 4))) and self.same(
                target_a, target_b
            ):
                return True
        return False


def begins_function(places: Places, address: int) -> bool:
    """Can a function begin there that no symbol and no unwind record tell of, as in objects written in assembly?"""
    section = places.image.section_at(address)
    if section is None or places.stub(address) is not None:
        return False
    aligned = address % FUNCTION_ALIGNMENT == 0 or address == section.address
    return aligned and not places.image.read(address, 4).startswith(PADDING)


def is_preemptible(image: Image, target: Target) -> bool:
    """May another file's definition take the place of the one in the image at run time?"""
    if target.kind != "symbol" or image.is_executable:
        return False
    return "SYMBOLIC" not in image.tags and not image.tags.get("FLAGS", 0) & 2
