"""Symbols that everybody forgets the library of: (library, what to do) by name and by beginning of the
name.
"""

from __future__ import annotations

Advice = tuple[str, str]

MATH: Advice = ("libm", "it is in the math library: add -lm behind the objects")
THREADS: Advice = ("libpthread", "it is in the threads library: compile and link with -pthread")
LOADING: Advice = ("libdl", "it is in the library of the dynamic loader: add -ldl")
REAL_TIME: Advice = ("librt", "it is in the real-time library: add -lrt")
CXX: Advice = ("libstdc++", "it is in the C++ library: link with g++ or clang++ instead of gcc or clang")
LIBCXX: Advice = ("libc++", "it is in LLVM's C++ library: link with clang++ -stdlib=libc++")
UNWINDING: Advice = (
    "libgcc_s",
    "it is in the unwinder of the compiler: add -lgcc_s, or -lgcc_eh with -static",
)
ATOMIC: Advice = ("libatomic", "it is in the library of large atomic operations: add -latomic")
OPENMP: Advice = ("libgomp", "it is in the OpenMP library: link with -fopenmp")
LLVM_OPENMP: Advice = ("libomp", "it is in LLVM's OpenMP library: link with clang -fopenmp")
COMPILER: Advice = (
    "libgcc",
    "it is in the library of the compiler: add -lgcc, or clang's --rtlib=compiler-rt",
)
SANITIZER: Advice = (
    "libasan",
    "it is in a sanitizer's library: link with the -fsanitize options of the compilation",
)
COVERAGE: Advice = ("libgcov", "it is in the library of coverage: link with --coverage")
PROFILE: Advice = (
    "libclang_rt.profile",
    "it is in the library of profiles: link with -fprofile-instr-generate",
)
RUST: Advice = ("libstd", "it is in Rust's standard library: link with rustc or cargo")
ZLIB: Advice = ("libz", "it is in zlib: add -lz")

MATH_FUNCTIONS = (
    "acos acosh asin asinh atan atan2 atanh cbrt ceil copysign cos cosh erf erfc exp exp2 expm1 fabs fdim"
    " floor fma fmax fmin fmod frexp hypot ilogb ldexp lgamma llrint llround log log10 log1p log2 logb lrint"
    " lround modf nearbyint nextafter pow remainder remquo rint round scalbln scalbn sin sincos sinh sqrt tan"
    " tanh tgamma trunc"
)

KNOWN_NAMES: dict[str, Advice] = {
    **{name + suffix: MATH for name in MATH_FUNCTIONS.split() for suffix in ("", "f", "l")},
    **dict.fromkeys(("dlopen", "dlsym", "dlclose", "dlerror", "dladdr", "dlvsym"), LOADING),
    **dict.fromkeys(
        ("shm_open", "shm_unlink", "timer_create", "mq_open", "aio_read", "aio_write"), REAL_TIME
    ),
    **dict.fromkeys(("sem_init", "sem_post", "sem_wait", "sem_open", "sem_destroy"), THREADS),
    **dict.fromkeys(("inflate", "deflate", "inflateInit_", "deflateInit_", "zlibVersion"), ZLIB),
    **dict.fromkeys(("__rust_alloc", "__rust_dealloc", "__rust_realloc", "rust_eh_personality"), RUST),
    "__udivti3": COMPILER,
    "__divti3": COMPILER,
    "__umodti3": COMPILER,
    "__popcountdi2": COMPILER,
    "__muldc3": COMPILER,
    "__gxx_personality_v0": CXX,
}

KNOWN_BEGINNINGS: tuple[tuple[tuple[str, ...], Advice], ...] = (
    (("pthread_",), THREADS),
    (("_ZNSt3__1", "_ZNKSt3__1", "_ZTVNSt3__1", "_ZTINSt3__1"), LIBCXX),
    (
        ("_ZNSt", "_ZNKSt", "_ZSt", "_ZTVNSt", "_ZTVSt", "_ZTISt", "_ZTVN10__cxxabiv1", "_ZTIN10__cxxabiv1"),
        CXX,
    ),
    (("_Znwm", "_Znam", "_ZdlPv", "_ZdaPv", "__cxa_"), CXX),
    (("_Unwind_",), UNWINDING),
    (("__atomic_",), ATOMIC),
    (("GOMP_", "omp_"), OPENMP),
    (("__kmpc_",), LLVM_OPENMP),
    (("__asan_", "__ubsan_", "__tsan_", "__msan_", "__lsan_", "__hwasan_", "__sanitizer_"), SANITIZER),
    (("__gcov_", "llvm_gcda_", "llvm_gcov_"), COVERAGE),
    (("__llvm_profile_",), PROFILE),
)
