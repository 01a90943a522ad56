"""Mutated symbol tables: resolution refuses them, or reads nothing outside of the files.

The bytes are on the heap, so that the address sanitizer sees every read beyond them.
"""

from __future__ import annotations

import os
import random
from types import SimpleNamespace

from symbols import (
    AS_NEEDED,
    HIDDEN,
    LAZY,
    LOCAL,
    TLS,
    WEAK,
    Symbol,
    arrange,
    common,
    grouped,
    shared,
    undefined,
)

from wild import faults
from wild.errors import LinkError
from wild.exports import decide_exports
from wild.kernels.files import Inputs
from wild.kernels.names import NameTable
from wild.kernels.pool import KernelFault, Pool
from wild.kernels.resolve import Resolution
from wild.options import Options

HEADER_FAULT = "a fault in the headers"
MUTATIONS = int(os.environ.get("WILD_MUTATIONS", "6000"))
SYMBOLS = [
    Symbol("local", binding=LOCAL),
    Symbol("", 1, binding=LOCAL, type=3),
    *[
        Symbol("f@@V1"),
        Symbol("g@V1"),
        undefined("h@V1"),
        undefined("h@V2"),
        undefined("k"),
        common("c", 8, 8),
    ],
    *[
        Symbol("x", 2, type=TLS),
        Symbol("w", binding=WEAK),
        undefined("z", WEAK, visibility=HIDDEN),
        Symbol("y", 2),
    ],
]
LIBRARY = [
    Symbol("h", version="@@V2"),
    Symbol("h", version="@V1"),
    Symbol("k", version="@@V1"),
    *[undefined("y"), undefined("missing"), Symbol("c", 2, size=99)],
]
MEMBER = [Symbol("k"), undefined("f@V1"), undefined("h"), common("c", 16, 16), Symbol("w")]
KIND = SimpleNamespace(shared=False, pic=True, dynamic=True, interp=True)


def mutate(content: bytes, choose: random.Random) -> bytes:
    """Change a few bytes behind the ELF header, whose mutations are test_kernel_mutations.py's."""
    mutant = bytearray(content)
    for _ in range(choose.choice((1, 1, 1, 2, 5))):
        at = choose.randrange(64, len(mutant))
        kind = choose.randrange(4)
        if kind == 0:
            mutant[at] ^= 1 << choose.randrange(8)
        elif kind == 1:
            mutant[at] = choose.choice((0, 1, 2, 10, 0x40, 0x80, 0xF1, 0xF2, 0xFF))
        elif kind == 2:
            mutant[at : at + 2] = choose.choice((b"\xf1\xff", b"\xf2\xff", b"\xff\xff", b"\0\0", b"@@"))
        else:
            mutant[at] = choose.randrange(16)
    return bytes(mutant[: len(content)])


def link(pool: Pool, inputs: Inputs) -> None:
    """All that asks about symbols."""
    names = NameTable(pool, inputs)
    resolution = Resolution(pool, inputs, names)
    resolution.load(pool)
    resolution.bind(pool)
    resolution.duplicates(5)
    resolution.tls_mismatches(5)
    resolution.undefined_with_prefix(b"h")
    wanted = [*resolution.undefined(5), *resolution.undefined(5, True)]
    for name in wanted:
        assert resolution.references_of(name, 3)
        assert names.find(names.text(name)) == name
    for index in range(resolution.common_count):
        assert resolution.common(index)[2] in {1 << bit for bit in range(64)}
    options = Options()
    options.export_dynamic_symbols = ["f", "w*"]
    decide_exports(pool, inputs, names, resolution, [], options, KIND)
    resolution.drop_unneeded(pool)


def refusal(pool: Pool, files: list[tuple[bytes, int]]) -> str:
    """The text with which a link of these files is refused, or nothing."""
    inputs = None
    try:
        inputs = arrange(pool, files)
        link(pool, inputs)
    except LinkError as error:
        return str(error)
    except KernelFault as fault:
        return faults.describe(inputs, fault) if inputs else HEADER_FAULT
    return ""


def test_mutants_are_refused_or_resolved():
    choose = random.Random(4711)
    pool = Pool(2)
    plain = [
        (grouped(SYMBOLS, [(2, 1), (1, 2)]), 0),
        (grouped(MEMBER, [(2, 1)]), LAZY),
        (shared(LIBRARY, "s"), AS_NEEDED),
    ]
    refused = 0
    for _ in range(MUTATIONS):
        which = choose.randrange(len(plain))
        files = list(plain)
        files[which] = (mutate(files[which][0], choose), files[which][1])
        text = refusal(pool, files)
        assert ".o: " in text or text in {"", HEADER_FAULT}
        refused += text != ""
    pool.close()

    assert 0 < refused < MUTATIONS
