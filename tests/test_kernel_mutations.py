"""Mutated objects, archives and shared objects: each is refused, or indexed without leaving the file.

The bytes are on the heap, so that the address sanitizer sees every read beyond them.
"""

from __future__ import annotations

import os
import random
import struct
from pathlib import Path

from inputs import bsd_archive, gnu_archive, library, patched, rows
from programs import assemble, compile_c, compile_cxx

from wild import faults
from wild.errors import LinkError
from wild.kernels.files import Inputs
from wild.kernels.pool import Arena, KernelFault, Pool

SHARED = 2  # FileRow.kind
NONE = 0xFFFFFFFF
MUTATIONS = int(os.environ.get("WILD_MUTATIONS", "20000"))

FUNCTIONS = "static int counter; extern int undefined; int function(void) { return counter++ + undefined; }"
TEMPLATES = "#include <string>\nstd::string twice(const std::string &word) { return word + word; }"
GROUPS = '.section .text.a,"axG",@progbits,signature,comdat\nsignature: ret\n.globl g\ng: ret'


def mutate(content: bytes, choose: random.Random) -> bytes:
    """Flip, set or cut a few bytes, most of them where headers are."""
    mutant = bytearray(content)
    for _ in range(choose.choice((1, 1, 2, 4, 16))):
        near = choose.choice((64, 4096, len(mutant)))
        at = choose.randrange(min(near, len(mutant)))
        if choose.random() < 0.4:
            at = len(mutant) - 1 - at
        match choose.randrange(4):
            case 0:
                mutant[at] ^= 1 << choose.randrange(8)
            case 1:
                mutant[at] = choose.choice((0, 1, 0x7F, 0x80, 0xFF))
            case 2:
                value = choose.choice(
                    (0, 1, 0xFFFFFFFF, 1 << 63, (1 << 64) - 1, len(mutant), len(mutant) - 1)
                )
                mutant[at : at + 8] = struct.pack("<Q", value)
            case _:
                mutant[at : at + 4] = struct.pack("<I", choose.randrange(200))
    if choose.random() < 0.1:
        del mutant[choose.randrange(len(mutant)) :]
    return bytes(mutant)


def check_row(content: bytes, row: dict[str, int]) -> None:
    """What later passes rely on."""

    def inside(offset: int, size: int) -> bool:
        return offset + size <= len(content)

    assert inside(row["shoff"], row["shnum"] * 64) or row["shnum"] == 0
    assert row["first_global"] <= row["nsyms"]
    assert inside(row["symoff"], row["nsyms"] * 24)
    for table, size in (("stroff", "strsize"), ("shstroff", "shstrsize")):
        assert inside(row[table], row[size])
        assert row[size] == 0 or content[row[table] + row[size] - 1] == 0
    assert row["nsyms"] == 0 or row["strsize"] > 0
    assert inside(row["xindex"], row["nsyms"] * 4) or row["xindex"] == 0
    assert row["shnum"] == 0 or row["kind"] == SHARED or row["shstrsize"] > 0
    if row["kind"] == SHARED:
        assert inside(row["versym"], row["nsyms"] * 2) or row["versym"] == 0
        assert inside(row["verdef"], row["verdef_size"])
        assert inside(row["dynamic"], row["dynamic_size"])
        assert row["soname"] == NONE or row["soname"] < row["strsize"]


def survive(pool: Pool, content: bytes) -> bool:
    """Either an error with a text, or tables that are inside the file; returns whether it was the latter."""
    inputs = Inputs(Arena())
    try:
        inputs.arrange(pool, [inputs.add_bytes("mutant", content)], [0])
        inputs.read_headers(pool)
    except KernelFault as fault:
        faults.describe(inputs, fault)
        return False
    except LinkError:
        return False
    for file, row in enumerate(rows(inputs), 1):
        check_row(content[row["offset"] : row["offset"] + row["size"]], row)
        assert len(inputs.dynamic_strings(file, 1)) + len(inputs.soname(file)) >= 0
    return True


def seeds(directory: Path) -> list[bytes]:
    objects = [
        compile_c(FUNCTIONS, "-ffunction-sections", "-g"),
        compile_cxx(TEMPLATES),
        assemble(GROUPS),
        compile_c(FUNCTIONS, "-flto", "-fno-fat-lto-objects"),
    ]
    (directory / "versions").write_text("V1 { global: function; local: *; };")
    script = f"-Wl,--version-script={directory}/versions"
    found = [path.read_bytes() for path in objects]
    members = [(f"a_member_with_a_long_name_{i}.o".encode(), content) for i, content in enumerate(found)]
    for style in ("gnu", "sysv"):
        options = [script, f"-Wl,--hash-style={style}", "-Wl,-soname,libf.so"]
        shared = library(directory, style, compile_c(FUNCTIONS, "-fPIC"), *options).read_bytes()
        found += [shared, patched(patched(shared, 40, bytes(8)), 60, bytes(4))]  # and without section headers
    return [*found, gnu_archive(members), bsd_archive(members)]


def test_mutated_files_are_refused_or_indexed_safely(tmp_path):
    """WILD_MUTATIONS sets how many."""
    pool = Pool(1)
    good = seeds(tmp_path)
    missing = gnu_archive([(b"no/such/file.o", b"")] * 3, thin=True)
    choose = random.Random(1)
    accepted = sum(survive(pool, mutate(choose.choice([*good, missing]), choose)) for _ in range(MUTATIONS))

    assert all(survive(pool, seed) for seed in good)
    assert 0.05 * MUTATIONS < accepted < 0.95 * MUTATIONS
