"""Notes of objects: the kernel against a plain twin; and the notes that the linker writes."""

from __future__ import annotations

import ctypes
import hashlib
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tables import File, World, constants, fault_code

from wild import notes
from wild.errors import LinkError
from wild.kernels.notes import NoteTable
from wild.kernels.pool import KernelFault, Pool

C = constants("tables")
POOLS = [Pool(1), Pool(3)]
FEATURE_1_AND, FEATURE_2_NEEDED, ISA_1_NEEDED = 0xC0000002, 0xC0008001, 0xC0008002
FEATURE_2_USED, ISA_1_USED = 0xC0010001, 0xC0010002
AND_1, NEEDED_1 = 0xB0000000, 0xB0008000
STACK_SIZE, NO_COPY = 1, 2
UNKNOWN = (0xC0000000, 0xC0000001, 0xC0018000, 0xB0010000, 3)
KINDS = (FEATURE_1_AND, FEATURE_2_NEEDED, ISA_1_NEEDED, FEATURE_2_USED, ISA_1_USED, AND_1, NEEDED_1)
Properties = dict[int, int]


def property_bytes(kind: int, value: int) -> bytes:
    size = {STACK_SIZE: 8, NO_COPY: 0}.get(kind, 4)
    data = struct.pack("<II", kind, size) + value.to_bytes(8, "little")[:size]
    return data + bytes(-len(data) % 8)


def note_bytes(description: bytes, owner: bytes = b"GNU\0", kind: int = 5) -> bytes:
    return struct.pack("<III", len(owner), len(description), kind) + owner + description


def object_with(note: bytes | None, stack_flags: int | None = 0, live: bool = True) -> File:
    """An object with .note.ABI-tag and, if they are given, .note.gnu.property and .note.GNU-stack."""
    file = File(C["FILE_OBJECT"], [], [], live)
    names = b"\0.note.gnu.property\0.note.GNU-stack\0.note.ABI-tag\0"
    contents = note or b""
    start = 24 + 1  # the null symbol and the empty string
    headers = [(0, 0, 0, 0, 0), (names.index(b".note.ABI"), 7, 2, start, 0)]
    if note is not None:
        headers.append((1, 7, 2, start + len(names), len(contents)))
    if stack_flags is not None:
        headers.append((names.index(b".note.GNU"), 1, stack_flags, start, 0))
    file.headers = names + contents
    file.fields = {"shstroff": start, "shstrsize": len(names), "shoff": start + len(file.headers)}
    file.fields["shnum"] = len(headers)
    for name, kind, flags, offset, size in headers:
        file.headers += struct.pack("<IIQQQQIIQQ", name, kind, flags, 0, offset, size, 0, 0, 8, 0)
    return file


def object_of(properties: Properties | None) -> File:
    if properties is None:
        return object_with(None)
    return object_with(note_bytes(b"".join(property_bytes(*row) for row in sorted(properties.items()))))


def table_of(files: list[File], pool: Pool = POOLS[0]) -> NoteTable:
    return NoteTable(pool, World(files).views())


def twin(objects: list[Properties | None]) -> list[tuple[int, int, int]]:
    """The merged properties, by the rules of the specification's table."""
    merged = []
    for kind in sorted({kind for row in objects if row for kind in row}):
        values = [row[kind] for row in objects if row and kind in row]
        everywhere = len(values) == len(objects)
        all_of, any_of = values[0], 0
        for value in values:
            all_of, any_of = all_of & value, any_of | value
        needed = kind in (FEATURE_2_NEEDED, ISA_1_NEEDED, NEEDED_1)
        if kind in (FEATURE_1_AND, AND_1) and everywhere and all_of:
            merged.append((kind, 4, all_of))
        elif (needed and any_of) or (kind in (FEATURE_2_USED, ISA_1_USED) and everywhere):
            merged.append((kind, 4, any_of))
        elif kind == STACK_SIZE:
            merged.append((kind, 8, max(values)))
        elif kind == NO_COPY:
            merged.append((kind, 0, 0))
    return merged


PROPERTIES = st.dictionaries(st.sampled_from(KINDS), st.integers(0, 15), max_size=4)
EXTRA = st.dictionaries(st.sampled_from(UNKNOWN), st.integers(0, 15), max_size=1)
SIZED = st.one_of(
    st.just({}), st.just({NO_COPY: 0}), st.builds(lambda n: {STACK_SIZE: n}, st.integers(0, 1 << 40))
)
OBJECT = st.one_of(st.none(), st.builds(lambda a, b, c: a | b | c, PROPERTIES, EXTRA, SIZED))


@given(st.lists(OBJECT, max_size=40))
def test_properties_are_merged_as_the_twin_does(objects: list[Properties | None]) -> None:
    for pool in POOLS:
        assert table_of([object_of(row) for row in objects], pool).properties == twin(objects)


def test_only_live_objects_count() -> None:
    shared = File(C["FILE_SHARED"], [], [])
    files = [object_of({FEATURE_1_AND: 3}), shared, object_with(None, live=False)]

    table = table_of(files)

    assert table.properties == [(FEATURE_1_AND, 4, 3)]
    assert table.objects == 1


def test_several_notes_of_an_object_speak_for_all_of_it() -> None:
    two = note_bytes(property_bytes(FEATURE_1_AND, 1)) + note_bytes(property_bytes(FEATURE_1_AND, 2))

    assert table_of([object_with(two), object_of({FEATURE_1_AND: 3})]).properties == [(FEATURE_1_AND, 4, 3)]


def test_files_without_a_feature_are_listed_in_order() -> None:
    files = [object_of({FEATURE_1_AND: 1}), object_of(None), object_of({FEATURE_1_AND: 3}), object_of({})]

    table = table_of(files)

    assert table.files_without(1, 9) == [1, 3]
    assert table.files_without(2, 9) == [0, 1, 3]
    assert table.files_without(2, 2) == [0, 1]


def test_stack_notes_are_missing_plain_or_executable() -> None:
    files = [
        object_with(None, None),
        object_with(None, 0),
        object_with(None, 4),
        object_with(None, None, False),
    ]

    table = table_of(files)

    assert [table.files_with_stack(state, 9) for state in range(3)] == [[0], [1], [2]]


@pytest.mark.parametrize(
    ("note", "place"),
    [
        (note_bytes(property_bytes(FEATURE_1_AND, 1), owner=b"XYZ\0"), 0),
        (note_bytes(property_bytes(FEATURE_1_AND, 1), kind=4), 0),
        (note_bytes(property_bytes(FEATURE_1_AND, 1))[:-1], 0),
        (note_bytes(struct.pack("<IIQ", FEATURE_1_AND, 8, 1)), 16),
        (note_bytes(struct.pack("<III", STACK_SIZE, 4, 1)), 16),
        (note_bytes(struct.pack("<II", UNKNOWN[0], 9)), 16),
        (note_bytes(property_bytes(FEATURE_1_AND, 1) + struct.pack("<II", ISA_1_USED, 4)), 32),
    ],
)
def test_malformed_note_is_a_fault(note: bytes, place: int) -> None:
    files = [object_of({}), object_with(note)]
    start = files[1].fields["shstroff"] + files[1].fields["shstrsize"]

    with pytest.raises(KernelFault) as fault:
        table_of(files)

    assert fault.value.args[:3] == (125, 1, start + place)


def test_note_outside_the_file_is_a_fault() -> None:
    file = object_of({FEATURE_1_AND: 1})
    world = World([file])
    base = ctypes.c_uint64.from_address(world.view_files.base).value
    header = base + file.fields["shoff"] + 2 * 64
    ctypes.c_uint64.from_address(header + 24).value = 1 << 63

    with pytest.raises(KernelFault) as fault:
        NoteTable(POOLS[0], world.views())

    assert fault.value.args[:3] == (125, 0, 1 << 63)


def test_section_name_outside_the_names_is_a_fault() -> None:
    file = object_of({FEATURE_1_AND: 1})
    world = World([file])
    base = ctypes.c_uint64.from_address(world.view_files.base).value
    ctypes.c_uint32.from_address(base + file.fields["shoff"] + 2 * 64).value = 10_000

    with pytest.raises(KernelFault) as fault:
        NoteTable(POOLS[0], world.views())

    assert fault.value.args[:4] == (127, 0, file.fields["shoff"] + 128, 2)


@given(st.lists(OBJECT, min_size=1, max_size=3), st.data())
def test_damaged_bytes_are_a_fault_or_other_properties(
    objects: list[Properties | None], draw: st.DataObject
) -> None:
    files = [object_of(row) for row in objects]
    world = World(files)
    base = ctypes.c_uint64.from_address(world.view_files.base).value
    for _ in range(draw.draw(st.integers(1, 4))):
        place = draw.draw(st.integers(25, world.file_rows[0].size - 1))
        ctypes.c_uint8.from_address(base + place).value = draw.draw(st.integers(0, 255))

    assert fault_code(lambda: NoteTable(POOLS[0], world.views())) in (0, 125, 127)


@pytest.mark.parametrize("pool", POOLS)
def test_too_many_kinds_of_properties_are_an_error(pool: Pool) -> None:
    files = [object_of({NEEDED_1 + number: 1}) for number in range(65)]

    assert len(table_of(files[:64], pool).properties) == 64
    with pytest.raises(LinkError, match="more than 64 different program properties"):
        table_of(files, pool)


def test_objects_without_ibt_or_shstk_are_named() -> None:
    files = [object_of({FEATURE_1_AND: 3}), object_of({FEATURE_1_AND: 1}), object_of(None)]

    texts = notes.feature_texts(table_of(files), "{}.o".format, 9)

    assert [text.partition(" (")[0] for text in texts] == [
        "1.o: not marked for SHSTK",
        "2.o: not marked for IBT and SHSTK",
    ]


@pytest.mark.parametrize(
    ("flags", "asked", "executable"),
    [(4, None, True), (0, None, False), (None, None, False), (4, False, False), (0, True, True)],
)
def test_stack_is_executable_if_an_object_or_the_user_asks(
    flags: int | None, asked: bool | None, executable: bool
) -> None:
    table = table_of([object_with(None, 0), object_with(None, flags)])

    assert notes.stack_is_executable(table, asked) is executable
    assert notes.stack_texts(table, str, 9) == (
        ["1: makes the stack executable (.note.GNU-stack); with -z noexecstack it does not"] if flags else []
    )


def test_property_note_is_what_the_kernel_reads() -> None:
    properties = [(FEATURE_1_AND, 4, 3), (ISA_1_NEEDED, 4, 2), (STACK_SIZE, 8, 1 << 33), (NO_COPY, 0, 0)]

    note = notes.property_note(properties)

    assert len(note) % 8 == 0
    assert table_of([object_with(note)]).properties == sorted(properties)


def test_forced_bits_are_added_to_the_property_note() -> None:
    assert notes.property_note([], {FEATURE_1_AND: 0}) == b""
    assert notes.property_note([], {FEATURE_1_AND: 2}) == notes.property_note([(FEATURE_1_AND, 4, 2)])
    merged = notes.property_note([(FEATURE_1_AND, 4, 1)], {FEATURE_1_AND: 2})
    assert merged == notes.property_note([(FEATURE_1_AND, 4, 3)])


def test_package_metadata_is_a_note_of_fdo() -> None:
    note = notes.package_metadata_note('{"type":"deb"}')

    assert note == struct.pack("<III", 4, 15, 0xCAFE1A7E) + b'FDO\0{"type":"deb"}\0\0'


@pytest.mark.parametrize(
    ("text", "decoded"),
    [
        ("plain", "plain"),
        ("%7B%22a%22:%201%7d", '{"a": 1}'),
        ("%[lbrace]%[quot]a%[quot]%[comma]%[space]%[rbrace]", '{"a", }'),
        ("100%25", "100%"),
        ("%c3%a4ä", "ää"),
    ],
)
def test_percent_escapes_are_decoded(text: str, decoded: str) -> None:
    assert notes.percent_decoded(text) == decoded


@pytest.mark.parametrize("text", ["%", "%4", "%zz", "%[bracket]", "%[quot", "% 1", "%+1"])
def test_other_percents_are_errors(text: str) -> None:
    with pytest.raises(LinkError, match="is no escape"):
        notes.percent_decoded(text)


@pytest.mark.parametrize(
    ("style", "size"),
    [("fast", 20), ("sha1", 20), ("tree", 20), ("sha256", 32), ("md5", 16), ("uuid", 16), ("0xab", 1)],
)
def test_build_id_note_has_room_for_the_id(style: str, size: int) -> None:
    build_id = notes.BuildId(style)

    note = build_id.note()

    assert note[:16] == struct.pack("<III", 4, size, 3) + b"GNU\0"
    assert len(note) == 16 + (size + 3) // 4 * 4
    buffer = ctypes.create_string_buffer(b"output" * 1000)
    assert len(build_id.digest(POOLS[0], ctypes.addressof(buffer), 6000)) == size


def test_hexadecimal_build_id_may_have_separators() -> None:
    assert notes.BuildId("0x12-34:ABcd").note()[16:] == b"\x12\x34\xab\xcd"


@pytest.mark.parametrize("style", ["0x", "0x1", "0xgg", "0x 12", "crc", "", "none"])
def test_unknown_build_id_is_an_error(style: str) -> None:
    with pytest.raises(LinkError, match="--build-id="):
        notes.BuildId(style)


def test_uuids_differ_and_are_of_version_4() -> None:
    one, other = notes.BuildId("uuid").fixed, notes.BuildId("uuid").fixed

    assert one != other
    assert (one[6] >> 4, one[8] >> 6) == (4, 2)


@pytest.mark.parametrize("size", [0, 1, notes.LEAF, 3 * notes.LEAF + 5])
def test_tree_hash_is_the_hash_of_the_hashes_of_leaves(size: int) -> None:
    data = bytes(range(256)) * (size // 256 + 1)
    leaves = [
        hashlib.sha1(data[start : min(start + notes.LEAF, size)]) for start in range(0, size, notes.LEAF)
    ]

    expected = hashlib.sha1(b"".join(leaf.digest() for leaf in leaves)).digest()

    assert notes.tree_digest("sha1", memoryview(data)[:size], 1) == expected
    assert notes.tree_digest("sha1", memoryview(data)[:size], 3) == expected
