"""Unwind information by function: the record, its program, personality, call sites, and the index over all."""

from __future__ import annotations

from collections.abc import Iterator

from linker_diff.frames import DW_EH_PE_INDIRECT, FORMATS, Frame, Frames
from linker_diff.match import Pair
from linker_diff.places import Places, Target
from linker_diff.report import Difference, Row


def compare_frames(pair: Pair) -> Iterator[Difference]:
    """`fde.missing`, `.extra`, `.size`, `.cfi`, `.personality`, `.lsda`, each followed by the function."""
    ref, ours = pair.ref_frames, pair.our_frames
    matched = set()
    for start, frame in ref.by_start.items():
        other = pair.counterpart(start)
        if other is None:
            continue
        matched.add(other)
        name = pair.ours.describe(other)
        if other not in ours.by_start:
            yield Difference(
                f"fde.missing.{name}", "the function has no unwind record", rows(pair, start, other)
            )
        else:
            yield from compare_frame(pair, name, frame, ours.by_start[other])
    backwards = {address for start in ref.by_start if (address := pair.counterpart(start)) is not None}
    for start in ours.by_start.keys() - backwards:
        counterpart = reference_of(pair, start)
        if counterpart is not None and counterpart not in ref.by_start:
            name = pair.ours.describe(start)
            yield Difference(
                f"fde.extra.{name}", "only ours has an unwind record", rows(pair, counterpart, start)
            )


def reference_of(pair: Pair, address: int) -> int | None:
    for name in pair.our_names.at.get(address, ()):
        if name in pair.ref_names.address_of:
            return pair.ref_names.address_of[name]
    return None


def rows(pair: Pair, a: int, b: int, texts: tuple[str, str] = ("", "")) -> tuple[Row, ...]:
    """A row for ours and one for the reference, at the addresses of the function."""
    return Row(pair.ours.image.label, texts[1], b), Row(pair.ref.image.label, texts[0], a)


def compare_frame(pair: Pair, name: str, a: Frame, b: Frame) -> Iterator[Difference]:
    at = a.start, b.start
    if a.size != b.size:
        yield Difference(f"fde.size.{name}", "", rows(pair, *at, (f"{a.size} bytes", f"{b.size} bytes")))
    programs = (a.cie.program + b"|" + a.program, b.cie.program + b"|" + b.program)
    if programs[0] != programs[1] or a.cie.factors != b.cie.factors:
        yield Difference(f"fde.cfi.{name}", "", rows(pair, *at, (programs[0].hex(" "), programs[1].hex(" "))))
    if a.cie.augmentation != b.cie.augmentation:
        yield Difference(
            f"fde.augmentation.{name}", "", rows(pair, *at, (a.cie.augmentation, b.cie.augmentation))
        )
    if not same_pointer(pair, a.cie.personality, b.cie.personality):
        texts = described(pair.ref, a.cie.personality), described(pair.ours, b.cie.personality)
        yield Difference(f"fde.personality.{name}", "", rows(pair, *at, texts))
    yield from compare_call_sites(pair, name, a, b)


def same_pointer(pair: Pair, a: int, b: int) -> bool:
    """Two pointers of unwind tables; a negative one leads through a word in data."""
    if not a or not b:
        return a == b
    return pair.same_target(resolved(pair.ref, a), resolved(pair.ours, b))


def resolved(places: Places, pointer: int) -> Target:
    return places.in_slot(-pointer) if pointer < 0 else places.follow(pointer).target


def described(places: Places, pointer: int) -> str:
    return places.describe_target(resolved(places, pointer)) if pointer else "none"


def compare_call_sites(pair: Pair, name: str, a: Frame, b: Frame) -> Iterator[Difference]:
    at = a.start, b.start
    if not a.lsda or not b.lsda:
        if a.lsda != b.lsda:
            texts = tuple(f"{frame.lsda:#x}" if frame.lsda else "none" for frame in (a, b))
            yield Difference(
                f"fde.lsda.{name}",
                "one has a call-site table and one has none",
                rows(pair, *at, (texts[0], texts[1])),
            )
        return
    table_a, table_b = pair.ref_frames.call_sites(a.lsda), pair.our_frames.call_sites(b.lsda)
    if table_a.fixed != table_b.fixed or len(table_a.types) != len(table_b.types):
        yield Difference(f"fde.lsda.{name}", "the call-site tables differ", rows(pair, a.lsda, b.lsda))
        return
    for index, (place_a, place_b) in enumerate(zip(table_a.types, table_b.types, strict=True)):
        type_a = type_pointer(pair.ref_frames, place_a, table_a.encoding)
        type_b = type_pointer(pair.our_frames, place_b, table_b.encoding)
        if not same_pointer(pair, type_a, type_b):
            texts = (described(pair.ref, type_a), described(pair.ours, type_b))
            yield Difference(
                f"fde.lsda.{name}", f"type {index + 1} that is caught", rows(pair, place_a, place_b, texts)
            )


def type_pointer(frames: Frames, place: int, encoding: int) -> int:
    size, signed = FORMATS.get(encoding & 15, (8, False))
    value = frames.image.word(place, size, signed)
    if value and encoding & 0x70 == 0x10:
        value += place
    return -value if encoding & DW_EH_PE_INDIRECT else value


def frame_faults(places: Places, frames: Frames) -> Iterator[tuple[str, str]]:
    """What makes the unwinder go astray within one file: (key, text)."""
    for frame in frames.duplicates:
        yield f"fde.duplicate.{places.describe(frame.start)}", "two unwind records begin at the function"
    for frame in frames.by_start.values():
        section = places.image.section_at(frame.start)
        if section is None or not section.flags & 4:
            yield f"fde.place.{frame.start:#x}", f"the record at {frame.address:#x} is about no code"
    if frames.index is None:
        return
    section = places.image.by_name.get(".eh_frame")
    if section and frames.index_target != section.address:
        yield (
            "eh_frame_hdr.target",
            f"it leads to {frames.index_target:#x}, but .eh_frame is at {section.address:#x}",
        )
    functions = [function for function, _ in frames.index]
    if functions != sorted(functions):
        yield "eh_frame_hdr.order", "the table for binary search is not sorted"
    indexed = dict(frames.index)
    for start, frame in frames.by_start.items():
        name = places.describe(start)
        if start not in indexed:
            yield f"eh_frame_hdr.missing.{name}", "the table for binary search lacks the function"
        elif indexed[start] not in frames.records[start]:
            yield (
                f"eh_frame_hdr.entry.{name}",
                f"it leads to {indexed[start]:#x}, the record is at {frame.address:#x}",
            )
    for start in indexed.keys() - frames.by_start.keys():
        yield f"eh_frame_hdr.extra.{places.describe(start)}", "an entry for which there is no record"
