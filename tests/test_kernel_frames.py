"""Call frame information against a naive twin: random records, every byte of both sections compared."""

from __future__ import annotations

import ctypes
import struct
from collections.abc import Iterator
from typing import NamedTuple

import frames
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from objects import ALLOC, EXEC, Relocation, Section, Symbol, loaded, relocatable
from programs import assemble, compile_cxx

from wild import faults
from wild.kernels.files import Inputs
from wild.kernels.frames import FrameTable
from wild.kernels.names import NameTable
from wild.kernels.pool import KernelFault, Pool
from wild.kernels.resolve import Resolution
from wild.kernels.sections import SectionTable
from wild.machine.x86_64 import relocation_rows

R_64, R_PC32, R_32, R_PC64 = 1, 2, 10, 24
PCREL_SDATA4, ABSPTR, PCREL_SDATA8 = 0x1B, 0x00, 0x1C
RULE_DROP = 4
ADDRESS, HDR_ADDRESS = 0x7000_0000, 0x6000_0000
VALUE_OF = ctypes.CFUNCTYPE(
    ctypes.c_uint64, ctypes.c_void_p, ctypes.c_uint32, ctypes.c_uint32, ctypes.c_int64, ctypes.c_uint32
)


@pytest.fixture(scope="module", params=[1, 3], ids=["1-thread", "3-threads"])
def pool(request: pytest.FixtureRequest) -> Iterator[Pool]:
    pool = Pool(request.param)
    yield pool
    pool.close()


def value(file: int, symbol: int, addend: int) -> int:
    """S + A of every symbol in these tests; symbols with larger numbers have lower addresses."""
    return 0x7010_0000 - file * 0x4000 - symbol * 0x200 + addend


@VALUE_OF
def value_of(_context: int, file: int, symbol: int, addend: int, _type: int) -> int:
    return value(file, symbol, addend)


# --- a model of input files --------------------------------------------------------------------------------


class Record(NamedTuple):
    """A CIE or FDE without its pointer; relocations are relative to the record."""

    data: bytes
    relocations: tuple[Relocation, ...] = ()
    cie: int | None = None  # number of its CIE in the section; None: is one
    live: bool = True
    entry: bool = True  # of .eh_frame_hdr


TERMINATOR = Record(bytes(4), entry=False)


class File(NamedTuple):
    sections: list[Section]
    symbols: list[Symbol]
    frames: list[list[Record]]  # by .eh_frame section


def record(body: bytes, **how: object) -> Record:
    """A record of 4-byte length, 4-byte pointer and `body`."""
    body += bytes(-len(body) % 4)
    return Record(struct.pack("<II", 4 + len(body), 0) + body, **how)


def cie(augmentation: bytes, data: bytes, *relocations: Relocation, padding: int = 0) -> Record:
    """`augmentation` without its z; data alignment and return address register are those of x86-64."""
    fixed = b"\0\1\x78\x10"
    head = b"z" + augmentation + fixed + bytes([len(data)]) + data if augmentation else fixed
    return record(b"\1" + head + bytes(padding), relocations=relocations)


def fde(
    number: int, form: str, *relocations: Relocation, size: int = 16, lsda: bool = False, **how: object
) -> Record:
    """An FDE for CIE `number`; `form` is the struct code of an address."""
    body = struct.pack("<" + 2 * form, 0, size) + (b"\4" + bytes(4) if lsda else b"\0")
    return record(body, relocations=relocations, cie=number, **how)


def section_of(records: list[Record], reverse: bool) -> Section:
    """The records as a section of an object."""
    data, relocations, cies = bytearray(), [], []
    for one in records:
        start = len(data)
        relocations += [r._replace(offset=r.offset + start) for r in one.relocations]
        data += one.data
        if one == TERMINATOR:
            continue
        if one.cie is None:
            cies.append(start)
        else:
            struct.pack_into("<I", data, start + 4, start + 4 - cies[one.cie])
    if reverse:
        relocations.reverse()
    return Section(".eh_frame", bytes(data), ALLOC, 0, 8, tuple(relocations))


# --- the naive twin ----------------------------------------------------------------------------------------


def meaning(files: list[File], number: int, rela: Relocation) -> object:
    """What a relocation of a CIE refers to: equal for equal targets of different files."""
    symbol = files[number].symbols[rela.symbol - 1]
    if symbol.name:
        return symbol.name, rela.addend
    return number, symbol.section, symbol.value + rela.addend


class Naive:
    """Both sections, made record by record."""

    def __init__(self, files: list[File]):
        self.out, self.entries = bytearray(), []
        self.shared: dict[object, int] = {}
        for number, file in enumerate(files):
            for records in file.frames:
                self.add_section(files, number, records)
        if self.out:
            self.out += bytes(4)
        rows = sorted(self.entries, key=lambda entry: entry[0])
        count = struct.pack("<BBBBiI", 1, 0x1B, 3, 0x3B, ADDRESS - HDR_ADDRESS - 4, len(rows))
        pairs = [struct.pack("<ii", at - HDR_ADDRESS, frame - HDR_ADDRESS) for at, frame in rows]
        self.hdr = count + b"".join(pairs) if self.out else b""

    def add_section(self, files: list[File], number: int, records: list[Record]) -> None:
        cies = [one for one in records if one.cie is None and one != TERMINATOR]
        keys = [
            (one.data, *((r.offset, r.type, meaning(files, number, r)) for r in one.relocations))
            for one in cies
        ]
        fdes = [one for one in records if one.cie is not None and one.live]
        for index, (key, one) in enumerate(zip(keys, cies, strict=True)):
            if key not in self.shared and any(one.cie == index for one in fdes):
                self.shared[key] = len(self.out)
                self.add(number, one)
        for one in fdes:
            start = len(self.out)
            self.add(number, one)
            struct.pack_into("<I", self.out, start + 4, start + 4 - self.shared[keys[one.cie]])
            if one.entry:
                first = one.relocations[0]
                self.entries.append((value(number + 1, first.symbol, first.addend), ADDRESS + start))

    def add(self, number: int, one: Record) -> None:
        start = len(self.out)
        self.out += one.data
        for r in one.relocations:
            found = value(number + 1, r.symbol, r.addend)
            if r.type in (R_PC32, R_PC64):
                found -= ADDRESS + start + r.offset
            form = "<Q" if r.type in (R_64, R_PC64) else "<I"
            struct.pack_into(form, self.out, start + r.offset, found % 2 ** (64 if form == "<Q" else 32))


# --- the kernel --------------------------------------------------------------------------------------------


class Linked:
    """The FrameTable of some objects and what it writes."""

    def __init__(self, pool: Pool, inputs: Inputs, synthetic: bytes = b""):
        names = NameTable(pool, inputs)
        resolution = Resolution(pool, inputs, names)
        resolution.load(pool)
        rules = [(b".text.dead", 0, 0, 0, RULE_DROP)]
        sections = SectionTable(pool, inputs, names, rules, False, False)
        resolution.bind(pool, sections)
        self.table = FrameTable(inputs, sections, relocation_rows())
        self.table.read(pool, names, resolution)
        if synthetic:
            self.table.place_synthetic(self.table.add_synthetic(synthetic), 0x7001_0000, 0x40)
        self.table.size_up(pool)

    def write(self, pool: Pool, hdr: bool = True) -> tuple[bytes, bytes]:
        """Both sections, between bytes that must stay as they are."""
        frames, table = (
            ctypes.create_string_buffer(b"\xaa" * (n + 8), n + 8)
            for n in (self.table.size, self.table.hdr_size)
        )
        address = ctypes.cast(value_of, ctypes.c_void_p).value
        self.table.write_at(
            pool,
            ctypes.addressof(frames),
            ADDRESS,
            ctypes.addressof(table) if hdr else 0,
            HDR_ADDRESS,
            address,
        )
        assert frames.raw[-8:] == table.raw[-8:] == b"\xaa" * 8
        return frames.raw[:-8], table.raw[:-8]


def link(pool: Pool, files: list[File], **how: object) -> Linked:
    return Linked(pool, loaded(pool, [relocatable(file.sections, file.symbols) for file in files]), **how)


# --- random files ------------------------------------------------------------------------------------------

# Sections and symbols of every file: symbol n + 1 is SYMBOLS[n].
TEXTS = [
    Section(".text.a", bytes(64), ALLOC | EXEC),
    Section(".text.dead", bytes(64), ALLOC | EXEC),
    Section(".data", bytes(64)),
]
LOCALS = [Symbol("", 1), Symbol("", 2), Symbol("", 3), Symbol("", 1, 8)]
ALIVE, DEAD, DATA, ALIVE_8, OWN, ELSEWHERE, UNDEFINED = range(1, 8)


def symbols_of(number: int) -> list[Symbol]:
    """`elsewhere` is defined by every file, so the first one's is it."""
    return [*LOCALS, Symbol(f"own{number}", 1, 16), Symbol("elsewhere", 1, 24), Symbol("nowhere", 0)]


@st.composite
def cies(draw: st.DrawFn) -> tuple[Record, str, bool]:
    """A CIE, the form of its FDEs' addresses (i or q), and whether FDEs have a table of handlers."""
    padding = draw(st.sampled_from([0, 0, 0, 4]))
    target = draw(st.sampled_from([ALIVE, DATA, UNDEFINED, ELSEWHERE]))
    return draw(
        st.sampled_from(
            [
                (cie(b"R", b"\x1b", padding=padding), "i", False),
                (cie(b"RS", b"\x1b", padding=padding), "i", False),
                (cie(b"R", b"\x1c", padding=padding), "q", False),
                (cie(b"", b"", padding=padding), "q", False),
                (cie(b"Q", b"\x1b"), "i", False),
                (
                    cie(
                        b"PLR",
                        b"\x9b\0\0\0\0\x1b\x1b",
                        Relocation(19, R_PC32, target, padding),
                        padding=padding,
                    ),
                    "i",
                    True,
                ),
            ]
        )
    )


@st.composite
def frames_of(draw: st.DrawFn, number: int) -> list[Record]:
    """The records of a section."""
    known: list[tuple[Record, str, bool]] = []
    records: list[Record] = []
    for _ in range(draw(st.integers(0, 8))):
        kind = draw(st.sampled_from(["cie", "fde", "fde", "fde", "end"]))
        if kind == "end":
            records.append(TERMINATOR)
        elif kind == "cie" or not known:
            known.append(draw(cies()))
            records.append(known[-1][0])
        else:
            records.append(draw(fdes(number, known)))
    return records


@st.composite
def fdes(draw: st.DrawFn, number: int, known: list[tuple[Record, str, bool]]) -> Record:
    index = draw(st.integers(0, len(known) - 1))
    common, form, lsda = known[index]
    symbol = draw(st.sampled_from([ALIVE, DEAD, ALIVE_8, OWN, ELSEWHERE, UNDEFINED, 0]))
    if symbol == 0:
        return fde(index, form, lsda=lsda, entry=False)
    absolute = b"z" not in common.data
    kind = R_64 if absolute else R_PC32 if form == "i" else R_PC64
    relocations = [Relocation(8, kind, symbol, draw(st.integers(0, 40)))]
    if lsda:
        relocations.append(Relocation(17, R_PC32, DATA, draw(st.integers(0, 9))))
    size = draw(st.sampled_from([16, 1, 0]))
    live = symbol in (ALIVE, ALIVE_8, OWN) or (symbol == ELSEWHERE and number == 0)
    entry = size != 0 and b"Q" not in common.data
    return fde(index, form, *relocations, size=size, lsda=lsda, live=live, entry=entry)


@st.composite
def random_files(draw: st.DrawFn) -> list[File]:
    files = []
    for number in range(draw(st.integers(1, 4))):
        frames = [draw(frames_of(number)) for _ in range(draw(st.integers(0, 2)))]
        sections = [section_of(records, draw(st.booleans())) for records in frames]
        files.append(File([*TEXTS, *sections], symbols_of(number), frames))
    return files


@settings(deadline=None)
@given(files=random_files())
def test_equal_to_the_naive_twin(pool, files):
    naive = Naive(files)
    linked = link(pool, files)

    assert linked.write(pool) == (bytes(naive.out), naive.hdr)
    assert linked.table.hdr_count == len(naive.entries)


# --- what the twin does not say ----------------------------------------------------------------------------

SIMPLE = cie(b"R", b"\x1b")


def one_file(*records: Record, reverse: bool = False) -> File:
    return File([*TEXTS, section_of(list(records), reverse)], symbols_of(0), [list(records)])


def test_without_header(pool):
    linked = link(pool, [one_file(SIMPLE, fde(0, "i", Relocation(8, R_PC32, ALIVE)))])

    assert linked.write(pool, hdr=False)[1] == b"\xaa" * linked.table.hdr_size


def test_no_records_make_no_sections(pool):
    for file in (one_file(), one_file(TERMINATOR), one_file(SIMPLE), File(TEXTS, [], [])):
        linked = link(pool, [file])

        assert (linked.table.size, linked.table.hdr_size) == (0, 0)


def test_many_functions_are_sorted(pool):
    """Descending addresses, to be sorted; more entries than a digit of the sort has values."""
    files = [
        one_file(
            SIMPLE, *[fde(0, "i", Relocation(8, R_PC32, ALIVE, addend)) for addend in range(3000, 0, -1)]
        )
        for _ in range(3)
    ]

    assert link(pool, files).write(pool)[1] == Naive(files).hdr


def test_functions_on_both_sides_of_the_header_are_sorted_by_address(pool):
    addends = [0x40, -0x2000_0000, 0, -0x1FFF_0000, 0x1000]
    files = [one_file(SIMPLE, *[fde(0, "i", Relocation(8, R_PC32, ALIVE, addend)) for addend in addends])]

    assert link(pool, files).write(pool)[1] == Naive(files).hdr


def test_linkers_own_records_are_last_and_in_the_table(pool):
    ours = SIMPLE.data + fde(0, "i").data
    linked = link(pool, [one_file(SIMPLE, fde(0, "i", Relocation(8, R_PC32, ALIVE)))], synthetic=ours)

    frames, hdr = linked.write(pool)

    at = linked.table.size - 4 - len(ours) + len(SIMPLE.data)
    assert frames[-4 - len(ours) :][: len(SIMPLE.data)] == SIMPLE.data
    assert frames[-4:] == bytes(4)
    assert struct.unpack_from("<IiI", frames, at + 4) == (
        len(SIMPLE.data) + 4,
        0x7001_0000 - ADDRESS - at - 8,
        0x40,
    )
    assert struct.pack("<ii", 0x7001_0000 - HDR_ADDRESS, ADDRESS + at - HDR_ADDRESS) in hdr
    assert linked.table.hdr_count == 2


def test_places_of_input_bytes(pool):
    """crtbegin.o marks the begin with an empty section, crtend.o the end with its terminator."""
    alive, dead = (fde(0, "i", Relocation(8, R_PC32, symbol)) for symbol in (ALIVE, DEAD))
    files = [
        one_file(),
        one_file(SIMPLE, alive, dead, alive),
        one_file(SIMPLE, dead, alive),
        one_file(TERMINATOR),
    ]
    table = link(pool, files).table
    one, two = len(SIMPLE.data), len(alive.data)

    assert table.offset_of(0, 0) == 0
    assert [table.offset_of(1, one + k * two + 9) for k in range(3)] == [one + 9, one + two, one + two + 9]
    assert [table.offset_of(2, offset) for offset in (0, one, one + two + 3)] == [
        one + 2 * two,
        one + 2 * two,
        one + 2 * two + 3,
    ]
    assert table.offset_of(3, 0) == table.offset_of(3, 4) == one + 3 * two == table.size - 4


def test_relocations_of_no_effect_are_skipped(pool):
    """ld -r leaves R_X86_64_NONE where it has discarded something, wherever that is."""
    alive = fde(0, "i", Relocation(0, 0, 0), Relocation(8, R_PC32, ALIVE), Relocation(13, 0, 0))
    gone = fde(0, "i", Relocation(8, 0, 0), live=False)
    files = [one_file(SIMPLE, alive, gone, TERMINATOR._replace(relocations=(Relocation(1, 0, 0),)))]
    plain = [one_file(SIMPLE, fde(0, "i", Relocation(8, R_PC32, ALIVE)))]

    assert link(pool, files).write(pool) == link(pool, plain).write(pool)


def fault_of(pool: Pool, section: Section) -> str:
    """The text of the fault that splitting or writing the second of two files raises."""
    good = one_file(SIMPLE, fde(0, "i", Relocation(8, R_PC32, ALIVE)))
    files = [relocatable(good.sections, good.symbols), relocatable([*TEXTS, section], symbols_of(1))]
    inputs = loaded(pool, files)
    with pytest.raises(KernelFault) as caught:
        Linked(pool, inputs).write(pool)
    return faults.describe(inputs, caught.value)


GOOD = section_of([SIMPLE, fde(0, "i", Relocation(8, R_PC32, ALIVE))], False)
AT = len(SIMPLE.data)  # of the FDE
TARGET = Relocation(AT + 8, R_PC32, ALIVE)


def with_word(offset: int, word: int) -> Section:
    return GOOD._replace(data=GOOD.data[:offset] + struct.pack("<I", word) + GOOD.data[offset + 4 :])


@pytest.mark.parametrize(
    ("section", "text"),
    [
        (with_word(AT, 0x1000), "runs over the end of section 4"),
        (with_word(AT, len(GOOD.data) - AT), "runs over the end of section 4"),
        (with_word(AT, 3), "runs over the end of section 4"),
        (GOOD._replace(data=GOOD.data + b"\0\0"), "runs over the end of section 4"),
        (with_word(AT, 0xFFFFFFFF), "of section 4 has more than 4 GiB or says so"),
        (with_word(AT + 4, AT), "refers to no common record (CIE)"),
        (with_word(AT + 4, AT + 8), "refers to no common record (CIE)"),
        (GOOD._replace(relocations=(Relocation(AT + 4, R_PC32, ALIVE),)), "belongs to no call frame record"),
        (
            GOOD._replace(relocations=(Relocation(len(GOOD.data), R_PC32, ALIVE),)),
            "belongs to no call frame record",
        ),
        (GOOD._replace(relocations=(Relocation(2**63, R_PC32, ALIVE),)), "belongs to no call frame record"),
        (GOOD._replace(relocations=(TARGET, Relocation(len(GOOD.data) - 3, R_PC32, ALIVE))), "belongs to no"),
        (
            GOOD._replace(relocations=(Relocation(AT + 8, R_PC32, 99),)),
            "refers to symbol 99",
        ),
        (
            GOOD._replace(relocations=(Relocation(AT + 8, 19, ALIVE),)),
            "relocation of type 19 at .eh_frame+0x1c",
        ),
        (
            GOOD._replace(relocations=(Relocation(AT + 8, 300, ALIVE),)),
            "relocation of type 300 at .eh_frame+0x1c",
        ),
        (GOOD._replace(relocations=(Relocation(AT + 8, R_PC32, ALIVE, 2**31),)), "cannot hold 0x"),
        (GOOD._replace(relocations=(Relocation(AT + 8, R_32, ALIVE, -(2**31)),)), "cannot hold 0x"),
    ],
)
def test_damaged_section(pool, section, text):
    found = fault_of(pool, section)

    assert found.startswith("1.o: ")
    assert text in found


def test_function_out_of_the_tables_reach(pool):
    """The FDE can say it in 64 bits, the table cannot."""
    absolute = section_of([cie(b"", b""), fde(0, "q", Relocation(8, R_64, ALIVE, 2**40))], False)

    assert "is too far from .eh_frame_hdr" in fault_of(pool, absolute)


def test_compiled_functions(pool):
    """g++ and clang++: the inline function's description comes from the first file only, handlers and all."""
    source = """
        __attribute__((noinline)) inline int f(int n) { try { throw n; } catch (int m) { return m; } }
        int NAME(int n) { return f(n); }
        """
    objects = [
        compile_cxx(
            source, "-O1", "-fno-pie", f"-DNAME=g{number}", name=f"g{number}", compiler=compiler
        ).read_bytes()
        for number, compiler in enumerate(["g++", "g++", "clang++", "clang++"])
    ]
    contents, hdr = Linked(pool, loaded(pool, objects)).write(pool)
    lengths = [len(one) for _, one in frames.records(contents)]

    assert len(hdr) == 12 + 8 * 5
    assert sum(lengths) + 4 == len(contents)
    assert [Linked(pool, loaded(pool, [one])).table.hdr_count for one in objects] == [2, 2, 2, 2]


def test_assembled_directives(pool):
    """The assembler's own records: two functions share a CIE, the signal frame has another."""
    function = "{0}:\n.cfi_startproc\n{1}\nret\n.cfi_endproc\n"
    source = function.format("f", "") + function.format("g", "") + function.format("h", ".cfi_signal_frame")
    one = assemble(source, name="frames").read_bytes()
    single, double = (Linked(pool, loaded(pool, objects)).table for objects in ([one], [one, one]))

    assert single.hdr_count == 3
    assert double.size < 2 * single.size - 40
