"""Dynamic relocations by symbol and place.

A slot of the GOT has no place that two files could share, so for slots only the symbol counts, and GLOB_DAT and
JUMP_SLOT, which differ in when they are bound, count as one. Relative relocations are part of the data that they are
in, and are compared there (data.py); only their absence in named data is noticed here.
"""

from __future__ import annotations

from collections.abc import Iterator

from linker_diff import elf_names as elf
from linker_diff.headers import value_difference
from linker_diff.image import Relocation
from linker_diff.match import Pair, is_preemptible
from linker_diff.places import Places, Target, plain_name, short
from linker_diff.report import Difference

SLOTS = {elf.R_GLOB_DAT: "slot", elf.R_JUMP_SLOT: "slot"}
ONE_PER_SYMBOL = frozenset(
    (elf.R_GLOB_DAT, elf.R_JUMP_SLOT, elf.R_TPOFF64, elf.R_DTPMOD64, elf.R_TLSDESC, elf.R_DTPOFF64)
)
# A linker may choose among TLS models; whoever has the symbol at all under one of them has it.
TLS = frozenset((elf.R_TPOFF64, elf.R_DTPMOD64, elf.R_TLSDESC, elf.R_DTPOFF64))

THREAD_LOCAL = "GOT (thread-local)"
SPARE = {
    "GOT": "slot",
    THREAD_LOCAL: "slot",
    "copy": "copy",
}  # where relocations of what nothing reads do no harm
Entry = tuple[str, str, str]


def compare_relocations(pair: Pair) -> Iterator[Difference]:
    """Symbolic relocations that only one of the files has: `rel.missing.SYMBOL`, `rel.extra.SYMBOL`; `rel.slot.SYMBOL`
    for a word of the GOT that only ours has, and `rel.copy.SYMBOL` for a copied variable, since what nothing reads does
    no harm."""
    ref, ours = entries(pair.ref), entries(pair.ours)
    for kind, a, b, others in (("missing", ref, ours, pair.ours), ("extra", ours, ref, pair.ref)):
        for entry in a.keys() - b.keys():
            name, addend, place = entry
            texts = (f"{elf.named(a[entry], elf.RELOCATION_NAMES)} {name}{addend} at {place}", "-")
            if place == "copy" and is_copied(others, name):
                continue
            if is_bound_now(pair, kind, entry):
                yield value_difference(
                    pair, f"relax.pointer.{name}", *(texts if kind == "missing" else texts[::-1])
                )
                continue
            optional = kind == "extra" and pair.ours.image.is_executable and name in pair.ours.weak
            spare = SPARE.get(place, kind) if kind == "extra" else kind
            key = f"rel.{'weak' if optional else spare}.{name}"
            yield value_difference(pair, key, *(texts if kind == "missing" else texts[::-1]))
    for entry in ref.keys() & ours.keys():
        if (
            ref[entry] != ours[entry]
            and {ref[entry], ours[entry]} != SLOTS.keys()
            and entry[2] != THREAD_LOCAL
        ):
            types = (elf.named(it[entry], elf.RELOCATION_NAMES) for it in (ref, ours))
            yield value_difference(pair, f"rel.type.{entry[0]}", *types)


def is_bound_now(pair: Pair, kind: str, entry: Entry) -> bool:
    """Has one file a relocation and the other, legally, the same pointer without?"""
    name, _, place = entry
    variable, _, offset = place.rpartition("+")
    a, b = pair.ref_names.address_of.get(variable), pair.our_names.address_of.get(variable)
    if a is None or b is None:
        return False
    at = int(offset, 16)
    if kind == "missing" and is_preemptible(pair.ours.image, Target("symbol", name)):
        return False
    return pair.same_target(pair.ref.in_slot(a + at), pair.ours.in_slot(b + at))


def is_copied(places: Places, name: str) -> bool:
    """Has another name of the variable, at the same address, the copy relocation?"""
    relocation = places.image.relocation_at.get(places.address_of.get(name, 0))
    return relocation is not None and relocation.type == elf.R_COPY


def entries(places: Places) -> dict[Entry, int]:
    """(symbol, addend, place) -> type, of all relocations against symbols."""
    found: dict[Entry, int] = {}
    for relocation in places.image.relocations:
        if relocation.symbol is not None and relocation.type != elf.R_NONE:
            addend = f"{relocation.addend:+#x}" if relocation.addend and relocation.type not in SLOTS else ""
            found[plain_name(places.image, relocation.symbol), addend, place_of(places, relocation)] = (
                relocation.type
            )
    return found


def place_of(places: Places, relocation: Relocation) -> str:
    if relocation.type in TLS:
        return THREAD_LOCAL
    if relocation.type in ONE_PER_SYMBOL:
        return "GOT"
    if relocation.type == elf.R_COPY:
        return "copy"
    span = places.span_at(relocation.address)
    if span:
        return f"{short(span.identity)}+{relocation.address - span.start:#x}"
    section = places.image.section_at(relocation.address)
    return section.name if section else "nowhere"


def relocation_faults(places: Places) -> Iterator[tuple[str, str]]:
    """Relocations that no loader could apply, and lazy slots that do not lead back into the PLT: (key, text)."""
    image = places.image
    seen: dict[int, list[object]] = {}
    for relocation in image.relocations:
        at, kind = relocation.address, relocation.type
        name = relocation.symbol.name if relocation.symbol else ""
        if kind == elf.R_NONE:
            continue
        others = seen.setdefault(at, [])
        others.append((kind, name, relocation.addend))
        segment = image.segment_at(at)
        if segment is None or (
            not segment.flags & 2 and "TEXTREL" not in image.tags and not image.tags.get("FLAGS", 0) & 4
        ):
            yield f"rel.place.{name or places.describe(at)}", f"relocates {at:#x}, which is not writable"
        if len(others) == 2:
            what = "repeated" if others[0] == others[1] and kind == elf.R_RELATIVE else "duplicate"
            yield f"rel.{what}.{name or places.describe(at)}", f"{at:#x} has two relocations"
        if kind == elf.R_JUMP_SLOT:
            yield from lazy_faults(places, relocation)


def lazy_faults(places: Places, relocation: Relocation) -> Iterator[tuple[str, str]]:
    """Before it is bound, a lazy slot points at the `push $index` of its own PLT entry."""
    image = places.image
    value = image.word(relocation.address)
    name = plain_name(places.image, relocation.symbol) if relocation.symbol else ""
    if not value or image.tags.get("FLAGS", 0) & 8 or image.tags.get("FLAGS_1", 0) & 1:
        return
    code = image.read(value, 16)
    push = 4 if code.startswith(b"\xf3\x0f\x1e\xfa") else 0
    if code[push : push + 1] != b"\x68":
        yield (
            f"plt.lazy.{name}",
            f"the slot does not lead to a push in the PLT but to {places.describe(value)}",
        )
        return
    index = int.from_bytes(code[push + 1 : push + 5], "little")
    table = image.tags.get("JMPREL", 0) + index * 24
    if image.word(table) != relocation.address:
        yield f"plt.lazy.{name}", f"the PLT entry pushes {index}, which is another relocation's number"
