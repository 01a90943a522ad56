"""The options that change nothing: accepted and ignored, or refused because this version lacks what they ask.

The rows have the form of `wild.option_table`.  This table is looked into only when that one lacks a spelling,
so that an ordinary link does not load it.
"""

from __future__ import annotations

from wild.option_table import Row, index_rows

ROWS: tuple[str | Row, ...] = (
    "Accepted and ignored",
    ("EL", "", "ignore", "", "the output is little-endian"),
    ("architecture A", "NAME", "ignore", "", "-m selects the machine"),
    ("no-accept-unknown-input-arch no-warn-mismatch warn-mismatch", "", "ignore", "",
     "such inputs are errors"),
    ("no-warn-search-mismatch warn-search-mismatch", "", "ignore", "",
     "libraries of other machines are passed over"),
    ("sort-common", "[=ORDER]", "ignore", "", "common symbols are laid out without gaps as they come"),
    ("ld-generated-unwind-info no-ld-generated-unwind-info", "", "ignore", "",
     "the PLT is unwound the same way always"),
    ("no-apply-dynamic-relocs apply-dynamic-relocs", "", "ignore", "",
     "addends are in the relocation records, those of relative relocations in the sections, too"),
    ("strip-discarded no-strip-discarded strip-lto-sections", "", "ignore", "",
     "what is dropped leaves no trace"),
    (("no-debug-names no-execute-only no-xosegment"
      " no-detect-odr-violations"
      " no-discard-section"), "", "ignore", "", "it is so anyway"),
    ("ctors-in-init-array fortran-common relocatable-merge-sections", "", "ignore", "", "it is so anyway"),
    ("disable-multiple-abs-defs", "", "ignore", "", "a second definition is an error, also if it is one of -R"),
    ("icf-iterations", "N", "ignore", "", "folding goes on as long as it finds something"),
    ("ignore-function-address-equality", "", "ignore", "", "--icf=all does that"),
    ("branch-to-branch no-branch-to-branch optimize-bb-jumps no-optimize-bb-jumps", "", "ignore", "",
     "an optimisation that no program can observe"),
    ("lto-* no-lto-* thinlto-*", "[=VALUE]", "ignore", "", "for other linkers' own copies of LLVM"),
    ("lto", "KIND", "ignore", "", "the bitcode says which kind it is"),
    ("load-pass-plugin", "OPTION", "ignore", "", "for other linkers' own copies of LLVM"),
    ("flto flto-partition", "[=VALUE]", "ignore", "", "the compiler's plugin is told by the driver"),
    ("no-legacy-pass-manager", "", "ignore", "", "it is so anyway"),
    ("fat-lto-objects no-fat-lto-objects", "", "ignore", "",
     "fat objects are optimised if a plugin takes them"),
    ("fuse-ld", "NAME", "ignore", "", "the compiler driver has chosen"),
    (("no-keep-memory mmap-output-file no-mmap-output-file map-whole-files no-map-whole-files"
      " keep-files-mapped no-keep-files-mapped posix-fallocate no-posix-fallocate preread-archive-symbols"
      " prepopulate-maps"), "", "ignore", "", "files and memory are handled in one way"),
    ("reduce-memory-overheads", "[=SIZE]", "ignore", "", "files and memory are handled in one way"),
    (("max-cache-size hash-size hash-bucket-empty-fraction thread-count-initial thread-count-middle"
      " thread-count-final build-id-chunk-size-for-treehash build-id-min-file-size-for-treehash"), "N",
     "ignore", "", "it tunes another linker"),
    (("warn-constructors no-warn-constructors warn-multiple-gp warn-alternate-em warn-section-align"
      " warn-drop-version no-warn-drop-version"), "", "ignore", "",
     "that warning is about other machines or formats"),
    ("warn-once", "", "ignore", "", "an undefined symbol is reported once with all its users"),
    ("warn-ifunc-textrel no-warn-ifunc-textrel", "", "ignore", "", "that warning is not given"),
    ("G gpsize", "[N]", "ignore_or_share", "",
     "there is no small-data section; -G without a size means -shared"),
    ("Y", "DIRS", "ignore", "", "for Solaris"),
    ("assert", "KEYWORD", "ignore", "", "for SunOS"),
    ("Qy qmagic C g p traditional-format nodefaultlibs", "", "ignore", "", "for systems of the past"),
    (("merge-exidx-entries no-merge-exidx-entries be8 be32 long-plt no-long-plt pic-veneer target1-abs"
      " target1-rel fix-arm1176 no-fix-arm1176 fix-cortex-a8 no-fix-cortex-a8 fix-v4bx fix-v4bx-interworking"
      " no-enum-size-warning no-wchar-size-warning no-pipeline-knowledge relax-gp no-relax-gp"
      " android-memtag-heap android-memtag-stack fix-cortex-a53-843419 no-fix-cortex-a53-843419"
      " fix-cortex-a53-835769 no-fix-cortex-a53-835769 secure-plt plt-static-chain no-plt-static-chain"
      " plt-thread-safe no-plt-thread-safe plt-localentry no-plt-localentry tls-optimize no-tls-optimize"
      " toc-optimize no-toc-optimize toc-sort no-toc-sort tls-get-addr-optimize no-tls-get-addr-optimize"
      " pcrel-optimize no-pcrel-optimize no-power10-stubs no-stub-group-multi stub-group-multi emit-stub-syms"
      " no-emit-stub-syms"), "", "ignore", "", "for other machines"),
    ("target2 android-memtag-mode stub-group-size split-stack-adjust-size", "VALUE", "ignore", "",
     "for other machines"),
    ("power10-stubs plt-align", "[=VALUE]", "ignore", "", "for other machines"),
    "Not in this version",
    ("debug debug-fuel wild-experiments wild-experimental-sframe", "[=VALUE]", "refuse", "", "try out such things"),
    ("debug-names", "", "refuse", "", "merge indices of debug information"),
    ("strip-debug-gdb strip-debug-non-line", "", "refuse", "", "strip a part of the debug information"),
    ("EB", "", "refuse", "", "make big-endian output: x86-64 is little-endian"),
    ("mri-script c", "FILE", "refuse", "", "read scripts of the MRI linker for the 68000"),
    ("enable-non-contiguous-regions enable-non-contiguous-regions-warnings", "", "refuse",
     "", "lay out memory regions"),
    (("section-order bp-startup-sort irpgo-profile print-symbol-order"), "VALUE", "refuse", "", "reorder sections"),
    (("bp-compression-sort bp-compression-sort-startup-functions verbose-bp-section-orderer"
      " text-reorder no-text-reorder"), "[=VALUE]", "refuse", "", "reorder sections"),
    ("randomize-section-padding", "[=SEED]", "refuse", "", "randomise the layout"),
    ("execute-only xosegment", "", "refuse", "", "make code unreadable: x86-64 has no such pages"),
    ("zero-to-bss", "", "refuse", "", "lay out segments that way"),
    ("rosegment-gap physical-image-base filler", "VALUE", "refuse", "", "place sections that way"),
    ("split-by-file split-by-reloc", "[=N]", "refuse", "", "split output sections"),
    ("task-link", "SYMBOL", "refuse", "", "link tasks of VxWorks"),
    ("embedded-relocs", "", "refuse", "", "make relocation tables for MIPS"),
    ("ctf-variables no-ctf-variables", "", "refuse", "", "write CTF"),
    ("ctf-share-types", "METHOD", "refuse", "", "write CTF"),
    ("start-stop", "", "refuse", "", "define __start_ symbols for all sections"),
    ("no-ctors-in-init-array", "", "refuse", "", "leave .ctors as they are, which the C library ignores"),
    ("force-exe-suffix", "", "refuse", "", "add .exe to a name, for Windows"),
    ("default-imported-symver", "", "refuse", "", "invent symbol versions"),
    ("version-exports-section", "VERSION", "refuse", "", "read .exports sections"),
    ("weak-unresolved-symbols", "", "refuse", "", "make undefined symbols weak"),
    ("no-fortran-common", "", "refuse", "", "leave archives out when a common symbol could get a definition there"),
    ("accept-unknown-input-arch", "", "refuse", "", "read input of another machine"),
    ("chroot", "DIR", "refuse", "", "change the root directory"),
    ("rsp-quoting", "STYLE", "only", "posix", "read response files of Windows"),
    ("out-implib in-implib", "FILE", "refuse", "", "write import libraries, which are for ARM's secure state"),
    ("cmse-implib", "", "refuse", "", "write import libraries, which are for ARM's secure state"),
    (("print-symbol-counts vs-diagnostics"
      " detect-odr-violations validate-output got-plt-syms"), "[=VALUE]", "refuse",
     "", "write that report"),
    ("repro", "", "refuse", "", "choose a name; use --reproduce=FILE"),
    (("incremental-full incremental-update incremental-changed incremental-unchanged"
      " incremental-unknown incremental-startup-unchanged"), "", "refuse", "", "link incrementally"),
    ("incremental-base incremental-patch", "VALUE", "refuse", "", "link incrementally"),
)  # fmt: skip

OPTIONS = index_rows(ROWS, "no-")
_FAMILIES = [name.removesuffix("*") for name in OPTIONS if name.endswith("*")]


def find_ignored(name: str) -> Row | None:
    """Return the row of the option spelled `name`, if it is in this table."""
    for family in _FAMILIES:
        if name.startswith(family):
            return OPTIONS[family + "*"]
    return OPTIONS.get(name)


def question_about(argument: str, options: dict[str, Row]) -> str:
    """Ask whether a known option was meant that is spelled like the unknown `argument`, if there is one."""
    from difflib import get_close_matches

    known = [name for name in (*options, *OPTIONS) if len(name) > 1 and name[-1] != "*"]
    name, equals, _ = argument.lstrip("-").partition("=")
    nearest = get_close_matches(name, known, 1, 0.7)
    return f"; did you mean --{nearest[0]}{equals}?" if nearest else ""
