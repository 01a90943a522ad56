"""What the addresses of one file stand for, as far as the file itself tells: symbols, GOT slots, PLT entries, TLS.

Two files are compared by names, so each address gets *identities*: the plain name of a global symbol, or for a
local one the name, the source file before it in `.symtab`, and a running number among its namesakes there.

A reference that does not end where it points to, because a GOT slot or a PLT entry lies between, is followed to
its *target*; the path that it took is kept beside it, because linkers may differ in the path but not in the target.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from functools import cached_property
from typing import NamedTuple

from linker_diff import elf_names as elf
from linker_diff.image import Image, Symbol

LocalName = tuple[str, str, int]
Identity = str | LocalName

# Symbols that a linker defines: where one linker places `_end` or `etext` is no statement about the data there.
BOUNDARIES = frozenset(
    """
    _end end __end _edata edata __edata _etext etext __etext __bss_start __data_start data_start __TMC_END__
    __ehdr_start __executable_start _GLOBAL_OFFSET_TABLE_ _PROCEDURE_LINKAGE_TABLE_ __GNU_EH_FRAME_HDR _DYNAMIC
    __preinit_array_start __preinit_array_end __init_array_start __init_array_end __fini_array_start
    __fini_array_end __rela_iplt_start __rela_iplt_end __rel_iplt_start __rel_iplt_end _TLS_MODULE_BASE_
    __eh_frame_start __eh_frame_end __eh_frame_hdr_start __eh_frame_hdr_end
    __FRAME_END__ __EH_FRAME_BEGIN__
    """.split()
)
SLOT_TYPES = frozenset(
    (elf.R_GLOB_DAT, elf.R_JUMP_SLOT, elf.R_IRELATIVE, elf.R_TPOFF64, elf.R_DTPMOD64, elf.R_TLSDESC)
)
PLT_PREFIXES = (".plt", ".iplt")
ENDBR64, BND, JUMP_INDIRECT = b"\xf3\x0f\x1e\xfa", b"\xf2", b"\xff\x25"


class Target(NamedTuple):
    """Where a reference ends.

    `kind` says what `value` is: `address` in the file; `symbol`, a name that the dynamic linker binds; `tls`, an
    offset in the TLS block of the file; `tls-symbol`, a name; `number`, a constant whose meaning is not known.
    """

    kind: str
    value: int | str
    addend: int = 0


class Reference(NamedTuple):
    """A target, and the path to it: `direct`, `plt` or `got`."""

    path: str
    target: Target


class Span(NamedTuple):
    """The room of a symbol with a size."""

    start: int
    end: int
    identity: Identity


def is_boundary(name: str) -> bool:
    return name in BOUNDARIES or name.startswith(("__start_", "__stop_"))


def plain_name(image: Image, symbol: Symbol) -> str:
    """The name under which other files would refer to the symbol: `foo`, or `foo@V1` if V1 is not its default.

    Some linkers write versions into the names of `.symtab`. A version that another file defines is not part of the
    name: that is how imports and copies of imported variables have them.
    """
    name, mark, version = symbol.name.partition("@")
    version = mark + version if mark else symbol.version
    if not version or version.startswith("@@") or not symbol.is_defined:
        return name
    return name + version if version[1:] in image.versions.defined else name


class Places:
    """The symbols of one file by address, and the targets of references."""

    def __init__(self, image: Image) -> None:
        self.image = image
        self.at: dict[int, set[Identity]] = {}
        self.address_of: dict[Identity, int] = {}
        self.symbol_of: dict[Identity, Symbol] = {}
        self.tls_at: dict[int, set[Identity]] = {}
        self.numbers: set[int] = set()  # the values of symbols that are no address
        self.local_counts: Counter[tuple[str, str]] = Counter()
        self.size_at: dict[int, int] = {}
        self.ends: dict[int, set[Identity]] = {}
        self.stubs: dict[int, int | None] = {}
        self.targets: dict[int, Target] = {}
        self.weak = {
            symbol.name
            for symbol in image.dynamic_symbols
            if symbol.binding == elf.STB_WEAK and not symbol.is_defined
        }
        self.add_symbols()
        self.marks = sorted(self.at)
        self.tls_starts = sorted(self.tls_at)
        self.span_starts = [span.start for span in self.spans]

    def add_symbols(self) -> None:
        spans = []
        for symbol in (*self.image.symbols, *self.image.dynamic_symbols):
            canonical = not symbol.is_defined and symbol.value
            if symbol.type in (elf.STT_SECTION, elf.STT_FILE) or not symbol.name:
                continue
            if symbol.section == elf.SHN_ABS:
                self.numbers.add(symbol.value)
            if symbol.section == elf.SHN_ABS or not (symbol.is_defined or canonical):
                continue
            identity = self.identity_of(symbol)
            self.symbol_of.setdefault(identity, symbol)
            if symbol.type == elf.STT_TLS:
                self.tls_at.setdefault(symbol.value, set()).add(identity)
                continue
            resolver = self.ifunc_entry(symbol)
            address = symbol.value if resolver is None else resolver
            self.address_of.setdefault(identity, address)
            self.at.setdefault(address, set()).add(identity)
            if symbol.size:
                self.size_at.setdefault(symbol.value, symbol.size)
                spans.append(Span(symbol.value, symbol.end, identity))
                self.ends.setdefault(symbol.end, set()).add(identity)
        self.spans = sorted(spans, key=lambda it: (it.start, -it.end))

    def ifunc_entry(self, symbol: Symbol) -> int | None:
        """The address of the resolver, if the symbol is the PLT entry of an ifunc, its address for everybody.

        The name is at the resolver then, where linkers have it that leave the symbol an ifunc.
        """
        slot = self.stub(symbol.value) if symbol.type == elf.STT_FUNC else None
        relocation = None if slot is None else self.image.relocation_at.get(slot)
        return relocation.addend if relocation and relocation.type == elf.R_IRELATIVE else None

    def identity_of(self, symbol: Symbol) -> Identity:
        if symbol.binding != elf.STB_LOCAL or is_boundary(symbol.name):
            return plain_name(self.image, symbol)
        if symbol.visibility != elf.STV_DEFAULT and not symbol.file:
            return symbol.name  # hidden, and so local in the output
        key = (symbol.name, symbol.file)
        self.local_counts[key] += 1
        return (*key, self.local_counts[key])

    # --- symbols ---------------------------------------------------------------------------------------------

    def span_at(self, address: int) -> Span | None:
        """The innermost symbol with a size that the address lies in."""
        index = bisect_right(self.span_starts, address) - 1
        for candidate in self.spans[max(index - 7, 0) : index + 1][::-1]:
            if address < candidate.end:
                return candidate
        return None

    def nearby(self, address: int, distance: int) -> list[int]:
        """Up to six addresses with a symbol, three before and three after, not further than the distance."""
        index = bisect_right(self.marks, address)
        around = self.marks[max(index - 3, 0) : index + 3]
        return [mark for mark in around if abs(mark - address) <= distance]

    def bound(self, address: int) -> int:
        """The end of what can be one object: the next symbol, or the end of the section."""
        index = bisect_right(self.marks, address)
        section = self.image.section_at(address)
        end = section.end if section else address
        return min(self.marks[index], end) if index < len(self.marks) else end

    def describe(self, address: int) -> str:
        """For people: `main`, `table+8`, `"text"` for a string, `.rodata+0x10` for anything else."""
        names = self.at.get(address)
        if names:
            return short(min(names, key=lambda it: (is_boundary(short(it)), short(it))))
        span = self.span_at(address)
        if span:
            return f"{short(span.identity)}+{address - span.start:#x}"
        section = self.image.section_at(address)
        if section is None:
            return f"{address:#x}"
        text = self.string_at(address) if not section.flags & elf.SHF_EXECINSTR else None
        place = f"{section.name}+{address - section.address:#x}"
        return f'"{text}"' if text else place

    def string_at(self, address: int) -> str | None:
        data = self.image.read(address, 64).partition(b"\0")[0]
        if len(data) >= 2 and all(32 <= byte < 127 or byte in b"\t\n\r" for byte in data):
            return data.decode().encode("unicode_escape").decode()[:60]
        return None

    def is_code(self, address: int) -> bool:
        section = self.image.section_at(address)
        return section is not None and bool(section.flags & elf.SHF_EXECINSTR)

    @cached_property
    def got_base(self) -> int:
        """What code reaches the GOT by; 0 if there is none."""
        sections = self.image.by_name
        table = sections.get(".got.plt") or sections.get(".got")
        return self.address_of.get("_GLOBAL_OFFSET_TABLE_") or (table.address if table else 0)

    # --- references ------------------------------------------------------------------------------------------

    def is_slot(self, address: int) -> bool:
        """Is it a word that a reference goes through, and not what it refers to?"""
        relocation = self.image.relocation_at.get(address)
        if relocation and relocation.type in SLOT_TYPES:
            return True
        section = self.image.section_at(address)
        return section is not None and section.name.startswith(".got")

    def stub(self, address: int) -> int | None:
        """The GOT slot that a PLT entry jumps through; None if there is no PLT entry at the address."""
        if address not in self.stubs:
            self.stubs[address] = self.read_stub(address)
        return self.stubs[address]

    def read_stub(self, address: int) -> int | None:
        section = self.image.section_at(address)
        if section is None or not section.name.startswith(PLT_PREFIXES):
            return None
        code = self.image.read(address, 16)
        begin = 4 if code.startswith(ENDBR64) else 0
        begin += code[begin : begin + 1] == BND
        if code[begin : begin + 2] == JUMP_INDIRECT and len(code) >= begin + 6:
            slot = address + begin + 6 + int.from_bytes(code[begin + 2 : begin + 6], "little", signed=True)
            return slot if self.is_slot(slot) else None
        return None

    def follow(self, address: int) -> Reference:
        """Where a call or a pointer to the address ends."""
        slot = self.stub(address)
        return (
            Reference("direct", Target("address", address))
            if slot is None
            else Reference("plt", self.in_slot(slot))
        )

    def in_slot(self, address: int) -> Target:
        """What a GOT slot, or a pointer in data, holds at run time."""
        if address not in self.targets:
            self.targets[address] = self.read_slot(address)
        return self.targets[address]

    def read_slot(self, address: int) -> Target:
        relocation = self.image.relocation_at.get(address)
        if relocation is None:
            return self.static_slot(address)
        symbol, kind, addend = relocation.symbol, relocation.type, relocation.addend
        if kind in (elf.R_RELATIVE, elf.R_IRELATIVE):
            return Target("address", addend)
        if kind in (elf.R_TPOFF64, elf.R_TLSDESC, elf.R_DTPOFF64):
            return (
                Target("tls-symbol", plain_name(self.image, symbol), addend)
                if symbol
                else Target("tls", addend)
            )
        if kind == elf.R_DTPMOD64:
            return (
                Target("tls-symbol", plain_name(self.image, symbol))
                if symbol
                else Target("tls", self.image.word(address + 8))
            )
        if symbol is None:
            return Target("number", addend)
        return Target("symbol", plain_name(self.image, symbol), addend if kind == elf.R_64 else 0)

    def static_slot(self, address: int) -> Target:
        """A slot that no dynamic relocation touches: filled by the linker."""
        value = self.image.word(address)
        # Where addresses are not fixed, a pointer without a relocation is none.
        if self.image.contains(value) and not self.image.is_position_independent:
            return Target("address", value)
        if self.is_tls_offset(value):
            return Target("tls", value - (1 << 64) + self.tls_size)
        if value == 1 and self.tls_size and self.is_slot(address):  # the module number of an executable
            return Target("tls", self.image.word(address + 8))
        return Target("number", value)

    def is_tls_offset(self, value: int) -> bool:
        """Is it a distance from the thread pointer? A symbol that is that number itself can have a slot, too."""
        offset = value - (1 << 64) + self.tls_size
        return 0 <= offset < self.tls_size and (offset in self.tls_at or value not in self.numbers)

    # --- thread-local storage --------------------------------------------------------------------------------

    @cached_property
    def tls_segment(self) -> tuple[int, int, int]:
        """Address, size in the file, size rounded up to the alignment."""
        for segment in self.image.segments:
            if segment.type == elf.PT_TLS:
                align = max(segment.alignment, 1)
                return segment.address, segment.filesz, -(-segment.memsz // align) * align
        return 0, 0, 0

    @property
    def tls_size(self) -> int:
        """What the thread pointer is above the block of an executable (ELF TLS, variant II)."""
        return self.tls_segment[2]

    def is_no_tls(self, offset: int) -> bool:
        """Is it the offset from the thread pointer of an undefined weak variable? Linkers take 0 or -(end of TLS)."""
        return offset == 0 or offset + self.tls_segment[0] + self.tls_size == 0

    def tls_start(self, offset: int) -> int:
        """Where the variable at an offset in the block begins: the last one that does not begin after it."""
        index = bisect_right(self.tls_starts, offset) - 1
        return self.tls_starts[index] if index >= 0 else 0

    def describe_target(self, target: Target) -> str:
        kind, value, addend = target
        plus = f"{addend:+#x}" if addend else ""
        if isinstance(value, str):
            return value + plus
        if kind == "address":
            return self.describe(value)
        if kind == "tls":
            start = self.tls_start(value)
            name = short(min(self.tls_at.get(start, {"+0"}), key=short))
            return f"TLS {name}" + (f"+{value - start:#x}" if value != start else "")
        return f"{value:#x}"


def short(identity: Identity) -> str:
    """The name alone."""
    return identity if isinstance(identity, str) else identity[0]
