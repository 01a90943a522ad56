"""The projects of others that are built through the linker, and the commands that build and test them."""

from __future__ import annotations

from typing import NamedTuple


class Project(NamedTuple):
    """How one project is built and tested.

    `package` is a Debian source package, `crate:NAME` or `go:MODULE`.  `steps` are lines for a shell that runs in a
    copy of the sources.  CC, CXX and FC hold the compiler with the -B that selects the linker, SELECT that -B alone,
    JOBS the number of parallel processes, AS_USER what makes root an ordinary user.
    """

    package: str
    minutes: float  # on two cores
    needs: str  # Debian packages; !NAME is a command
    steps: tuple[str, ...]
    shows: str = ""  # what no other project does


# Not those that need pyexpat, which in Debian's source compiles only as Debian builds it.
CPYTHON_TESTS = (
    "test_ctypes test_ssl test_sqlite3 test_threading test_capi test_import test_importlib test_struct test_math"
    " test_decimal test_mmap test_zlib test_hashlib test_pickle test_exceptions test_traceback test_generators"
    " test_subprocess test_faulthandler test_embed test_datetime test_gc test_sys"
    " test_signal test_weakref test_stable_abi_ctypes"
)
REDIS_TESTS = " ".join(
    f"--single unit/{name}"
    for name in (
        "type/string", "type/list", "type/hash", "type/set", "type/zset", "type/stream", "expire", "scan", "multi",
        "scripting", "functions", "pubsub", "bitops", "hyperloglog", "geo", "sort", "info", "protocol",
    )
)  # fmt: skip
SQLITE_CHECKS = (
    # One test of page sizes fails with GNU ld, too.
    "sed -i '/{} *16384 *8192/d' test/io.test",
    "cd out && ./fuzzcheck ../test/fuzzdata[1-4].db",
    # Some tests expect that permissions bind them, which do not bind root.
    "cd out && chmod -R a+rwX .. && $AS_USER ./testfixture ../test/veryquick.test",
)
ZSTD_TESTS = (
    "make -j$JOBS -C tests fuzzer fullbench zstreamtest invalidDictionaries legacy poolTests",
    "cd tests && ./fuzzer -T20s && ./zstreamtest -T20s && ./invalidDictionaries && ./legacy && ./poolTests",
    "make -j$JOBS -C programs zstd && ./programs/zstd -b1 -e3 -i1 lib/compress/zstd_compress.c",
)
# Of memcheck: those about leaks, wrapped functions, threads, and variables that debug information names.
VALGRIND_TESTS = " ".join(
    f"memcheck/tests/{name}.vgtest"
    for name in (
        "addressable", "badfree", "badjump", "buflen_check", "custom_alloc", "dw4", "execve1", "inlinfo",
        "leak-cases-full", "leak-cycle", "leak-tree", "leak_cpp_interior", "mempool", "mismatches", "new_override",
        "origin5-bz2", "pointer-trace", "sh-mem", "sigaltstack", "strchr", "supp1", "supponlyobj", "threadname",
        "varinfo1", "varinfo2", "varinfo3", "varinfo4", "varinfo5", "varinfo6", "wrap1", "wrap5", "wrap8", "xml1",
    )
)  # fmt: skip
UTIL_LINUX_PARTS = (
    "--enable-libuuid --enable-libblkid --enable-libmount --enable-libsmartcols --enable-libfdisk --enable-uuidd"
    " --enable-uuidgen --without-python --without-systemd --without-ncurses --without-ncursesw"
)
UTIL_LINUX_TESTS = "blkid libsmartcols libmount libfdisk uuid"
HARFBUZZ_LEFT_OUT = " ".join(
    f"-D{name}=disabled" for name in "docs introspection glib gobject cairo freetype icu benchmark".split()
)
MUSL_COMPILER = "REALGCC=gcc out/bin/musl-gcc $SELECT -O1 -o program"
MUSL_PROGRAM = r"""<<'END' && ./program | grep '3 ok 1.5'
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
static __thread int own = 1;
static void *work(void *n) { own += *(int *)n; return (void *)(long)own; }
int main(void) {
    pthread_t thread; void *sum; int two = 2;
    pthread_create(&thread, 0, work, &two);
    pthread_join(thread, &sum);
    printf("%d ok %.1f\n", (int)(long)sum, atof("1.5"));
}
END
"""
ZSTD_ALONE = "ZSTD_LEGACY_SUPPORT=0 HAVE_ZLIB=0 HAVE_LZMA=0 HAVE_LZ4=0"
ZSTD_TEXT = "lib/compress/zstd_compress.c"
ZSTD_ROUND = f"./programs/zstd -$level < {ZSTD_TEXT} | ./programs/zstd -d | cmp - {ZSTD_TEXT}"

PROJECTS = {
    "zlib": Project(
        "zlib", 0.3, "make", ("./configure", "make -j$JOBS", "make check"), "a shared library with versions"
    ),
    "zlib-asan": Project(
        "zlib",
        0.5,
        "make",
        ("CFLAGS='-g -O1 -fsanitize=address,undefined' ./configure", "make -j$JOBS", "make check"),
        "address and undefined-behaviour sanitizers",
    ),
    "zlib-coverage": Project(
        "zlib",
        0.5,
        "make",
        (
            "CFLAGS='-g -O1 --coverage' ./configure",
            "make -j$JOBS",
            "make check",
            "gcov -n deflate.o | grep -A1 \"File 'deflate.c'\" | grep -E 'Lines executed:[4-9][0-9]'",
        ),
        "coverage counters",
    ),
    "zlib-thinlto": Project(
        "zlib",
        0.5,
        "make clang-19 llvm-19",
        (
            "CC=\"clang-19 $SELECT\" CFLAGS='-O2 -flto=thin' AR=llvm-ar-19 RANLIB=llvm-ranlib-19 ./configure",
            "make -j$JOBS",
            "make check",
        ),
        "clang -flto=thin",
    ),
    "zstd": Project(
        "libzstd", 2, "make", ("make -j$JOBS -C lib", *ZSTD_TESTS), "assembler, a large C program"
    ),
    "zstd-lto": Project(
        "libzstd",
        3,
        "make",
        (
            "export CFLAGS='-O2 -flto=auto' AR=gcc-ar; make -j$JOBS -C lib",
            *(f"export CFLAGS='-O2 -flto=auto' AR=gcc-ar; {step}" for step in ZSTD_TESTS),
        ),
        "gcc -flto",
    ),
    "zstd-musl": Project(
        "libzstd",
        1.5,
        "make musl-tools",
        (
            "make -j$JOBS -C programs zstd CC=\"musl-gcc $SELECT\" CFLAGS='-O1 -static' LDFLAGS=-static "
            + ZSTD_ALONE,
            f"for level in 1 9 19; do {ZSTD_ROUND} || exit 1; done",
        ),
        "musl, static",
    ),
    "musl": Project(
        "musl",
        2,
        "make",
        (
            "./configure --prefix=$PWD/out --syslibdir=$PWD/out/lib && make -j$JOBS && make install",
            *(
                f"{MUSL_COMPILER} {flags} -x c - {MUSL_PROGRAM}"
                for flags in ("", "-static", "-static-pie -fPIE")
            ),
        ),
        "a libc that is its own loader",
    ),
    "xz": Project(
        "xz-utils",
        3,
        "make",
        ("./configure -q", "make -j$JOBS", "make -j$JOBS check"),
        "symbol versions from .symver, libtool",
    ),
    "pcre2": Project(
        "pcre2",
        4,
        "make",
        ("./configure -q --enable-jit", "make -j$JOBS", "make -j$JOBS check"),
        "several libraries of one source, code made at run time",
    ),
    "wayland": Project(
        "wayland",
        0.5,
        "meson ninja-build pkg-config libffi-dev libexpat1-dev libxml2-dev",
        (
            "meson setup out -Ddocumentation=false -Ddtd_validation=false",
            "ninja -C out -j$JOBS",
            "meson test -C out --num-processes $JOBS --timeout-multiplier 4",
        ),
        "Meson",
    ),
    "libpng": Project(
        "libpng1.6",
        3,
        "make zlib1g-dev",
        ("./configure -q", "make -j$JOBS", "make -j$JOBS check"),
        "libtool",
    ),
    "fmt": Project(
        "fmtlib",
        6,
        "cmake ninja-build g++",
        (
            "cmake -G Ninja -B out -DBUILD_SHARED_LIBS=ON -DCMAKE_BUILD_TYPE=RelWithDebInfo",
            "ninja -C out -j$JOBS",
            "ctest --test-dir out -j$JOBS --output-on-failure",
        ),
        "CMake and Ninja",
    ),
    "googletest": Project(
        "googletest",
        8,
        "cmake ninja-build g++ python3",
        (
            "cmake -G Ninja -B out -Dgtest_build_tests=ON -Dgmock_build_tests=ON -DBUILD_SHARED_LIBS=ON",
            "ninja -C out -j$JOBS",
            "ctest --test-dir out -j$JOBS --output-on-failure",
        ),
        "CMake and Ninja, C++ with many templates",
    ),
    "redis": Project(
        "redis",
        6,
        "make tcl",
        (
            "make -j$JOBS MALLOC=libc OPTIMIZATION=-O1",
            f"$AS_USER true; ./runtest --clients 2 {REDIS_TESTS}",
        ),
        "a server that exports symbols to modules",
    ),
    "bash": Project(
        "bash",
        3,
        "make",
        (
            "./configure -q --without-bash-malloc",
            "make -s -j$JOBS",
            "make -s -j$JOBS -C examples/loadables basename seq cut",
            "./bash -c 'enable -f examples/loadables/seq seq && seq 3' | tr '\\n' , | grep -x 1,2,3,",
            "make -s tests",
        ),
        "a program that its plugins import from",
    ),
    "gmp": Project(
        "gmp",
        5,
        "make m4 g++",
        (
            # Debian leaves out the documentation, which configure wants.
            "mkdir -p doc && echo 'all check:' > doc/Makefile.in",
            "./configure -q --enable-cxx",
            "make -s -j$JOBS",
            "make -s -j$JOBS check",
        ),
        "much assembler, C and C++ libraries by libtool",
    ),
    "blas": Project(
        "lapack",
        3,
        "cmake ninja-build gfortran",
        (
            "cmake -G Ninja -B out -DBUILD_SHARED_LIBS=ON -DCBLAS=ON -DBUILD_TESTING=ON",
            "ninja -C out -j$JOBS blas cblas BLAS/TESTING/all CBLAS/testing/all",
            "ctest --test-dir out -j$JOBS --output-on-failure -R BLAS-x",
        ),
        "Fortran and C in one program",
    ),
    "sqlite": Project(
        "sqlite3",
        12,
        "make tcl-dev",
        (
            "mkdir out && cd out && ../configure -q CFLAGS='-O1 -g -DSQLITE_ENABLE_DBPAGE_VTAB'",
            "cd out && make -j$JOBS sqlite3 testfixture fuzzcheck",
            *SQLITE_CHECKS,
        ),
        "libtool",
    ),
    "cpython": Project(
        "python3.11",
        15,
        "make libffi-dev libsqlite3-dev libssl-dev zlib1g-dev",
        (
            "./configure -q --enable-shared CFLAGS='-O1 -g' LDFLAGS=-Wl,-rpath,$PWD",
            "make -s -j$JOBS",
            f"./python -m test -j$JOBS --timeout 600 {CPYTHON_TESTS}",
        ),
        "extension modules",
    ),
    "openssl": Project(
        "openssl",
        15,
        "make perl",
        ("CC=gcc ./Configure linux-x86_64 $SELECT", "make -s -j$JOBS", "HARNESS_JOBS=$JOBS make -s test"),
        "assembler, version scripts, engines",
    ),
    "jemalloc": Project(
        "jemalloc",
        5,
        "make autoconf",
        (
            "ls configure || ./autogen.sh",
            "./configure -q --enable-debug",
            "make -s -j$JOBS",
            "make -s -j$JOBS tests",
            "make -s check",
        ),
        "replaces the allocator, thread-local from the first allocation on",
    ),
    "luajit": Project(
        "luajit",
        1.5,
        "make",
        (
            'make -j$JOBS CC="$CC" HOST_CC="$CC"',
            "./src/luajit -e 'local n = 0; for i = 1, 1e7 do n = n + i end; assert(n == 50000005000000)'",
            './src/luajit -e \'local f = require"ffi"; f.cdef"int abs(int);"; assert(f.C.abs(-3) == 3)\'',
            "./src/luajit -e 'assert(not pcall(error))'",
        ),
        "code made at run time, unwinding through assembler",
    ),
    "elfutils": Project(
        "elfutils",
        10,
        "make m4 zlib1g-dev",
        (
            "CFLAGS='-g -O1' CXXFLAGS='-g -O1' ./configure -q --disable-debuginfod --disable-libdebuginfod",
            "make -s -j$JOBS",
            # It fails with GNU ld too where the debug information of libc is installed.
            "printf '#!/bin/sh\nexit 77\n' > tests/run-native-test.sh",
            # Some tests want a signal in time, and miss it on a busy machine.
            "make -s -j$JOBS check || make -s recheck",
        ),
        "reads its own files: symbols, debug information, notes",
    ),
    "valgrind": Project(
        "valgrind",
        12,
        "make autoconf automake",
        (
            "ls configure || ./autogen.sh",
            "./configure -q --enable-only64bit",
            "make -s -j$JOBS",
            # Its own test programs; one of them has addresses in its code.
            "make -s -C tests check && make -s -j$JOBS -C memcheck check LDFLAGS=-Wl,-z,notext",
            f"perl tests/vg_regtest {VALGRIND_TESTS} | tee report && grep '^== .* 0 stderr failures, 0 stdout' report",
        ),
        "static programs without libc, far from where others are",
    ),
    "re2": Project(
        "re2",
        3,
        "make unicode-data !python3",
        ("make -s -j$JOBS REBUILD_TABLES=1 CXXFLAGS='-O1 -g' static-test shared-test",),
        "C++ with a version script by mangled names",
    ),
    "util-linux": Project(
        "util-linux",
        8,
        "make bison",
        (
            f"./configure -q --disable-all-programs {UTIL_LINUX_PARTS}",
            "make -s -j$JOBS",
            "make -s -j$JOBS check-programs",
            f"./tests/run.sh --noskip-commands --srcdir=$PWD --builddir=$PWD {UTIL_LINUX_TESTS}",
        ),
        "five libraries with version scripts of many nodes",
    ),
    "harfbuzz": Project(
        "harfbuzz",
        10,
        "meson ninja-build pkg-config",
        (
            f"meson setup out --buildtype=debug -Dtests=enabled {HARFBUZZ_LEFT_OUT}",
            "ninja -C out -j$JOBS",
            "meson test -C out --num-processes $JOBS --timeout-multiplier 10",
        ),
        "C++ libraries by Meson",
    ),
    "ripgrep": Project(
        "crate:ripgrep",
        5,
        "!cargo",
        ("cargo test --locked -j $JOBS",),
        "Rust, procedural macros",
    ),
    "fd": Project(
        "crate:fd-find",
        3,
        "!cargo",
        # The versions that it was published with need not be there any more.
        ("cargo test -j $JOBS || { rm Cargo.lock && cargo test -j $JOBS; }",),
        "Rust, procedural macros, an allocator in C that a build script compiles",
    ),
    "go-sqlite3": Project(
        "go:github.com/mattn/go-sqlite3",
        4,
        "!go",
        (
            "go test -c -o out/sqlite3.test -ldflags \"-linkmode=external '-extld=gcc' '-extldflags=$SELECT'\" .",
            "./out/sqlite3.test -test.short",
        ),
        "Go, cgo, external linking",
    ),
}
