"""`OUTPUT.layout` and `OUTPUT.trace`, written for `wild explain` and linker-diff when the environment asks.

The form of the layout file (all numbers hexadecimal):

    wild layout 1
    file NUMBER OFFSET SIZE PATH<tab>NAME     an object: where in which file on disk it lies, and its name in texts
    ADDRESS SIZE output NAME                  an output section
    ADDRESS SIZE input OFFSET FILE INDEX NAME an input section: place in the output file, object, section index
    ADDRESS SIZE made NAME                    bytes of the linker's own making
    ADDRESS SIZE common NAME                  a common symbol

Input sections that are not loaded come last; a star precedes their address, which counts from the start of their
output section.  The form of the trace:

    ADDRESS TYPE SYMBOL+ADDEND action=WORD [rewrite=WORD] [target=ADDRESS] … symbol=WORDS
"""

from __future__ import annotations

import posix

from wild.elf import SHF_ALLOC
from wild.errors import LinkError
from wild.kernels.layout_text import write_layout, write_trace
from wild.kernels.map_tables import tables_of_link
from wild.machine.x86_64 import relocation_name
from wild.map_file import own_lines
from wild.segments import is_tbss

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from wild.compose import Composition
    from wild.kernels.measure import Layout
    from wild.kernels.pool import Pool
    from wild.layout import Placement
    from wild.options import Options

HEAD = b"wild layout 1\n"


def write_layout_files(
    pool: Pool, options: Options, layout: Layout, composition: Composition, placement: Placement
) -> None:
    """Write the files that were asked for beside the output; raises LinkError."""
    explains = options.debug_address is not None
    if options.write_layout or explains:
        loaded = [
            section for section in placement.sections if section.flags & SHF_ALLOC and not is_tbss(section)
        ]
        own = own_lines(composition, loaded)

        def write(descriptor: int) -> None:
            posix.write(descriptor, HEAD)
            write_layout(pool, tables_of_link(layout), own, composition.commons, descriptor)

        write_file(f"{options.output}.layout", write)
    if options.write_trace or explains:
        names = [relocation_name(type).encode() for type in range(256)]
        traced = tables_of_link(layout)
        write_file(f"{options.output}.trace", lambda descriptor: write_trace(pool, traced, names, descriptor))


def write_file(path: str, write: Callable[[int], None]) -> None:
    try:
        descriptor = posix.open(path, posix.O_WRONLY | posix.O_CREAT | posix.O_TRUNC | posix.O_CLOEXEC, 0o666)
        try:
            write(descriptor)
        finally:
            posix.close(descriptor)
    except OSError as error:
        raise LinkError(f"{path}: cannot be written: {error.strerror}") from None
