"""Every option of GNU ld, gold, lld and mold is there: it works, is ignored for a reason, or is refused with one.

One word is one option, with its other forms behind slashes; the lists are those of the linkers' --help and manuals.
"""

from __future__ import annotations

from collections import Counter

import pytest
from programs import ROOT

from wild import ignored_options, keyword_table, option_table
from wild.errors import LinkError
from wild.options import parse

OPTIONS = """
    ( ) a A accept-unknown-input-arch/no-accept-unknown-input-arch add-needed allow-multiple-definition
    allow-shlib-undefined/no-allow-shlib-undefined apply-dynamic-relocs architecture as-needed/no-as-needed
    assert audit auxiliary b Bdynamic Bgroup Bno-symbolic branch-to-branch/no-branch-to-branch Bshareable
    Bstatic Bsymbolic Bsymbolic-functions Bsymbolic-non-weak Bsymbolic-non-weak-functions build-id c C
    call-graph-ordering-file call-graph-profile-sort call_shared check-sections/no-check-sections chroot
    color-diagnostics compress-debug-sections compress-sections copy-dt-needed-entries cref
    ctors-in-init-array d dc debug debug-address debug-fuel debug-names/no-debug-names
    default-imported-symver default-script default-symver define-common defsym demangle/no-demangle depaudit
    dependency-file dependent-libraries/no-dependent-libraries detach/no-detach
    detect-odr-violations/no-detect-odr-violations directory disable-multiple-abs-defs disable-new-dtags
    disable-verify discard-all discard-locals discard-none discard-section/no-discard-section dn dp dT dy
    dynamic-linker dynamic-list dynamic-list-cpp-new dynamic-list-cpp-typeinfo dynamic-list-data E e EB
    eh-frame-hdr/no-eh-frame-hdr EL EL embedded-relocs emit-relocs enable-new-dtags
    enable-non-contiguous-regions enable-non-contiguous-regions-warnings end-group end-lib entry
    error-handling-script error-limit error-unresolved-symbols exclude-libs execute-only
    export-dynamic/no-export-dynamic export-dynamic-symbol export-dynamic-symbol-list F f
    fat-lto-objects/no-fat-lto-objects fatal-warnings/no-fatal-warnings filler filter fini flto
    flto-partition force-exe-suffix force-group-allocation fork format fortran-common/no-fortran-common
    fuse-ld g G gc-keep-exported gc-sections/no-gc-sections gc-stats-ignore gdb-index
    gnu-unique/no-gnu-unique got-plt-syms gpsize h hash-bucket-empty-fraction hash-size hash-style help i I
    icf icf-iterations ignore-data-address-equality ignore-function-address-equality
    ignore-unresolved-symbol image-base init just-symbols keep-files-mapped/no-keep-files-mapped keep-unique
    L l ld-generated-unwind-info/no-ld-generated-unwind-info library library-path lto m M Map
    map-whole-files max-cache-size mmap-output-file/no-mmap-output-file mri-script N n nmagic no-add-needed
    no-allow-multiple-definition no-build-id no-call-graph-profile-sort no-color-diagnostics
    no-copy-dt-needed-entries no-cref no-ctors-in-init-array no-define-common no-dynamic-linker
    no-emit-stub-syms no-execute-only no-fork no-gdb-index no-icf no-identity-comment no-keep-memory
    no-map-whole-files no-nmagic no-pic-executable no-string-merge no-threads no-warn-common
    no-warn-constructors no-warn-execstack no-warn-mismatch no-warn-search-mismatch no-warn-shared-textrel
    no-warnings nodefaultlibs noinhibit-exec non_shared nopie nostdlib o O oformat omagic/no-omagic optimize
    optimize-bb-jumps/no-optimize-bb-jumps orphan-handling out-implib output p P pack-dyn-relocs
    package-metadata perf physical-image-base pic-executable pie/no-pie plugin plugin-opt pop-state
    posix-fallocate/no-posix-fallocate prepopulate-maps preread-archive-symbols print-archive-stats
    print-dependencies print-gc-sections/no-print-gc-sections print-icf-sections/no-print-icf-sections
    print-map print-map-discarded/no-print-map-discarded print-memory-usage print-output-format
    print-symbol-counts print-symbol-order print-sysroot push-state q qmagic quick-exit/no-quick-exit Qy r R
    randomize-section-padding reduce-memory-overheads relax/no-relax relax-gp/no-relax-gp relocatable
    relocatable-merge-sections remap-inputs remap-inputs-file repro reproduce require-defined
    retain-symbols-file reverse-sections rosegment/no-rosegment rosegment-gap rpath rpath-link rsp-quoting s
    S save-temps script section-align section-order section-ordering-file section-start
    separate-debug-file/no-separate-debug-file shared shuffle-sections soname sort-common sort-section
    spare-dynamic-tags spare-program-headers split-by-file split-by-reloc start-group start-lib start-stop
    static stats strip-all strip-debug strip-debug-gdb strip-debug-non-line
    strip-discarded/no-strip-discarded strip-lto-sections sym-info symbol-ordering-file sysroot T t
    target-help task-link Tbss Tdata text-reorder/no-text-reorder thread-count thread-count-final
    thread-count-initial thread-count-middle threads time time-trace time-trace-granularity Tldata-segment
    trace trace-symbol traditional-format Trodata-segment Ttext Ttext-segment u undefined/no-undefined
    undefined-glob undefined-version/no-undefined-version unique unresolved-symbols
    update-in-place/no-update-in-place Ur use-android-relr-tags/no-use-android-relr-tags v V validate-output
    verbose verbose-gc-stats version version-exports-section version-script vs-diagnostics w
    warn-alternate-em warn-backrefs/no-warn-backrefs warn-backrefs-exclude warn-common warn-constructors
    warn-execstack warn-ifunc-textrel/no-warn-ifunc-textrel warn-multiple-gp warn-once
    warn-rwx-segments/no-warn-rwx-segments warn-search-mismatch warn-section-align warn-shared-textrel
    warn-symbol-ordering/no-warn-symbol-ordering warn-textrel warn-unresolved-symbols
    weak-unresolved-symbols whole-archive/no-whole-archive why-extract why-live wild-experimental-sframe
    wild-experiments wrap write-gc-stats write-layout write-trace x X xosegment/no-xosegment Y y zero-to-bss
"""
KEYWORDS = """
    aarch64-feature-pauth bti-report call-nop cet-report combreloc common common-page-size copyreloc
    dead-reloc-in-nonalloc defs dynamic-undefined-weak execstack execstack-if-needed execute-only-report
    force-bti force-ibt gcs-report-dynamic gcs-report gcs global globalaudit hazardplt ibt ibtplt
    ifunc-noplt indirect-extern-access initfirst interpose isa-level-report keep-text-section-prefix
    lam-report lam-u48 lam-u48-report lam-u57 lam-u57-report lazy loadfltr lrodata-after-bss mark-plt
    max-page-size memory-seal memtag-mode muldefs nobtcfi nocombreloc nocommon nocopyreloc nodefaultlib
    nodelete nodlopen nodump nodynamic-undefined-weak noexecstack noextern-protected-data nognustack
    noindirect-extern-access nokeep-text-section-prefix nolrodata-after-bss nomark-plt nomemory-seal
    nopack-relative-relocs noreloc-overflow norelro norewrite-endbr nosectionheader noseparate-code
    nostart-stop-gc notext notext-unlikely-segment nounique nounique-symbol now origin pac-plt
    pack-relative-relocs pauth-report rel rela relro report-relative-reloc retpolineplt rewrite-endbr
    rodynamic sectionheader separate-code separate-loadable-segments shstk stack-size start-stop-gc
    start-stop-visibility text text-unlikely-segment textoff undefs unique unique-symbol wxneeded
    x86-64-baseline x86-64-v2 x86-64-v3 x86-64-v4 zicfilp-unlabeled-report zicfilp zicfiss-report zicfiss
"""
IGNORED, REFUSED = ("ignore", "ignore_or_share"), ("refuse", "only")


def effect(name: str, of_keyword: bool) -> str:
    """`works`, `ignored`, `refused`, or `unknown`."""
    if of_keyword:
        row = keyword_table.KEYWORDS.get(name)
    else:
        row = option_table.OPTIONS.get(name) or ignored_options.find_ignored(name)
    if row is None:
        return "unknown"
    assert row[4], f"{name} has no text"
    return "ignored" if row[2] in IGNORED else "refused" if row[2] in REFUSED else "works"


def effect_of_all(word: str, of_keyword: bool) -> str:
    """Of an option with all its forms; the worst counts, and it is ignored only if all of them are."""
    found = {effect(name, of_keyword) for name in word.split("/")}
    return next(each for each in ("unknown", "refused", "works", "ignored") if each in found)


@pytest.mark.parametrize("kind", ["options", "keywords"])
def test_how_many_do_what(kind):
    """As docs/feature-tests.md says."""
    words = (OPTIONS if kind == "options" else KEYWORDS).split()
    found = [(effect_of_all(word, kind == "keywords"), word) for word in words]

    assert [word for each, word in found if each == "unknown"] == []
    counts = Counter(each for each, _ in found)
    told = [len(words), *(counts[each] for each in ("works", "ignored", "refused", "unknown"))]
    page = (ROOT / "docs" / "feature-tests.md").read_text(encoding="utf-8")
    assert f"| {kind} | {' | '.join(map(str, told))} |\n" in page, told


def test_what_is_refused_says_so():
    refused = [word for word in OPTIONS.split() if "/" not in word and effect(word, False) == "refused"]
    for name in refused:
        row = ignored_options.find_ignored(name)
        assert row is not None
        arguments = [
            f"-{name}" if len(name) == 1 else f"--{name}",
            *(["1"] if row[1] and row[1][0] != "[" else []),
        ]
        with pytest.raises(LinkError) as raised:
            parse([*arguments, "x.o"], {})
        assert "this version does not " in str(raised.value)
