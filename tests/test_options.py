"""The command line: what each option means, in each of its forms, and what is said about wrong ones."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wild.errors import LinkError
from wild.options import (
    IN_AS_NEEDED,
    IN_LAZY,
    IN_LIBRARY,
    IN_STATIC,
    IN_WHOLE_ARCHIVE,
    Options,
    parse,
)

NOT_SET = ("input_flags", "warnings", "z_muldefs")
DEFAULT_NAMES = [name for name in dir(Options()) if name[0] != "_" and name not in NOT_SET]


def options_of(line: str) -> Options:
    return parse(line.split(), {})


def inputs_of(line: str) -> list[tuple[str, int]]:
    options = options_of(line)
    return list(zip(options.inputs, options.input_flags, strict=True))


def changes(options: Options) -> dict[str, object]:
    """The attributes that differ from those of an empty command line, but for the command line itself."""
    default = parse([], {})
    return {
        name: getattr(options, name)
        for name in DEFAULT_NAMES
        if name != "arguments" and getattr(options, name) != getattr(default, name)
    }


def errors_of(line: str | list[str]) -> tuple[str, ...]:
    with pytest.raises(LinkError) as caught:
        parse(line.split() if isinstance(line, str) else line, {})
    return caught.value.messages


# --- what options mean -------------------------------------------------------------------------------------

# What gcc, clang, rustc, Go and build systems were seen to pass, and all that it may change.
MEANINGS = [
    ("-plugin /lib/x.so", {"plugins": [("/lib/x.so", [])]}),
    ("-plugin-opt=-pass-through=-lgcc", {"plugin_opts": ["-pass-through=-lgcc"]}),
    ("-plugin-opt O2 -plugin x.so", {"plugins": [("x.so", [])], "plugin_opts": ["O2"]}),
    ("-plugin x.so -plugin-opt=a -plugin y.so -plugin-opt b", {"plugins": [("x.so", ["a"]), ("y.so", ["b"])]}),
    ("--build-id", {"build_id": "fast"}),
    ("--build-id=fast", {"build_id": "fast"}),
    ("--build-id=sha1", {"build_id": "sha1"}),
    ("--build-id=tree", {"build_id": "sha1"}),
    ("--build-id=md5", {"build_id": "md5"}),
    ("--build-id=uuid", {"build_id": "uuid"}),
    ("--build-id=0x12-ab:CD", {"build_id": b"\x12\xab\xcd"}),
    ("--build-id --build-id=none", {}),
    ("--eh-frame-hdr", {"eh_frame_hdr": True}),
    ("--eh-frame-hdr --no-eh-frame-hdr", {}),
    ("-m elf_x86_64", {}),
    ("--hash-style=gnu", {"hash_style": "gnu"}),
    ("--hash-style sysv", {"hash_style": "sysv"}),
    ("-dynamic-linker /lib64/ld.so", {"dynamic_linker": "/lib64/ld.so"}),
    ("--dynamic-linker=/lib64/ld.so", {"dynamic_linker": "/lib64/ld.so"}),
    ("-I/lib64/ld.so", {"dynamic_linker": "/lib64/ld.so"}),
    ("--no-dynamic-linker", {"no_dynamic_linker": True}),
    ("-pie", {"kind": "pie"}),
    ("--pic-executable", {"kind": "pie"}),
    ("-pie -pie", {"kind": "pie"}),
    ("-pie -no-pie", {}),
    ("-shared", {"kind": "shared"}),
    ("-Bshareable", {"kind": "shared"}),
    ("-pie -shared", {"kind": "shared"}),
    ("-shared -pie", {"kind": "pie"}),
    ("-G", {"kind": "shared"}),
    ("-G 8", {}),
    ("-r", {"kind": "relocatable"}),
    ("-i -no-pie", {"kind": "relocatable"}),
    ("-static", {"static": True}),
    ("-static -pie --no-dynamic-linker", {"static": True, "kind": "pie", "no_dynamic_linker": True}),
    ("-z now -z norelro", {"z_now": True, "z_relro": False}),
    ("-znow -zrelro -zlazy", {}),
    ("-z text", {"z_text": True}),
    ("-z textoff", {"z_text": False}),
    ("-z noexecstack", {"z_execstack": False}),
    ("-z execstack", {"z_execstack": True}),
    ("-z noexecstack -z execstack-if-needed", {}),
    ("-z nodelete -z origin", {"z_nodelete": True, "z_origin": True}),
    ("-z nocopyreloc", {"z_copyreloc": False}),
    ("-z defs", {"z_defs": True}),
    ("--no-undefined", {"z_defs": True}),
    ("-z defs -z undefs", {"z_defs": False}),
    ("-z muldefs", {"allow_multiple_definition": True}),
    ("-z max-page-size=0x10000", {"z_max_page_size": 65536}),
    (
        "-z max-page-size=16384 -z common-page-size=16384",
        {"z_max_page_size": 16384, "z_common_page_size": 16384},
    ),
    ("-z stack-size=0x100000", {"z_stack_size": 0x100000}),
    ("-z noseparate-code", {"z_separate_code": False}),
    ("-z pack-relative-relocs", {"z_pack_relative_relocs": True}),
    ("--pack-dyn-relocs=relr", {"z_pack_relative_relocs": True}),
    ("--pack-dyn-relocs=android", {"android_relocations": True}),
    ("--pack-dyn-relocs=android+relr", {"android_relocations": True, "z_pack_relative_relocs": True}),
    ("--pack-dyn-relocs=android --pack-dyn-relocs=none", {}),
    ("-z ibt -z ibtplt -z shstk", {"z_ibt": True, "z_ibtplt": True, "z_shstk": True}),
    ("-z cet-report=warning", {"z_cet_report": "warning"}),
    ("-z start-stop-gc", {"z_start_stop_gc": True}),
    ("-z nostart-stop-gc", {}),
    ("-z start-stop-visibility=hidden", {"z_start_stop_visibility": "hidden"}),
    ("-z keep-text-section-prefix", {"z_keep_text_section_prefix": True}),
    ("-z nodynamic-undefined-weak", {"z_dynamic_undefined_weak": False}),
    ("-z nocombreloc -z nognustack", {"z_combreloc": False, "z_nognustack": True}),
    ("-o out", {"output": "out"}),
    ("-oout", {"output": "out"}),
    ("--output=out", {"output": "out"}),
    ("--output out", {"output": "out"}),
    ("-omagic", {"output": "magic"}),
    ("-output=x", {"output": "utput=x"}),
    ("-L dir -Ldir2 --library-path=dir3", {"library_paths": ["dir", "dir2", "dir3"]}),
    ("--start-group --end-group -( -)", {"groups": [(0, 0), (0, 0)]}),
    ("-u a -ub --undefined=c --undefined d", {"undefined": ["a", "b", "c", "d"]}),
    ("-u__llvm_profile_runtime", {"undefined": ["__llvm_profile_runtime"]}),
    ("--require-defined=a", {"require_defined": ["a"]}),
    ("--wrap=a --wrap b", {"wraps": ["a", "b"]}),
    ("-export-dynamic", {"export_dynamic": True}),
    ("--export-dynamic", {"export_dynamic": True}),
    ("-E --no-export-dynamic", {}),
    ("--dynamic-list=a --dynamic-list b", {"dynamic_lists": ["a", "b"]}),
    ("--version-script=a --version-script b", {"version_scripts": ["a", "b"]}),
    ("--no-undefined-version", {"undefined_version": False}),
    ("--no-undefined-version --undefined-version", {}),
    ("--export-dynamic-symbol=f*", {"export_dynamic_symbols": ["f*"]}),
    ("--export-dynamic-symbol-list=f", {"export_dynamic_symbol_lists": ["f"]}),
    ("-soname a", {"soname": "a"}),
    ("-h a", {"soname": "a"}),
    ("-ha -soname=b", {"soname": "b"}),
    ("-rpath /a -rpath=$ORIGIN/..:XXXX", {"rpath": "/a:$ORIGIN/..:XXXX"}),
    ("-rpath /a -rpath /b -rpath /a", {"rpath": "/a:/b"}),
    ("-rpath /a:/b -rpath /b:/c", {"rpath": "/a:/b:/b:/c"}),
    ("-rpath-link d", {"rpath_link": ["d"]}),
    ("--enable-new-dtags", {}),
    ("--disable-new-dtags", {"new_dtags": False}),
    ("--allow-shlib-undefined", {"allow_shlib_undefined": True}),
    ("--no-allow-shlib-undefined", {"allow_shlib_undefined": False}),
    ("--fatal-warnings", {"fatal_warnings": True}),
    ("--fatal-warnings -w", {"no_warnings": True}),
    ("-Bsymbolic", {"bsymbolic": "all"}),
    ("-Bsymbolic-functions", {"bsymbolic": "functions"}),
    ("-Bsymbolic-non-weak", {"bsymbolic": "non-weak"}),
    ("-Bsymbolic-non-weak-functions", {"bsymbolic": "non-weak-functions"}),
    ("-Bsymbolic -Bno-symbolic", {}),
    ("--gc-sections", {"gc_sections": True}),
    ("--gc-sections --no-gc-sections", {}),
    ("--gc-sections --print-gc-sections", {"gc_sections": True, "print_gc_sections": True}),
    ("-O2", {"optimize": 2}),
    ("--O0", {"optimize": 0}),
    ("-O", {}),
    ("-O 2", {"optimize": 2}),
    ("--optimize=3", {"optimize": 3}),
    ("-s", {"strip": "all"}),
    ("--strip-debug", {"strip": "debug"}),
    ("-S", {"strip": "debug"}),
    ("-x", {"discard": "all"}),
    ("-X", {"discard": "locals"}),
    ("--discard-none", {"discard": "none"}),
    ("-T script", {"scripts": ["script"]}),
    ("-Tscript", {"scripts": ["script"]}),
    ("-e main", {"entry": "main"}),
    ("-e0x401000", {"entry": "0x401000"}),
    ("--entry=main", {"entry": "main"}),
    ("-t", {"trace": 1}),
    ("-t --trace", {"trace": 2}),
    ("-y a -yb --trace-symbol=c", {"trace_symbols": ["a", "b", "c"]}),
    ("-n", {"nmagic": True}),
    ("-N", {"omagic": True}),
    ("-N --no-omagic", {}),
    ("-v", {"show_version": "v"}),
    ("-v -V -v", {"show_version": "V"}),
    ("--version", {"show_version": "version", "default_library_paths": []}),
    ("--help", {"help": True, "default_library_paths": []}),
    ("--verbose", {"verbose": 1}),
    ("--verbose=2", {"verbose": 2}),
    ("--compress-debug-sections=none", {}),
    ("--compress-debug-sections=zlib-gabi", {"compress_debug_sections": "zlib"}),
    ("--compress-sections=.debug*=zstd:9", {"compress_sections": [(".debug*", "zstd", 9)]}),
    ("-nostdlib", {"nostdlib": True, "default_library_paths": []}),
    ("--defsym X=E+1 --defsym=Y=Z=3", {"defsyms": [("X", "E+1"), ("Y", "Z=3")]}),
    ("--exclude-libs a,b:c --exclude-libs=d", {"exclude_libs": ["a", "b", "c", "d"]}),
    ("--exclude-libs a --exclude-libs=ALL --exclude-libs b", {"exclude_libs": "ALL"}),
    ("--dependency-file=f.d", {"dependency_file": "f.d"}),
    ("-Map=f", {"map_file": "f"}),
    ("-Map f", {"map_file": "f"}),
    ("--Map=f -M", {"map_file": "f"}),
    ("-Map=%.x -o d/out", {"map_file": "out.x", "output": "d/out"}),
    ("-M --cref", {"map_file": "-", "cref": True}),
    ("--package-metadata={\"a\":1}", {"package_metadata": '{"a":1}'}),
    ("--package-metadata=%7B%22a%22:%22100%%22%7d", {"package_metadata": '{"a":"100%"}'}),
    ("--package-metadata=5%zz%", {"package_metadata": "5%zz%"}),
    ("--package-metadata", {}),
    ("-EL -Qy -qmagic -assert pure-text -C -Y P,/usr -g -G 4 -a default", {}),
    ("--fix-cortex-a53-843419 -fuse-ld=lld -flto=auto -flto", {}),
    ("--no-keep-memory --reduce-memory-overheads --sort-common --sort-common=descending", {}),
    ("--fat-lto-objects --no-lto-pgo-warn-mismatch", {}),
    ("--thinlto-jobs=4 --lto-O2 -mllvm -x --save-temps", {"lto_words": ["jobs=4", "O2", "-x", "save-temps"]}),
    ("-init a -fini b", {"init": "a", "fini": "b"}),
    ("--unresolved-symbols=ignore-all", {"unresolved_symbols": "ignore-all"}),
    ("-z defs --unresolved-symbols=report-all", {"unresolved_symbols": "report-all"}),
    ("--warn-unresolved-symbols", {"warn_unresolved_symbols": True}),
    ("--warn-unresolved-symbols --error-unresolved-symbols", {}),
    ("--noinhibit-exec", {"noinhibit_exec": True}),
    ("--retain-symbols-file=f", {"retain_symbols_file": "f"}),
    ("--allow-multiple-definition", {"allow_multiple_definition": True}),
    ("--threads", {}),
    ("--threads=3", {"threads": 3}),
    ("--thread-count 3", {"threads": 3}),
    ("--threads=0", {}),
    ("--no-threads", {"threads": 1}),
    ("--time", {"time": True}),
    ("--error-limit=0", {"error_limit": 0}),
    ("--no-demangle", {"demangle": False}),
    ("--no-demangle --demangle=auto", {}),
    ("--color-diagnostics", {"color": "always"}),
    ("--color-diagnostics=never", {"color": "never"}),
    ("-Ttext=600000 -Tdata 0x700000", {"section_start": {".text": 0x600000, ".data": 0x700000}}),
    ("--section-start=.a=b=10", {"section_start": {".a=b": 16}}),
    ("-Ttext-segment=10000", {"image_base": 0x10000}),
    ("--image-base=65536", {"image_base": 65536}),
    ("-shared -f a -F b", {"kind": "shared", "auxiliary": ["a"], "filter": ["b"]}),
    ("--audit a --depaudit b -Pc", {"audit": ["a"], "depaudit": ["b", "c"]}),
    ("--format=elf -b default", {}),
    ("--oformat elf64-x86-64", {}),
    ("--icf=all --print-icf-sections --keep-unique f",
     {"icf": "all", "print_icf_sections": True, "keep_unique": ["f"]}),
    ("--shuffle-sections=*=7 --call-graph-profile-sort",
     {"shuffle_sections": 7, "call_graph_profile_sort": "hfsort"}),
    ("--icf=none --no-gdb-index --orphan-handling=place", {}),
    ("-flavor gnu -o x", {"output": "x"}),
]  # fmt: skip


@pytest.mark.parametrize(
    ("line", "expected"), MEANINGS, ids=lambda value: value if isinstance(value, str) else ""
)
def test_an_option_changes_just_what_it_is_for(line, expected):
    assert changes(options_of(line)) == expected


GCC = (
    "-plugin /usr/lib/gcc/liblto_plugin.so -plugin-opt=/usr/lib/gcc/lto-wrapper"
    " -plugin-opt=-fresolution=/tmp/x.res -plugin-opt=-pass-through=-lgcc --build-id --eh-frame-hdr"
    " -m elf_x86_64 --hash-style=gnu --as-needed -dynamic-linker /lib64/ld-linux-x86-64.so.2 -pie -o prog"
    " Scrt1.o crti.o crtbeginS.o -L/usr/lib/gcc -L/usr/lib main.o -lgcc --push-state --as-needed -lgcc_s"
    " --pop-state -lc crtendS.o crtn.o"
)


def test_a_whole_line_of_gcc():
    options = options_of(GCC)

    assert options.kind == "pie"
    assert options.library_paths == ["/usr/lib/gcc", "/usr/lib"]
    assert options.warnings == ()
    assert set(options.input_flags) == {IN_AS_NEEDED, IN_AS_NEEDED | IN_LIBRARY}
    assert options.inputs == [
        "Scrt1.o", "crti.o", "crtbeginS.o", "main.o", "gcc", "gcc_s", "c", "crtendS.o", "crtn.o",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("a.o -lb -l:c.a -l d --library=e", [("a.o", 0), ("b", 1), (":c.a", 1), ("d", 1), ("e", 1)]),
        ("--as-needed a.so --no-as-needed b.so", [("a.so", IN_AS_NEEDED), ("b.so", 0)]),
        ("--whole-archive a.a --no-whole-archive b.a", [("a.a", IN_WHOLE_ARCHIVE), ("b.a", 0)]),
        ("-Bstatic -la -Bdynamic -lb", [("a", IN_LIBRARY | IN_STATIC), ("b", IN_LIBRARY)]),
        ("-dn -la -dy -lb", [("a", IN_LIBRARY | IN_STATIC), ("b", IN_LIBRARY)]),
        ("-non_shared -la -call_shared -lb", [("a", IN_LIBRARY | IN_STATIC), ("b", IN_LIBRARY)]),
        ("-a archive -la -a shared -lb", [("a", IN_LIBRARY | IN_STATIC), ("b", IN_LIBRARY)]),
        ("-la -static -lb", [("a", IN_LIBRARY), ("b", IN_LIBRARY | IN_STATIC)]),
        ("-N -la", [("a", IN_LIBRARY | IN_STATIC)]),
        ("--start-lib a.o --end-lib b.o", [("a.o", IN_LAZY), ("b.o", 0)]),
        (
            "--push-state --whole-archive --as-needed -Bstatic a --pop-state b",
            [("a", IN_WHOLE_ARCHIVE | IN_AS_NEEDED | IN_STATIC), ("b", 0)],
        ),
        (
            "--as-needed --push-state --push-state --no-as-needed a --pop-state b --pop-state",
            [("a", 0), ("b", IN_AS_NEEDED)],
        ),
        ("--start-lib --push-state --end-lib a --pop-state b", [("a", 0), ("b", IN_LAZY)]),
        ("-o x -- -a.o --b.o", [("-a.o", 0), ("--b.o", 0)]),
        ("- a", [("-", 0), ("a", 0)]),
    ],
)
def test_positional_options_mark_the_inputs_after_them(line, expected):
    assert inputs_of(line) == expected


def test_an_empty_name_is_an_input():
    assert parse(["", "-O", ""], {}).inputs == ["", ""]


def test_the_sysroot_goes_into_library_paths():
    options = options_of("-L=/a -L$SYSROOT/b -L /c --sysroot=/target/")

    assert options.library_paths == ["/target/a", "/target/b", "/c"]
    assert options.default_library_paths[0].startswith("/target/usr/local/lib")


def test_without_sysroot_the_mark_is_dropped():
    assert options_of("-L=/a").library_paths == ["/a"]


def test_a_directory_after_r_is_a_run_path(tmp_path):
    assert options_of(f"-R {tmp_path}").rpath == str(tmp_path)


def test_a_map_may_go_into_a_directory(tmp_path):
    assert options_of(f"-Map={tmp_path} -o d/out").map_file == f"{tmp_path}/out.map"


def test_nothing_is_read_after_version():
    assert options_of("a.o --version --no-such-option b.o").inputs == ["a.o"]


@pytest.mark.parametrize(
    ("line", "environment", "attribute", "expected"),
    [
        ("", {b"WILD_GC_SECTIONS": b"1"}, "gc_sections", True),
        ("", {b"WILD_GC_SECTIONS": b"0"}, "gc_sections", False),
        ("--no-gc-sections", {b"WILD_GC_SECTIONS": b"1"}, "gc_sections", False),
        ("", {b"LD_RUN_PATH": b"/a:/b"}, "rpath", "/a:/b"),
        ("-rpath /c", {b"LD_RUN_PATH": b"/a:/b"}, "rpath", "/c"),
        ("", {b"WILD_THREADS": b"3"}, "threads", 3),
        ("--threads=2", {b"WILD_THREADS": b"3"}, "threads", 2),
        ("--threads=0", {b"WILD_THREADS": b"3"}, "threads", None),
    ],
)
def test_the_environment_says_what_the_line_does_not(line, environment, attribute, expected):
    assert getattr(parse(line.split(), environment), attribute) == expected


# --- what is said about wrong command lines ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("--gc-section", "unrecognized option '--gc-section'; did you mean --gc-sections?"),
        ("--versionscript=x", "unrecognized option '--versionscript=x'; did you mean --version-script=?"),
        ("--qwertyuiop", "unrecognized option '--qwertyuiop'"),
        ("-K", "unrecognized option '-K'"),
        ("-sx", "unrecognized option '-sx'"),
        ("-g3", "unrecognized option '-g3'"),
        ("--s", "unrecognized option '--s'"),
        ("a.o -o", "-o: missing argument"),
        ("a.o --soname", "--soname: missing argument"),
        ("--eh-frame-hdr=1", "--eh-frame-hdr=1: this option takes no value"),
        ("--hash-style=foo", "--hash-style=foo: must be sysv, gnu or both"),
        ("--hash-style foo", "--hash-style foo: must be sysv, gnu or both"),
        ("--color-diagnostics=x", "--color-diagnostics=x: must be auto, always or never"),
        ("--pack-dyn-relocs=x", "--pack-dyn-relocs=x: must be none, relr, android or android+relr"),
        (
            "--build-id=0xabc",
            "--build-id=0xabc: needs an even number of hexadecimal digits after 0x",
        ),
        (
            "--build-id=sha256",
            "--build-id=sha256: must be fast, sha1, md5, uuid, none, or 0x and hexadecimal digits",
        ),
        ("-m elf_i386", "-m elf_i386: unknown emulation; this version supports elf_x86_64"),
        ("-z max-page-size=abc", "-z max-page-size=abc: needs a number"),
        ("-z max-page-size=0x3000", "-z max-page-size=0x3000: a page size must be a power of two"),
        ("-zmax-page-size", "-zmax-page-size: needs a value: max-page-size=SIZE"),
        ("-z now=1", "-z now=1: now takes no value"),
        ("-z stack-size=0x10000000000000000", "-z stack-size=0x10000000000000000: needs a number below 2^64"),
        ("-z cet-report=x", "-z cet-report=x: must be none, warning or error"),
        ("-z max-page-size=1024", "-z common-page-size is larger than -z max-page-size"),
        ("-Ttext=zz", "-Ttext=zz: needs a hexadecimal address"),
        ("--section-start=.text", "--section-start=.text: must be NAME=ADDRESS"),
        ("--error-limit=1_0", "--error-limit=1_0: needs a number"),
        ("-Os", "-Os: needs a number"),
        ("--defsym foo", "--defsym foo: must be SYMBOL=EXPRESSION"),
        ("--pop-state", "--pop-state: there was no --push-state before it"),
        ("-)", "-): there was no --start-group before it"),
        ("--end-lib", "--end-lib: there was no --start-lib before it"),
        ("--start-lib --start-lib", "--start-lib: inside another --start-lib"),
        ("-r -pie", "-r and -pie cannot be used together"),
        ("-shared -r", "-r and -shared cannot be used together"),
        ("-f libx.so", "-f needs -shared"),
        ("-F libx.so", "-F needs -shared"),
        ("-b srec", "-b srec: must be binary, default or elf64-x86-64"),
        ("--icf=some", "--icf=some: must be none, safe or all"),
        ("-q -s", "--emit-relocs and -s cannot be used together: relocations name symbols"),
        ("--compress-debug-sections=rar",
         "--compress-debug-sections=rar: must be none, zlib, zlib-gnu, zlib-gabi or zstd"),
        ("-z retpolineplt", "-z retpolineplt: this version does not make such a PLT"),
    ],
)  # fmt: skip
def test_a_wrong_line_gets_one_clear_error(line, expected):
    assert errors_of(line) == (expected,)


def test_all_wrong_options_are_reported_together():
    assert errors_of("--no-such a.o -z max-page-size=3 --nor-this") == (
        "unrecognized option '--no-such'",
        "-z max-page-size=3: a page size must be a power of two",
        "unrecognized option '--nor-this'",
    )


def test_a_wrong_number_of_threads_in_the_environment_is_reported():
    with pytest.raises(LinkError, match=r"^WILD_THREADS=many: needs a number$"):
        parse([], {b"WILD_THREADS": b"many"})


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("-z foo", ("-z foo: unknown keyword; ignored",)),
        ("-zfoo=1", ("-z foo=1: unknown keyword; ignored",)),
        ("-soname=", ("-soname: the name is empty; ignored",)),
        ("-( -( -) -)", ("--start-group: inside another group, where it means nothing",)),
        ("--start-group a.a", ("--start-group: there is no --end-group after it",)),
    ],
)
def test_a_doubtful_line_gets_a_warning(line, expected):
    assert options_of(line).warnings == expected


# --- lines at random ---------------------------------------------------------------------------------------

WORDS = st.lists(
    st.sampled_from(["a.o", "-la", "--as-needed", "-Bstatic", "-s", "-L", "-O", "2", "-z", "now", "--"])
)


@given(WORDS)
def test_every_input_has_its_bits(words):
    try:
        options = parse(words, {})
    except LinkError:
        return

    assert len(options.inputs) == len(options.input_flags)


@given(st.lists(st.text(max_size=8)))
def test_any_line_is_read_or_refused(words):
    before = list(words)
    with contextlib.suppress(LinkError):
        parse(words, {})

    assert words == before


def test_defaults():
    """Those that no other test of the command line would miss."""
    options = parse([], {})

    assert options.error_limit == 20
    assert not options.update_in_place
    assert options.early_exit is None
    assert not options.incremental
    assert not options.save_skip_linking


@pytest.mark.parametrize("value", ["", "0", "1", "2", "10"])
@pytest.mark.parametrize(
    ("variable", "name"),
    [
        ("WILD_GC_SECTIONS", "gc_sections"),
        ("WILD_INCREMENTAL", "incremental"),
        ("WILD_SAVE_SKIP_LINKING", "save_skip_linking"),
        ("WILD_WRITE_LAYOUT", "write_layout"),
        ("WILD_WRITE_TRACE", "write_trace"),
    ],
)
def test_only_1_in_the_environment_turns_something_on(variable, name, value):
    options = parse([], {b"WILD_SAVE_DIR": b"saved", variable.encode(): value.encode()})

    assert getattr(options, name) is (value == "1")
