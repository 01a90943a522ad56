"""The kind of output: what the options and the inputs together make of it."""

from __future__ import annotations

import posix

from wild.errors import LinkError
from wild.kernels.reach import OutputMode
from wild.machine import x86_64

TYPE_CHECKING = False
if TYPE_CHECKING:
    from wild.jobserver import Tokens
    from wild.kernels.files import Inputs
    from wild.options import Options

MOST_THREADS = 32
NEAR_SPACE = 1 << 31


class Kind:
    """`shared`: a shared object; `pic`: loaded anywhere; `dynamic`: has a dynamic section; `interp`: names a loader.

    `relocatable`: an object again (-r).  `executable_stack` is known when the objects' notes have been read.
    """

    __slots__ = ("dynamic", "executable_stack", "interp", "pic", "relocatable", "shared")

    def __init__(self, shared: bool, pic: bool, dynamic: bool, interp: bool) -> None:
        self.shared = shared
        self.pic = pic
        self.dynamic = dynamic
        self.interp = interp
        self.relocatable = False
        self.executable_stack = False


def choose_kind(inputs: Inputs, options: Options) -> Kind:
    """A program without shared objects is static, whatever loader is named (musl-gcc -static names one)."""
    if options.kind == "relocatable":
        return relocatable_kind(inputs)
    shared = options.kind == "shared"
    pic = options.kind != "exec"
    dynamic = pic or bool(inputs.shared_files())
    static = options.static and not inputs.shared_files()
    interp = dynamic and not shared and not options.no_dynamic_linker and not static
    return Kind(shared, pic, dynamic, interp)


def relocatable_kind(inputs: Inputs) -> Kind:
    """An object cannot depend on a shared object; raises LinkError."""
    shared = inputs.shared_files()
    if shared:
        names = (inputs.file_name(file) for file in shared)
        raise LinkError(*(f"{name}: a shared object cannot be part of an object file (-r)" for name in names))
    kind = Kind(False, False, False, False)
    kind.relocatable = True
    return kind


def output_mode(options: Options, kind: Kind) -> OutputMode:
    """The same as relocations see it."""
    textrel = options.z_text is False
    return OutputMode(
        x86_64.relocation_rows(),
        kind.shared,
        kind.pic,
        kind.dynamic,
        options.relax,
        textrel,
        options.z_copyreloc,
        stays_near(options, kind),
        packs_relative(options, kind),
        options.z_call_nop,
    )


def stays_near(options: Options, kind: Kind) -> bool:
    """Do all addresses fit the 31 bits of an immediate? Where the image begins is known before its layout is."""
    begin = (options.image_base or 0, *options.section_start.values())
    return not kind.pic and max(begin) < NEAR_SPACE


def packs_relative(options: Options, kind: Kind) -> bool:
    """Are relative relocations packed (-z pack-relative-relocs)?"""
    return options.z_pack_relative_relocs and kind.pic and kind.dynamic


def packs_all(options: Options, kind: Kind) -> bool:
    """Are all dynamic relocations packed (--pack-dyn-relocs=android)?"""
    return options.android_relocations and kind.dynamic


def orders_sections(options: Options) -> bool:
    """Is another order of sections asked for than that of the inputs?"""
    files = options.symbol_ordering_file or options.section_ordering_file or options.call_graph_ordering_file
    by_rule = options.call_graph_profile_sort != "none" or options.sort_section != "none"
    return bool(files) or by_rule or options.shuffle_sections is not None or options.reverse_sections


def relocation_types() -> list[tuple[int, int, int, int, int]]:
    """The machine's relocation types."""
    return x86_64.relocation_rows()


def choose_threads(options: Options) -> tuple[int, Tokens | None]:
    """How many threads to use: what --threads says, else as many as make's jobserver lends, else one a processor.

    What was borrowed from make is to be given back.
    """
    if options.threads:
        return options.threads, None
    most = min(len(posix.sched_getaffinity(0)), MOST_THREADS)
    if b"MAKEFLAGS" in posix.environ:
        from wild.jobserver import take_tokens

        tokens = take_tokens(most - 1)
        if tokens:
            return 1 + len(tokens.held), tokens
    return most, None
