"""Variables by symbol, arrays of functions, and sections that programs walk from `__start_` to `__stop_`.

Contents are compared with pointers by what they point at: where either file has a dynamic relocation, where two words
are addresses, and where two half words are distances to the same thing.
"""

from __future__ import annotations

from collections.abc import Iterator

from linker_diff import elf_names as elf
from linker_diff.image import Section
from linker_diff.match import Pair
from linker_diff.places import Places, Target, is_boundary
from linker_diff.report import Difference, Row

SYNTHETIC = (".dynamic", ".got", ".got.plt", ".eh_frame", ".eh_frame_hdr", ".dynsym", ".dynstr", ".plt")
ARRAYS = (".preinit_array", ".init_array", ".fini_array")


def compare_objects(pair: Pair) -> Iterator[Difference]:
    """Every variable that both files have, and every walked section: `data.NAME`."""
    ref, ours = pair.ref, pair.ours
    for name, a in pair.ref_names.address_of.items():
        b = pair.our_names.address_of.get(name)
        if b is not None and not is_boundary(name) and not is_copy(ref, a):
            yield from compare_object(pair, name.partition(" ")[0], a, b)
    for offset, names in pair.ref_names.tls_at.items():
        for other in [it for it, others in pair.our_names.tls_at.items() if not names.isdisjoint(others)][:1]:
            yield from compare_thread_local(pair, min(names), offset, other)
    for section in ref.image.mapped:
        walked = ours.image.by_name.get(section.name)
        if walked and walked.is_mapped and is_walked(pair.ref, section):
            yield from compare_walked(pair, section.name, section, walked)


def compare_object(pair: Pair, name: str, a: int, b: int) -> Iterator[Difference]:
    """One variable, if it is one that came from an input, each only once whatever names it has."""
    size_a, size_b = pair.ref.size_at.get(a, 0), pair.ours.size_at.get(b, 0)
    if (
        (a, b) in pair.compared
        or not size_a
        or not size_b
        or not (is_plain(pair.ref, a) and is_plain(pair.ours, b))
    ):
        return
    pair.compared.add((a, b))
    yield from compare_contents(pair, name, a, b, min(size_a, size_b))


def compare_thread_local(pair: Pair, name: str, a: int, b: int) -> Iterator[Difference]:
    """The initial value of a thread-local variable."""
    sizes = {it.size for it in pair.ref.image.symbols if it.type == elf.STT_TLS and it.value == a}
    (start_a, filled_a, _), (start_b, filled_b, _) = pair.ref.tls_segment, pair.ours.tls_segment
    size = max(min(max(sizes, default=0), filled_a - a, filled_b - b), 0)
    yield from compare_contents(pair, name.partition(" ")[0], start_a + a, start_b + b, size)


def is_copy(places: Places, address: int) -> bool:
    relocation = places.image.relocation_at.get(address)
    return relocation is not None and relocation.type == elf.R_COPY


def is_plain(places: Places, address: int) -> bool:
    """Is it data that came from an input, as far as the section tells?"""
    section = places.image.section_at(address)
    if section is None:
        return places.tls_segment[0] <= address < places.tls_segment[0] + places.tls_segment[1]
    return not section.flags & elf.SHF_EXECINSTR and section.name not in SYNTHETIC


def is_walked(places: Places, section: Section) -> bool:
    """Can `__start_NAME` and `__stop_NAME` bound it, and is it data that no variables name?"""
    named = places.bound(section.address - 1) < section.end or section.flags & elf.SHF_EXECINSTR
    return section.name.replace("_", "a").isalnum() and not named


def compare_walked(pair: Pair, name: str, a: Section, b: Section) -> Iterator[Difference]:
    """Such a section is in input order, and the order of archive members is not the same for all linkers."""
    if a.size != b.size:
        rows = (
            Row(pair.ours.image.label, f"{b.size} bytes", b.address),
            Row(pair.ref.image.label, f"{a.size} bytes", a.address),
        )
        yield Difference(f"data.{name}", "the sections have different sizes", rows)
        return
    found = list(compare_contents(pair, name, a.address, b.address, a.size))
    if found and a.size % 8 == 0 and pointers_of(pair.ref, a) == pointers_of(pair.ours, b):
        found = [Difference(f"order.{name}", "the same pointers in another order", found[0].rows)]
    yield from found


def pointers_of(places: Places, section: Section) -> list[str]:
    places_of_words = range(section.address, section.end - 7, 8)
    return sorted(places.describe_target(places.in_slot(address)) for address in places_of_words)


def compare_contents(pair: Pair, name: str, a: int, b: int, size: int) -> Iterator[Difference]:
    """The first place at which two variables differ."""
    at = 0
    found = pair.same_units(a, b, size)
    while found < size - at:
        at += found
        pointers = pair.pointers(a + at, b + at, 1)
        width = 8 if pointers else min(4, size - at)
        difference = unit_difference(pair, name, a + at, b + at, at, width, bool(pointers))
        if difference:
            yield difference
            return
        at += width
        found = pair.same_units(a + at, b + at, size - at)
    yield from stale_pointers(pair, name, a, b, size)


def unit_difference(
    pair: Pair, name: str, a: int, b: int, at: int, width: int, pointer: bool
) -> Difference | None:
    ref, ours = pair.ref, pair.ours
    kind, text = f"data.{name}", f"differs at offset {at:#x}"
    if pointer:
        relocated = [place in places.image.relocation_at for places, place in ((ref, a), (ours, b))]
        if relocated[0] != relocated[1]:
            return lost(pair, name, a, b, at, "missing" if relocated[0] else "extra")
    rows = tuple(
        Row(places.image.label, described(places, place, pointer), place, places.image.read(place, width))
        for places, place in ((ours, b), (ref, a))
    )
    return Difference(kind, text, rows)


def lost(pair: Pair, name: str, a: int, b: int, at: int, kind: str) -> Difference:
    rows = tuple(
        Row(places.image.label, described(places, place, True), place, places.image.read(place, 8))
        for places, place in ((pair.ours, b), (pair.ref, a))
    )
    return Difference(f"rel.{kind}.{name}", f"of the pointer at offset {at:#x}", rows)


def described(places: Places, address: int, pointer: bool) -> str:
    if not pointer:
        return ""
    relocation = places.image.relocation_at.get(address)
    kind = elf.named(relocation.type, elf.RELOCATION_NAMES) + " " if relocation else ""
    return kind + places.describe_target(places.in_slot(address))


def stale_pointers(pair: Pair, name: str, a: int, b: int, size: int) -> Iterator[Difference]:
    """Words that are equal but are pointers, in files whose addresses are fixed, to the beginnings of two things."""
    ref, ours = pair.ref, pair.ours
    if ref.image.is_position_independent or ours.image.is_position_independent or a % 8 or size < 8:
        return
    data = ref.image.read(a, size // 8 * 8)
    low, high = ref.image.low, ref.image.high
    for index, word in enumerate(memoryview(data).cast("Q")):
        if not low <= word < high or ours.image.word(b + index * 8) != word:
            continue
        named = pair.certain(pair.ref_names, word) and pair.certain(pair.our_names, word)
        if named and not pair.same(word, word):
            rows = Row(ours.image.label, ours.describe(word), b), Row(ref.image.label, ref.describe(word), a)
            yield Difference(f"data.{name}", f"differs at offset {index * 8:#x}", rows)
            return


# --- arrays of functions -------------------------------------------------------------------------------------


def compare_arrays(pair: Pair) -> Iterator[Difference]:
    """`.init_array` and its kin: the same functions in the same order."""
    for name in ARRAYS:
        ref, ours = (targets(places, name) for places in (pair.ref, pair.ours))
        equal = len(ref) == len(ours) and all(map(pair.same_target, ref, ours))
        if not equal:
            key = f"order.{name}" if follows_code(pair, ref, ours) else name
            rows = tuple(
                Row(places.image.label, ", ".join(map(places.describe_target, found)) or "-")
                for places, found in ((pair.ours, ours), (pair.ref, ref))
            )
            yield Difference(key, "", rows)


def follows_code(pair: Pair, ref: list[Target], ours: list[Target]) -> bool:
    """Are they the same functions, and those in another order whose code is in another order, too?

    That comes of another order of the objects, as of members of archives.
    """
    places = [
        next((at for at, other in enumerate(ours) if pair.same_target(one, other)), None) for one in ref
    ]
    if len(ref) != len(ours) or None in places or len(set(places)) < len(places):
        return False
    if any(target.kind != "address" for target in (*ref, *ours)):
        return False
    moved = [int(ours[at].value) for at in places if at is not None]
    for i, first in enumerate(ref):
        for j in range(i + 1, len(ref)):
            swapped = (places[i] or 0) > (places[j] or 0)
            if swapped and (int(first.value) < int(ref[j].value)) == (moved[i] < moved[j]):
                return False
    return True


def targets(places: Places, name: str) -> list[Target]:
    section = places.image.by_name.get(name)
    if section is None:
        return []
    return [places.in_slot(address) for address in range(section.address, section.end - 7, 8)]
