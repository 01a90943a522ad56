"""What is fuzzed: every parser of bytes that users bring, as a function of these bytes.

A target either accepts its input or raises LinkError (or KernelFault, which becomes one); anything else, a read outside
the input and a hang are finds.  Where a parser is only met inside a link, the target is the link.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path

from wild.debug_lines import function_of, source_of
from wild.demangle_rust import demangle_v0
from wild.errors import LinkError
from wild.expression import parse_expression
from wild.kernels.pool import KernelFault
from wild.kernels.tokens import split
from wild.link import link
from wild.object_view import ObjectView
from wild.options import parse
from wild.script import is_script, parse_script
from wild.versions import parse_dynamic_list, parse_version_scripts

HERE = Path(__file__).resolve().parent
SCRATCH = tempfile.mkdtemp(prefix="fuzz-", dir="/dev/shm" if os.access("/dev/shm", os.W_OK) else None)
INPUT, OUTPUT = f"{SCRATCH}/input", f"{SCRATCH}/output"


def link_with(data: bytes, *words: str) -> None:
    """Link the bytes as an input file behind a start file that refers to a few names."""
    with open(INPUT, "wb") as file:
        file.write(data)
    options = parse([*words, f"{HERE}/seeds/start.o", INPUT, "--threads=1", "-o", OUTPUT], {})
    link(options)


def link_objects(*words: str) -> None:
    """Link two sound objects as the words say."""
    inputs = [f"{HERE}/seeds/start.o", f"{HERE}/seeds/object/c.o"]
    link(parse([*words, *inputs, "--unresolved-symbols=ignore-all", "--threads=1", "-o", OUTPUT], {}))


def fuzz_object(data: bytes) -> None:
    """Objects, archives, shared objects: the kind is told from the bytes; a static link with collection."""
    link_with(data, "--gc-sections", "--eh-frame-hdr", "--unresolved-symbols=ignore-all")


def fuzz_shared(data: bytes) -> None:
    """The same inputs in a shared object, where other relocations and all of dynamic linking come in."""
    link_with(data, "-shared", "-z", "notext", "--unresolved-symbols=ignore-all")


def fuzz_script(data: bytes) -> None:
    """Linker scripts."""
    if is_script(data[:512]):
        parse_script(data.decode("utf-8", "surrogateescape"), "script")


def fuzz_layout(data: bytes) -> None:
    """Linker scripts with SECTIONS, given with -T: a whole link by them."""
    with open(INPUT, "wb") as file:
        file.write(data)
    link_objects("-T", INPUT)


def fuzz_ordering(data: bytes) -> None:
    """Files of symbols, of sections and of calls that say the order of sections; the first byte tells which."""
    kind = ("symbol", "section", "call-graph")[data[0] % 3 if data else 0]
    with open(INPUT, "wb") as file:
        file.write(data[1:])
    link_objects(f"--{kind}-ordering-file={INPUT}")


def fuzz_exports(data: bytes) -> None:
    """Version scripts in a link, with all that patterns do to names."""
    with open(INPUT, "wb") as file:
        file.write(data)
    link_objects("-shared", f"--version-script={INPUT}", "--undefined-version")


def fuzz_plugin(data: bytes) -> None:
    """What a compiler's plugin says of a file (plugin.c): stand-ins, archives, resolutions."""
    with open(INPUT, "wb") as file:
        file.write(b"BC\xc0\xde" + data)
    link_objects(INPUT, "-plugin", plugin(), "-shared")


@cache
def plugin() -> str:
    made = f"{SCRATCH}/plugin.so"
    subprocess.run(["cc", "-shared", "-fPIC", "-O1", f"{HERE}/plugin.c", "-o", made], check=True)
    return made


def fuzz_versions(data: bytes) -> None:
    """Version scripts."""
    parse_version_scripts([(data, "script")])


def fuzz_list(data: bytes) -> None:
    """Dynamic lists."""
    parse_dynamic_list(data, "list")


def fuzz_response(data: bytes) -> None:
    """Response files, and the command line that comes out."""
    if b"\0" not in data:
        parse([word for word in split(data) if not word.startswith("@")], {})


def fuzz_expression(data: bytes) -> None:
    """Expressions of --defsym and scripts."""
    parse_expression(data.decode("utf-8", "surrogateescape"), "--defsym")


def fuzz_dwarf(data: bytes) -> None:
    """Line tables and symbols, as error texts read them; these answer None to nonsense."""
    source_of(data, 1, 4)
    source_of(data, 3, 0)  # the variables
    function_of(data, 1, 4)


def fuzz_view(data: bytes) -> None:
    """The reader of single objects, which may raise what its docstring says."""
    try:
        ObjectView(data)
    except (ValueError, LookupError, ArithmeticError, MemoryError):
        pass
    except Exception as error:
        if type(error).__name__ != "error":  # struct.error
            raise


def fuzz_rust(data: bytes) -> None:
    """Mangled names of Rust."""
    demangle_v0(data.decode("latin-1"))


TARGETS: dict[str, Callable[[bytes], None]] = {
    name.removeprefix("fuzz_"): function for name, function in globals().items() if name.startswith("fuzz_")
}


def run_target(name: str, data: bytes) -> None:
    """One input; whatever is raised from here is a find."""
    with contextlib.suppress(LinkError, KernelFault):
        TARGETS[name](data)
