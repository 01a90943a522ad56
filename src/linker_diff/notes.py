"""Notes by owner and type, and `.comment`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from linker_diff import elf_names as elf
from linker_diff.headers import differing, value_difference
from linker_diff.image import Section
from linker_diff.match import Pair
from linker_diff.places import Places
from linker_diff.report import Difference

GNU_TYPES = {1: "ABI_TAG", 3: "BUILD_ID", 4: "GOLD_VERSION", 5: "PROPERTY"}
# Linkers sign `.comment`; their signatures are no difference.
SIGNATURES = ("Linker:", "mold ", "Wild ", "wild ", "GNU gold")


def compare_notes(pair: Pair) -> Iterator[Difference]:
    """Descriptors as bytes, but for the build-id, of which only the length counts, and addresses in probes."""
    facts_a, facts_b = (
        {f"{note}": text for note, text in note_facts(it).items()} for it in (pair.ref, pair.ours)
    )
    yield from differing("note.", facts_a, facts_b, pair)
    probes_a, probes_b = probes(pair.ref), probes(pair.ours)
    if len(probes_a) != len(probes_b):
        spare = not Counter(text for _, text in probes_a) - Counter(text for _, text in probes_b)
        key = "note.stapsdt.extra" if spare else "note.stapsdt"
        yield value_difference(pair, key, f"{len(probes_a)} probes", f"{len(probes_b)} probes")
        return
    for (addresses_a, text_a), (addresses_b, text_b) in zip(probes_a, probes_b, strict=True):
        if text_a != text_b or not all(map(pair.same, addresses_a, addresses_b)):
            texts = (
                f"{text!r} at {places.describe(at[0])}"
                for text, at, places in ((text_a, addresses_a, pair.ref), (text_b, addresses_b, pair.ours))
            )
            yield value_difference(pair, "note.stapsdt", *texts)


def notes(places: Places) -> Iterator[tuple[Section, str, int, bytes]]:
    """Section, owner, type and descriptor of every note."""
    for section in places.image.sections:
        if section.type != elf.SHT_NOTE:
            continue
        data, at = places.image.contents(section), 0
        step = 8 if section.alignment == 8 else 4
        while at + 12 <= len(data):
            name_size, size, kind = (int.from_bytes(data[at + i : at + i + 4], "little") for i in (0, 4, 8))
            begin = at + -(-(12 + name_size) // step) * step
            owner = data[at + 12 : at + 12 + name_size].rstrip(b"\0").decode("ascii", "replace")
            yield section, owner, kind, data[begin : begin + size]
            at = begin + -(-size // step) * step


def note_facts(places: Places) -> dict[str, str]:
    facts = {}
    for _, owner, kind, descriptor in notes(places):
        if owner == "stapsdt":
            continue
        name = GNU_TYPES.get(kind, str(kind)) if owner == "GNU" else str(kind)
        text = f"{len(descriptor)} bytes" if name == "BUILD_ID" else descriptor.hex(" ")
        facts[f"{owner}.{name}"] = text
    return facts


def probes(places: Places) -> list[tuple[list[int], bytes]]:
    """SystemTap's probes: the three addresses, and the texts."""
    found = []
    for _, owner, _, descriptor in notes(places):
        if owner == "stapsdt":
            addresses = [int.from_bytes(descriptor[at : at + 8], "little") for at in (0, 8, 16)]
            found.append((addresses, descriptor[24:]))
    return found


def compare_comments(pair: Pair) -> Iterator[Difference]:
    """The compilers named in `.comment`, in any order."""
    texts_a, texts_b = comments(pair.ref), comments(pair.ours)
    if texts_a != texts_b:
        yield value_difference(pair, ".comment", "; ".join(sorted(texts_a)), "; ".join(sorted(texts_b)))


def comments(places: Places) -> set[str]:
    section = places.image.by_name.get(".comment")
    texts = places.image.contents(section).split(b"\0") if section else []
    found = {text.decode("utf-8", "replace") for text in texts if text}
    return {text for text in found if not text.startswith(SIGNATURES)}
