"""What the options say: one attribute each, with the value that holds when the command line is silent."""

from __future__ import annotations

# The kinds of output.
EXEC = "exec"
PIE = "pie"
SHARED = "shared"
RELOCATABLE = "relocatable"

PAGE_SIZE = 4096

UNNAMED = "a.out"  # the output of a command line without -o is this very object, which OUTPUT( ) may replace


class Options:
    """What the command line asks for; not to be changed after `parse`.

    An attribute has the name of its long option; `z_` precedes a keyword of -z.  Where None is possible, it
    means that the command line does not say, and the pass that needs the answer decides.

    What few links set stands here in the class.
    """

    just_symbols = False  # -R names a file
    dependent_libraries = True
    string_merge = True
    spare_program_headers = 0
    z_wxneeded = z_nobtcfi = False
    discard_sections: tuple[str, ...] = ()
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
        self.define_common: bool | None = None  # False: common symbols of a shared object are undefined
        self.incremental = self.verify_incremental = False
        self.incremental_diff_out = ""
        self.incremental_how = ""  # explain, strict, canonical
        self.incremental_growth = 10  # percent of every part that is left free
        self.optimize = 1
        self.relax = True
        self.strip = "none"  # none, debug, all
        self.discard = "default"  # none, locals, all; default: .L symbols in sections that are merged
        self.update_in_place = False
        self.early_exit: bool | None = None  # --fork; None: if this is a process of its own
        self.group = False
        self.identity_comment = True

    def _set_layout(self) -> None:
        self.nmagic = self.omagic = False
        self.rosegment = True
        self.oformat = "elf64-x86-64"  # elf64-x86-64, binary
        self.image_base: int | None = None
        self.section_start: dict[str, int] = {}
        self.section_align: dict[str, int] = {}
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
