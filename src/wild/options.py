"""Reads the command line into `Options`.

What each option means stands in `wild.option_table`; this module finds out which option an argument is and
what its argument is.  The forms are GNU ld's: a long name takes one dash or two; `-x v`, `-x=v` and `--x=v`
are the same; a one-letter option may have its argument joined; flags of one letter cannot be grouped.  After
one dash `o` is always -o (`-omagic` writes to `magic`), and another letter of `_JOINED` begins a long name
only if that option has an effect.

A link of a large program names tens of thousands of files, so a plain file name costs one test and one
append: `inputs` holds the names alone, and the bits that positional options give them are filled in, run by
run, when such an option or a -l comes (`Effects.fill_flags`).
"""

from __future__ import annotations

import posix
from sys import getfilesystemencoding

from wild.errors import LinkError
from wild.option_effects import (
    EMULATIONS,
    IN_AS_NEEDED,
    IN_LAZY,
    IN_LIBRARY,
    IN_STATIC,
    IN_WHOLE_ARCHIVE,
    Effects,
)
from wild.option_table import OPTIONS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from wild.option_table import Row

__all__ = [
    "EMULATIONS",
    "EXEC",
    "IN_AS_NEEDED",
    "IN_LAZY",
    "IN_LIBRARY",
    "IN_STATIC",
    "IN_WHOLE_ARCHIVE",
    "PIE",
    "RELOCATABLE",
    "SHARED",
    "Options",
    "parse",
]

# The kinds of output.
EXEC = "exec"
PIE = "pie"
SHARED = "shared"
RELOCATABLE = "relocatable"

# Where -l looks after the -L directories unless -nostdlib is given: what GNU ld searches on multiarch and on
# other x86-64 systems, in its order.
DEFAULT_LIBRARY_PATHS = (
    "/usr/local/lib/x86_64-linux-gnu",
    "/lib/x86_64-linux-gnu",
    "/usr/lib/x86_64-linux-gnu",
    "/usr/local/lib64",
    "/lib64",
    "/usr/lib64",
    "/usr/local/lib",
    "/lib",
    "/usr/lib",
)

PAGE_SIZE = 4096
_JOINED = "oOlLz"  # letters whose joined argument can be anything, and which ordinary links use


UNNAMED = "a.out"  # the output of a command line without -o is this very object, which OUTPUT( ) may replace


class Options:
    """What the command line asks for; not to be changed after `parse`.

    An attribute has the name of its long option; `z_` precedes a keyword of -z.  Where None is possible, it
    means that the command line does not say, and the pass that needs the answer decides.

    What few links set stands here in the class.
    """

    just_symbols = False  # -R names a file
    dependent_libraries = True
    warn_backrefs = warn_rwx_segments = False
    warn_backrefs_exclude: tuple[str, ...] = ()  # globs
    android_relocations = False  # --pack-dyn-relocs=android
    use_android_relr_tags = False
    z_rodynamic = False
    z_unique = False
    z_unique_symbol = False
    z_common: bool | None = None
    z_call_nop = (0x67, False)  # the byte that fills a shorter call; is it behind it?
    z_memory_seal = False
    z_indirect_extern_access = False
    z_lam_report = z_lam_u48_report = z_lam_u57_report = "none"  # none, warning, error
    dead_relocations: tuple[tuple[bytes, int], ...] = ()  # (glob, value) of -z dead-reloc-in-nonalloc

    def __init__(self) -> None:
        self._set_output()
        self._set_layout()
        self._set_inputs()
        self._set_symbols()
        self._set_reports()
        self._set_keywords()

    def _set_output(self) -> None:
        self.output = UNNAMED
        self.kind = EXEC
        self.static = False  # -static: no dynamic linking; with PIE, a static PIE
        self.emulation = "elf_x86_64"
        self.entry: str | None = None  # a symbol or a number
        self.soname: str | None = None
        self.dynamic_linker: str | None = None
        self.no_dynamic_linker = False
        self.rpath = ""  # directories joined with `:`
        self.new_dtags = True
        self.init = "_init"
        self.fini = "_fini"
        self.filter: list[str] = []
        self.auxiliary: list[str] = []
        self.audit: list[str] = []
        self.depaudit: list[str] = []
        self.spare_dynamic_tags = 5
        self.hash_style = "both"  # sysv, gnu, both
        self.build_id: str | bytes | None = None  # fast, sha1, md5, uuid, or the bytes themselves
        self.package_metadata: str | None = None
        self.eh_frame_hdr = False
        self.gnu_unique = True
        self.gdb_index = False
        self.separate_debug_file: str | None = None  # empty: OUTPUT.dbg
        self.define_common = False
        self.incremental = self.verify_incremental = False
        self.incremental_diff_out = ""
        self.incremental_how = ""  # explain, strict, canonical
        self.incremental_growth = 10  # percent of every part that is left free
        self.optimize = 1
        self.relax = True
        self.strip = "none"  # none, debug, all
        self.discard = "default"  # none, locals, all; default: .L symbols in sections that are merged
        self.update_in_place = True
        self.group = False
        self.identity_comment = True

    def _set_layout(self) -> None:
        self.nmagic = self.omagic = False
        self.rosegment = True
        self.oformat = "elf64-x86-64"  # elf64-x86-64, binary
        self.image_base: int | None = None
        self.section_start: dict[str, int] = {}
        self.check_sections = True
        self.scripts: list[str] = []  # of -T
        self.default_script: str | None = None  # of -dT
        self.orphan_handling = "place"  # place, warn, error, discard
        self.segment_start: dict[str, int] = {}  # for SEGMENT_START
        self.print_memory_usage = False
        self.gc_sections = False
        self.gc_keep_exported = False
        self.icf = "none"  # none, safe, all
        self.symbol_ordering_file: str | None = None
        self.section_ordering_file: str | None = None
        self.call_graph_ordering_file: str | None = None
        self.call_graph_profile_sort = "none"  # none, hfsort
        self.sort_section = "none"  # none, name, alignment
        self.shuffle_sections: int | None = None  # the seed
        self.reverse_sections = False
        self.warn_symbol_ordering = True
        self.keep_unique: list[str] = []
        self.ignore_data_address_equality = False
        self.print_icf_sections = False
        self.unique: list[str] = []  # globs of names of sections that -r keeps apart
        self.force_group_allocation = False
        self.emit_relocs = False
        self.compress_debug_sections = "none"  # none, zlib, zlib-gnu, zstd
        self.compress_sections: list[tuple[str, str, int | None]] = []  # (glob, kind, level)

    def _set_inputs(self) -> None:
        self.inputs: list[str] = []  # file names, and what follows -l, in order
        self.input_flags = bytearray()  # for each input its IN_ bits
        self.library_paths: list[str] = []  # -L in order, the sysroot put in
        self.default_library_paths: list[str] = []  # to be searched after these, likewise
        self.groups: list[tuple[int, int]] = []  # inputs from, to, that are in a group
        self.sysroot = ""
        self.nostdlib = False
        self.rpath_link: list[str] = []
        self.directory: str | None = None  # where the link is done
        self.remapped_inputs: list[tuple[str, str]] = []  # (pattern, the file that is read instead)
        self.plugins: list[tuple[str, list[str]]] = []  # (path, options behind it)
        self.plugin_opts: list[str] = []  # those before any -plugin
        self.lto_words: list[str] = []  # for LLVM's plugin: other linkers' options in its words
        self.threads: int | None = None

    def _set_symbols(self) -> None:
        self.undefined: list[str] = []
        self.undefined_globs: list[str] = []
        self.ignored_unresolved: list[str] = []
        self.require_defined: list[str] = []
        self.defsyms: list[tuple[str, str]] = []  # (name, text of the expression)
        self.wraps: list[str] = []
        self.allow_multiple_definition = False
        self.allow_shlib_undefined: bool | None = None
        self.unresolved_symbols: str | None = None  # the four words of GNU ld
        self.warn_unresolved_symbols = False
        self.noinhibit_exec = False
        self.export_dynamic = False
        self.export_dynamic_symbols: list[str] = []  # globs
        self.export_dynamic_symbol_lists: list[str] = []  # paths
        self.dynamic_lists: list[str] = []  # paths
        self.builtin_lists: list[str] = []  # data, cpp-new, cpp-typeinfo
        self.version_scripts: list[str] = []  # paths
        self.default_symver = False
        self.undefined_version = True
        self.exclude_libs: list[str] | str = []  # base names of archives, or "ALL"
        self.bsymbolic = "none"  # none, all, functions, non-weak, non-weak-functions
        self.retain_symbols_file: str | None = None

    def _set_reports(self) -> None:
        self.help = False
        self.show_version = ""  # what asked for it: v, V, version
        self.print_gcc_dir = False
        self.print_sysroot = False
        self.print_output_format = False
        self.print_gc_sections = False
        self.verbose = 0
        self.trace = 0  # 2 means archive members too
        self.trace_symbols: list[str] = []
        self.map_file: str | None = None  # `-` is standard output
        self.cref = False
        self.dependency_file: str | None = None
        self.time = False
        self.time_trace: str | None = None  # a path
        self.time_trace_granularity = 500
        self.why_live: list[str] = []  # globs
        self.map_format = "gnu"  # gnu, lld, json
        self.print_map_discarded = True
        self.print_map_locals = False
        self.stats = False
        self.why_extract: str | None = None  # a path, `-` is standard output
        self.print_dependencies: str | None = None  # likewise
        self.error_limit = 20  # 0 means no limit
        self.fatal_warnings = False
        self.no_warnings = False
        self.warn_common = False
        self.warn_textrel = False
        self.warn_execstack: bool | None = None
        self.demangle = True
        self.color = "auto"  # auto, always, never
        self.warnings: tuple[str, ...] = ()  # about the command line itself
        self.arguments: list[str] = []  # the command line as it was given
        self.reproduce: str | None = None  # a tar archive for a copy of the link,
        self.save_directory: str | None = None  # ... a directory for it,
        self.save_base: str | None = None  # ... or for numbered directories
        self.save_skip_linking = False
        self.reference_linker: str | None = None  # the output is to be compared with this linker's
        self.write_layout = False
        self.write_trace = False
        self.debug_address: str | None = None
        self.sym_info: list[str] = []
        self.gc_stats: str | None = None  # a file, `-` is standard output
        self.gc_stats_ignore: list[str] = []
        self.verbose_gc_stats = False
        self.archive_stats: str | None = None
        self.error_handling_script: str | None = None

    def _set_keywords(self) -> None:
        self.z_now = False
        self.z_nosectionheader = False
        self.z_separate_loadable_segments = False
        self.z_relro = True
        self.z_separate_code = True
        self.z_text: bool | None = None
        self.z_execstack: bool | None = None  # None: if an input file asks for it
        self.z_nognustack = False
        self.z_stack_size = 0  # 0: not said
        self.z_max_page_size = self.z_common_page_size = PAGE_SIZE
        self.z_defs: bool | None = None  # True: -z defs, False: -z undefs; goes before `unresolved_symbols`
        self.z_copyreloc = True
        self.z_combreloc = True
        self.z_pack_relative_relocs = False
        self.z_dynamic_undefined_weak: bool | None = None
        self.z_start_stop_gc = False
        self.z_start_stop_visibility = "protected"
        self.z_keep_text_section_prefix = False
        self.z_ibt = self.z_ibtplt = self.z_shstk = False
        self.z_lam = 0  # bits of GNU_PROPERTY_X86_FEATURE_1_AND
        self.z_isa = 0  # bits of GNU_PROPERTY_X86_ISA_1_NEEDED
        self.z_globalaudit = False
        self.z_cet_report = "none"  # none, warning, error
        self.z_origin = self.z_nodelete = self.z_nodlopen = self.z_nodump = self.z_nodefaultlib = False
        self.z_initfirst = self.z_interpose = self.z_loadfltr = self.z_global = False

    @property
    def z_muldefs(self) -> bool:
        """-z muldefs is --allow-multiple-definition."""
        return self.allow_multiple_definition


class _Reader(Effects):
    """Walks the arguments, finds the row of each option and applies its effect."""

    def __init__(self, options: Options) -> None:
        super().__init__(options)
        self.errors: list[str] = []
        self.expanded = False  # are response files replaced by what is in them?

    def read(self, arguments: list[str]) -> None:
        add_input = self.options.inputs.append
        queue = self.queue = iter(arguments)
        while True:
            for argument in queue:
                if argument[:1] not in "-@":
                    add_input(argument)
                else:
                    self.read_special(argument)
            if queue is self.queue:
                break
            queue = self.queue  # a response file came up, and the queue was made anew
        self.fill_flags()

    def read_special(self, argument: str) -> None:
        """Read an option, a response file, or an input with an odd name."""
        if argument[:1] == "@" and not self.expanded:
            self.expand(argument)
        elif len(argument) < 2 or argument[0] == "@":
            self.options.inputs.append(argument)
        elif argument == "--":
            self.read_names()
        else:
            try:
                self.read_option(argument)
            except LinkError as error:
                self.errors += error.messages

    def read_names(self) -> None:
        """Take all that follows as inputs, whatever it begins with."""
        from wild.response import expand

        names = list(self.queue)
        self.options.inputs += names if self.expanded else expand(names)

    def expand(self, argument: str) -> None:
        """Replace all response files from here on; as in GNU ld, an option's argument may come from one."""
        from wild.response import expand

        self.queue = iter(expand([argument, *self.queue]))
        self.expanded = True

    def read_option(self, argument: str) -> None:
        row, name, joined = find_option(argument)
        form = row[1]
        shown = argument
        if joined is not None:
            if not form:
                raise LinkError(f"{argument}: this option takes no value")
            value = joined
        elif form and form[0] != "[":
            value = self.take(argument)
            shown = f"{argument} {value}"
        else:
            value = self.take_number() if form == "[N]" else ""
        try:
            self.apply(row, name, value)
        except ValueError as error:
            raise LinkError(f"{shown}: {error}") from None

    def take(self, option: str) -> str:
        """Return the next argument, which belongs to `option`."""
        value = next(self.queue, None)
        if value is not None and value[:1] == "@" and not self.expanded:
            self.expand(value)
            value = next(self.queue, None)
        if value is None:
            raise LinkError(f"{option}: missing argument")
        return value

    def take_number(self) -> str:
        """Return the next argument if it is a number, else nothing."""
        value = next(self.queue, None)
        if value is None:
            return ""
        if value.isdigit():
            return value
        self.queue = iter([value, *self.queue])
        return ""


def find_option(argument: str) -> tuple[Row, str, str | None]:
    """Find the row of `argument`, the spelling that was used, and the joined argument or None.

    Raises LinkError if there is no such option.
    """
    dashes = 2 if argument.startswith("--") else 1
    name, equals, value = argument[dashes:].partition("=")
    letter = name[:1]
    if len(name) > 1 and (dashes == 2 or letter != "o") and name in OPTIONS:
        return OPTIONS[name], name, value if equals else None
    by_letter = OPTIONS.get(letter) if dashes == 1 or letter == "O" else None  # --O1 is in use beside -O1
    joined = argument[dashes + 1 :] or None
    if by_letter and (joined is None or letter in _JOINED):
        return by_letter, letter, joined

    from wild.ignored_options import find_ignored, question_about

    ignored = find_ignored(name)
    if ignored:
        return ignored, name, value if equals else None
    by_letter = by_letter or (find_ignored(letter) if dashes == 1 else None)
    if by_letter and by_letter[1]:
        return by_letter, letter, joined
    raise LinkError(f"unrecognized option '{argument}'{question_about(argument, OPTIONS)}")


def parse(arguments: list[str], environment: Mapping[bytes, bytes] = posix.environ) -> Options:
    """Read a command line; `arguments` is without the name of the command, `environment` maps bytes.

    Raises LinkError with one message for each thing that is wrong.
    """
    options = Options()
    options.arguments = arguments
    options.gc_sections = environment.get(b"WILD_GC_SECTIONS") == b"1"
    options.incremental = environment.get(b"WILD_INCREMENTAL") == b"1"
    reader = _Reader(options)
    reader.read(arguments[2:] if arguments[:2] == ["-flavor", "gnu"] else arguments)
    if reader.errors:
        raise LinkError(*reader.errors)
    if options.default_script and not options.scripts:
        options.scripts = [options.default_script]
    if not options.help and options.show_version != "version":
        _check(options, reader)
        _use_environment(options, environment)
        _resolve_paths(options)
    options.warnings = tuple(reader.warnings)
    return options


def _check(options: Options, reader: _Reader) -> None:
    """Report options that contradict each other."""
    errors = []
    for kind in (SHARED, PIE):
        if options.kind == RELOCATABLE and kind in reader.kinds:
            errors.append(f"-r and -{kind} cannot be used together")
    if options.kind != RELOCATABLE and options.unique:
        errors.append("--unique: this version does that with -r only")
    if options.emit_relocs and options.strip == "all":
        errors.append("--emit-relocs and -s cannot be used together: relocations name symbols")
    if options.kind != SHARED and options.filter:
        errors.append("-F needs -shared")
    if options.kind != SHARED and options.auxiliary:
        errors.append("-f needs -shared")
    if options.z_common_page_size > options.z_max_page_size != PAGE_SIZE:
        errors.append("-z common-page-size is larger than -z max-page-size")
    options.z_common_page_size = min(options.z_common_page_size, options.z_max_page_size)
    if errors:
        raise LinkError(*errors)
    if reader.group_depth:
        reader.warnings.append("--start-group: there is no --end-group after it")


def _use_environment(options: Options, environment: Mapping[bytes, bytes]) -> None:
    """Take from the environment what the command line does not say."""
    if options.threads is None and b"WILD_THREADS" in environment:
        text = environment[b"WILD_THREADS"].decode("ascii", "replace")
        if not text.isdigit():
            raise LinkError(f"WILD_THREADS={text}: needs a number")
        options.threads = int(text)
    options.threads = options.threads or None
    if b"WILD_SAVE_DIR" in environment or b"WILD_SAVE_BASE" in environment:
        from wild.rare_effects import use_save_directories

        use_save_directories(options, environment)
    if b"WILD_REFERENCE_LINKER" in environment:
        linker = environment[b"WILD_REFERENCE_LINKER"].decode(getfilesystemencoding(), "surrogateescape")
        options.reference_linker = linker or None
    options.write_layout |= environment.get(b"WILD_WRITE_LAYOUT") == b"1"
    options.write_trace |= environment.get(b"WILD_WRITE_TRACE") == b"1"
    if not options.rpath:
        path = environment.get(b"LD_RUN_PATH", b"")
        options.rpath = path.decode(getfilesystemencoding(), "surrogateescape")


def _resolve_paths(options: Options) -> None:
    """Put the sysroot into library directories, and the output's name into that of the map."""
    sysroot = options.sysroot.rstrip("/")
    for index, path in enumerate(options.library_paths):
        for prefix in ("=", "$SYSROOT"):
            if path.startswith(prefix):
                options.library_paths[index] = sysroot + path.removeprefix(prefix)
    if not options.nostdlib:
        options.default_library_paths = [sysroot + path for path in DEFAULT_LIBRARY_PATHS]
    if options.time_trace == "":
        options.time_trace = f"{options.output}.time-trace"
    if options.map_file and options.map_file != "-":
        from wild.rare_effects import map_path

        options.map_file = map_path(options.map_file, options.output)
