"""The options that do something, one row each; parsing, `--help` and docs/options.md all read these rows.

A row is (spellings, argument, effect, target, help), all text, under the name of its group.

spellings   Without dashes, the name used in texts first.  A name of one letter takes one dash, and its
            argument may be joined (`-ofile`).  A longer name takes one dash or two, or just two where one
            would mean the letter (see `wild.options`).  A name that ends in `*` stands for all that begin so.
argument    "" for none; "FILE" if there must be one (`-x FILE`, `-x=FILE`, `--x=FILE`); "[=KIND]" if it may
            be left out and is joined by `=` otherwise; "[N]" if it may be left out and otherwise is joined or
            is a number that follows.  Alternatives are separated by `|`.
effect      A method of `wild.option_effects.Effects`, and what it does that to: `target`.
help        One line.  For `ignore`, the reason why ignoring is right; for `refuse` and `only`, how a sentence
            goes on that begins with "this version does not".

Forms and meanings are those of GNU ld's manual (chapter "Command-line Options"), and those of lld and mold
for what it lacks.  What -z takes is in `wild.keyword_table`, what changes nothing in `wild.ignored_options`.
"""

from __future__ import annotations

Row = tuple[str, str, str, str, str]

ROWS: tuple[str | Row, ...] = (
    "Output",
    ("output o", "FILE", "text", "output", "Write the output to FILE (default: a.out)"),
    ("shared Bshareable", "", "set_kind", "shared", "Make a shared object"),
    ("pie pic-executable", "", "set_kind", "pie", "Make a position-independent executable"),
    ("no-pie nopie no-pic-executable", "", "set_kind", "exec",
     "Make an executable with fixed addresses (default)"),
    ("relocatable r i", "", "set_kind", "relocatable", "Make an object file that can be linked again"),
    ("static", "", "make_static", "", "Make no use of shared objects; with -pie, make a static PIE"),
    ("m", "EMULATION", "select_emulation", "", "Make output for EMULATION (elf_x86_64)"),
    ("oformat", "FORMAT", "only", "elf64-x86-64 elf default", "write another format than elf64-x86-64"),
    ("entry e", "SYMBOL", "text", "entry", "Start the program at SYMBOL, or at an address (default: _start)"),
    ("soname h", "NAME", "set_soname", "", "Set DT_SONAME to NAME"),
    ("dynamic-linker I", "FILE", "text", "dynamic_linker",
     "Set the program interpreter of a dynamic executable"),
    ("no-dynamic-linker", "", "on", "no_dynamic_linker", "Make no program interpreter entry"),
    ("rpath", "DIRS", "add_rpath", "", "Add DIRS to the run-time library search path"),
    ("enable-new-dtags", "", "on", "new_dtags", "Write that path as DT_RUNPATH (default)"),
    ("disable-new-dtags", "", "off", "new_dtags", "Write that path as DT_RPATH"),
    ("init", "SYMBOL", "text", "init", "Call SYMBOL when the file is loaded (default: _init)"),
    ("fini", "SYMBOL", "text", "fini", "Call SYMBOL when the file is unloaded (default: _fini)"),
    ("filter F", "NAME", "append", "filter", "Add a DT_FILTER entry for NAME"),
    ("auxiliary f", "NAME", "append", "auxiliary", "Add a DT_AUXILIARY entry for NAME"),
    ("audit", "LIBS", "append", "audit", "Add LIBS to DT_AUDIT"),
    ("depaudit P", "LIBS", "append", "depaudit", "Add LIBS to DT_DEPAUDIT"),
    ("spare-dynamic-tags", "N", "number", "spare_dynamic_tags",
     "Keep N empty entries in .dynamic (default: 5)"),
    ("hash-style", "sysv|gnu|both", "choice", "hash_style", "Write these symbol hash tables (default: both)"),
    ("build-id", "[=KIND]", "set_build_id", "",
     "Write a build ID: fast, sha1, md5, uuid, 0xHEX or none (default kind: fast)"),
    ("no-build-id", "", "clear", "build_id", "Write no build ID (default)"),
    ("package-metadata", "[=JSON]", "set_package_metadata", "",
     "Write a package metadata note; JSON may be %-encoded"),
    ("eh-frame-hdr", "", "switch", "eh_frame_hdr", "Write the index that makes unwinding fast"),
    ("gnu-unique", "", "switch", "gnu_unique", "Keep the binding STB_GNU_UNIQUE (default)"),
    ("nmagic n", "", "switch_magic", "nmagic", "Do not align segments to pages; use no shared objects"),
    ("omagic N", "", "switch_magic", "omagic", "As --nmagic, and make the text segment writable"),
    ("image-base Ttext-segment", "ADDRESS", "set_image_base", "", "Let the output begin at ADDRESS"),
    ("section-start", "NAME=ADDRESS", "set_section_start", "", "Place section NAME at ADDRESS (hexadecimal)"),
    ("Ttext", "ADDRESS", "set_named_section_start", ".text", "The same for .text"),
    ("Tdata", "ADDRESS", "set_named_section_start", ".data", "The same for .data"),
    ("Tbss", "ADDRESS", "set_named_section_start", ".bss", "The same for .bss"),
    ("check-sections", "", "switch", "check_sections", "Report sections that overlap (default)"),
    ("script T", "FILE", "text", "script", "Read the linker script FILE"),
    ("z", "KEYWORD", "apply_keyword", "", "Apply a keyword; see Keywords below"),
    "Input files and libraries",
    ("library l", "NAME", "add_library", "", "Link libNAME.so or libNAME.a; with :NAME, the file NAME"),
    ("library-path L", "DIR", "append", "library_paths",
     "Search DIR for libraries; a leading = means the sysroot"),
    ("sysroot", "DIR", "text", "sysroot", "Take DIR as the root of the target's file system"),
    ("nostdlib", "", "on", "nostdlib", "Search no directories but those given by -L"),
    ("rpath-link", "DIRS", "append", "rpath_link", "Search DIRS for libraries that shared objects need"),
    ("as-needed", "", "mark", "as-needed", "Record a following shared object as needed only if it is used"),
    ("no-as-needed", "", "unmark", "as-needed", "Record every following shared object as needed (default)"),
    ("whole-archive", "", "mark", "whole-archive", "Link every member of the archives that follow"),
    ("no-whole-archive", "", "unmark", "whole-archive",
     "Link only the members that are referred to (default)"),
    ("Bstatic dn non_shared", "", "mark", "Bstatic", "Let following -l find archives only"),
    ("Bdynamic dy call_shared", "", "unmark", "Bstatic",
     "Let following -l find shared objects too (default)"),
    ("a", "shared|archive|default", "choose_libraries", "",
     "HP-UX's spelling of -Bdynamic, -Bstatic and -Bdynamic"),
    ("push-state", "", "push_state", "", "Remember what the options above are set to"),
    ("pop-state", "", "pop_state", "", "Return to what was remembered last"),
    ("start-group (", "", "start_group", "", "Begin a group; archives are searched in any order anyway"),
    ("end-group )", "", "end_group", "", "End a group"),
    ("start-lib", "", "start_lib", "", "Treat the object files that follow like members of an archive"),
    ("end-lib", "", "end_lib", "", "End the effect of --start-lib"),
    ("format b", "FORMAT", "only", "default elf elf64-x86-64", "read another input format than ELF"),
    ("just-symbols R", "DIR", "add_rpath_directory", "",
     "As -rpath DIR; a file instead of a directory is refused"),
    "Symbols",
    ("undefined u", "SYMBOL", "append", "undefined", "Require a definition of SYMBOL, if there is one"),
    ("require-defined", "SYMBOL", "append", "require_defined", "The same, and report it if there is none"),
    ("defsym", "SYMBOL=EXPRESSION", "add_defsym", "", "Define SYMBOL"),
    ("wrap", "SYMBOL", "append", "wraps", "Bind SYMBOL to __wrap_SYMBOL, and __real_SYMBOL to SYMBOL"),
    ("allow-multiple-definition", "", "switch", "allow_multiple_definition",
     "Take the first of several definitions"),
    ("no-undefined", "", "on", "z_defs", "Report undefined symbols of a shared object too"),
    ("allow-shlib-undefined", "", "switch", "allow_shlib_undefined",
     "Do not report what shared objects lack"),
    ("unresolved-symbols", "report-all|ignore-all|ignore-in-object-files|ignore-in-shared-libs",
     "set_unresolved_symbols", "", "Say which undefined symbols are reported"),
    ("warn-unresolved-symbols", "", "on", "warn_unresolved_symbols", "Only warn about undefined symbols"),
    ("error-unresolved-symbols", "", "off", "warn_unresolved_symbols", "Stop at undefined symbols (default)"),
    ("noinhibit-exec", "", "on", "noinhibit_exec", "Write the output in spite of errors"),
    ("export-dynamic E", "", "switch", "export_dynamic", "Export all symbols of an executable"),
    ("export-dynamic-symbol", "GLOB", "append", "export_dynamic_symbols",
     "Export the symbols that match GLOB"),
    ("export-dynamic-symbol-list", "FILE", "append", "export_dynamic_symbol_lists",
     "Export the symbols listed in FILE"),
    ("dynamic-list", "FILE", "append", "dynamic_lists",
     "As above; in a shared object, bind all others locally"),
    ("version-script", "FILE", "append", "version_scripts",
     "Read symbol versions and what is local from FILE"),
    ("undefined-version", "", "switch", "undefined_version",
     "Let a version script name what is undefined (default)"),
    ("exclude-libs", "LIBS", "add_exclude_libs", "",
     "Export nothing defined in these archives; ALL means all"),
    ("Bsymbolic", "", "value", "bsymbolic=all", "Bind a shared object's symbols to its own definitions"),
    ("Bsymbolic-functions", "", "value", "bsymbolic=functions", "The same for functions"),
    ("Bsymbolic-non-weak", "", "value", "bsymbolic=non-weak", "The same for symbols that are not weak"),
    ("Bsymbolic-non-weak-functions", "", "value", "bsymbolic=non-weak-functions",
     "The same for such functions"),
    ("Bno-symbolic", "", "value", "bsymbolic=none", "Undo these (default)"),
    ("retain-symbols-file", "FILE", "text", "retain_symbols_file",
     "Keep only the symbols listed in FILE in .symtab"),
    "Size and speed",
    ("gc-sections", "", "switch", "gc_sections", "Drop sections that nothing refers to"),
    ("print-gc-sections", "", "switch", "print_gc_sections", "List the sections that were dropped"),
    ("O optimize", "[N]", "number", "optimize=1",
     "Optimise: 0, 1 (default), or 2, which shares the tails of strings"),
    ("relax", "", "switch", "relax", "Replace instructions by shorter or faster ones (default)"),
    ("pack-dyn-relocs", "none|relr", "pack_relocations", "", "Write relative relocations compactly, or not"),
    ("strip-all s", "", "value", "strip=all", "Write neither symbols nor debug information"),
    ("strip-debug S", "", "value", "strip=debug", "Write no debug information"),
    ("discard-all x", "", "value", "discard=all", "Leave local symbols out of .symtab"),
    ("discard-locals X", "", "value", "discard=locals", "Leave out local symbols that begin with .L"),
    ("discard-none", "", "value", "discard=none", "Leave out no local symbols"),
    ("compress-debug-sections", "none|zlib|zlib-gnu|zlib-gabi|zstd", "leave_uncompressed", "",
     "Warn, unless it is none, that this version does not compress debug sections"),
    ("threads thread-count", "[N]", "number", "threads=0", "Use N threads (default: one per processor)"),
    ("no-threads", "", "number", "threads=1", "Use one thread"),
    ("update-in-place", "", "switch", "update_in_place",
     "Rewrite an existing output where it is, if safe (default)"),
    "Messages and reports",
    ("help target-help", "", "show_help", "", "Print this text"),
    ("version", "", "show_version", "version", "Print the version and stop"),
    ("v", "", "show_version", "v", "Print the version; stop if there is nothing to link"),
    ("V", "", "show_version", "V", "The same with the supported emulations"),
    ("verbose", "[=N]", "number", "verbose=1", "Print the version and what is being done"),
    ("print-gcc-dir", "", "on", "print_gcc_dir", "Print the directory to give to gcc -B"),
    ("print-sysroot", "", "on", "print_sysroot", "Print the sysroot"),
    ("print-output-format", "", "on", "print_output_format", "Print the format of the output"),
    ("trace t", "", "count", "trace", "Print the name of each input file; given twice, archive members too"),
    ("trace-symbol y", "SYMBOL", "append", "trace_symbols", "Print the files that mention SYMBOL"),
    ("Map", "FILE", "text", "map_file",
     "Write a map of the output to FILE, DIR/OUTPUT.map, or - (standard output)"),
    ("print-map M", "", "print_map", "", "Write the map to standard output"),
    ("cref", "", "switch", "cref", "Add a cross-reference table to the map"),
    ("dependency-file", "FILE", "text", "dependency_file", "Write a make rule with all input files to FILE"),
    ("reproduce", "FILE", "text", "reproduce",
     "Put a copy of all inputs, and a script that links again, into the tar archive FILE"),
    ("time perf stats", "", "on", "time", "Print how long each step took"),
    ("error-limit", "N", "number", "error_limit", "Stop after N errors (default: 20; 0 means no limit)"),
    ("fatal-warnings", "", "switch", "fatal_warnings", "Treat warnings as errors"),
    ("no-warnings w", "", "silence", "", "Print no warnings, and undo --fatal-warnings"),
    ("warn-common", "", "switch", "warn_common", "Warn about common symbols that meet other definitions"),
    ("warn-textrel warn-shared-textrel", "", "switch", "warn_textrel",
     "Warn about relocations in read-only sections"),
    ("warn-execstack", "", "switch", "warn_execstack", "Warn if the output has an executable stack"),
    ("demangle", "[=STYLE]", "on", "demangle", "Print C++ and Rust symbols as in the source (default)"),
    ("no-demangle", "", "off", "demangle", "Print symbols as in the object file"),
    ("color-diagnostics", "[=auto|always|never]", "set_color", "", "Colour messages (default: auto)"),
    ("no-color-diagnostics", "", "value", "color=never", "Do not colour messages"),
    "Link-time optimisation",
    ("plugin", "FILE", "text", "plugin",
     "Name the compiler's plugin; it is not loaded, and its input is refused"),
    ("plugin-opt", "OPTION", "append", "plugin_opts", "Keep OPTION for the plugin"),
)  # fmt: skip

SWITCHES = ("switch", "switch_magic")  # the effects with a negative spelling


def index_rows(rows: tuple[str | Row, ...], negation: str) -> dict[str, Row]:
    """Make the dictionary from spelling to row; a switch is also found with `negation` before its name."""
    index = {}
    for row in rows:
        if isinstance(row, tuple):
            for spelling in row[0].split():
                index[spelling] = row
                if row[2] in SWITCHES and len(spelling) > 1:
                    index[negation + spelling] = row
    return index


OPTIONS = index_rows(ROWS, "no-")
