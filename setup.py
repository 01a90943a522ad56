"""Lists the kernels and their compiler flags; all metadata is in pyproject.toml.

All kernels are linked into one library, from which `wild.kernels` imports each: thirty libraries would take
two milliseconds more to load at every start.

`WILD_BUILD` picks a variant. `release` is built in place (or into a wheel); every other variant gets a
package of its own under `build/<variant>/lib`, so that it can stand beside the release build.
"""

import multiprocessing
import os
import shutil
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from Cython.Build import cythonize
from Cython.Compiler import Options
from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext
from setuptools.command.build_py import build_py
from setuptools.errors import CompileError

Options.warning_errors = True  # a misspelt C type is only a warning, and makes the variable a Python object
# To make them would take a hundredth of the time of a small link; they are in the sources.
Options.docstrings = False
multiprocessing.set_start_method("fork", force=True)  # so that it holds in cythonize's workers too

DIRECTIVES = {
    "language_level": 3,
    "boundscheck": False,
    "wraparound": False,
    "cdivision": True,
    "initializedcheck": False,
    "binding": False,
    "auto_pickle": False,  # saves 0.1 ms of import per module with classes
}
# Interpreters are built with -Wsign-compare and pass that on; Cython's own comparisons trigger it.
QUIET = "-Wno-sign-compare"
IMPORT_ONCE = "src/wild/kernels/import_once.h"
LOADER = "src/wild/kernel_library.c"
# Cython compresses what texts a kernel has, and seventy kernels would decompress theirs at every start.
PLAIN_TEXTS = ["-DCYTHON_COMPRESS_STRINGS=0", "-Wno-unused-function"]  # of which the decompressor is then one
EVERYWHERE = [QUIET, *PLAIN_TEXTS, "-include", IMPORT_ONCE]
COMMON = ["-O2", "-fno-semantic-interposition", "-fvisibility=hidden", *EVERYWHERE]
CHECKED = ["-O1", "-g", "-UNDEBUG", "-fno-omit-frame-pointer", *EVERYWHERE]
SANITIZERS = "-fsanitize=address,undefined"
# variant -> (compiler flags, linker flags); they come after the interpreter's own, so the last -O and -g win
VARIANTS = {
    "release": ([*COMMON, "-g0"], ["-Wl,-s"]),
    "profile": ([*COMMON, "-g", "-fno-omit-frame-pointer"], []),
    "debug": ([*CHECKED, "-Og"], []),
    "coverage": ([*CHECKED, "-DCYTHON_TRACE=1", "-DCYTHON_TRACE_NOGIL=1"], []),
    # Compiled by clang: libFuzzer sees which branches of kernels an input reaches (fuzz/fuzz.py).
    "fuzz": ([*CHECKED, "-fsanitize=address,fuzzer-no-link"], ["-fsanitize=address,fuzzer-no-link"]),
    "asan": ([*CHECKED, SANITIZERS, "-fno-sanitize-recover=undefined"], [SANITIZERS]),
}

CLANGS = ("clang", *(f"clang-{version}" for version in range(24, 13, -1)))

variant = os.environ.get("WILD_BUILD") or "release"
if variant not in VARIANTS:
    raise SystemExit(f"WILD_BUILD={variant}: unknown variant; known are {', '.join(VARIANTS)}")
compile_flags, link_flags = VARIANTS[variant]
if variant == "fuzz":
    os.environ.setdefault("CC", next((path for path in map(shutil.which, CLANGS) if path), "clang"))
jobs = len(os.sched_getaffinity(0))


def is_newer(path: str | Path, product: str | Path) -> bool:
    """Was the file changed after the product was made, or is there no product?"""
    return not os.path.exists(product) or os.path.getmtime(path) > os.path.getmtime(product)


class Kernel(Extension):
    """What cythonize translates; hashable, which `exclude_failures` needs and recent setuptools took away."""

    __hash__ = object.__hash__


sources = [path for path in sorted(Path("src/wild/kernels").glob("*.py")) if path.name != "__init__.py"]
kernels = [Kernel(f"wild.kernels.{path.stem}", [str(path)]) for path in sources]
# The coverage plug-in looks for the generated C beside the source; other variants keep the source tree clean.
generated = None if variant == "coverage" else f"build/{variant}/c"
tracing = {"linetrace": True} if variant == "coverage" else {}

# Cython makes a C file anew when the kernel or a header that it cimports has changed, but not when the
# directives above have.
for path in Path(generated or "src/wild/kernels").rglob("*.c"):
    if is_newer("setup.py", path):
        path.unlink()

translated = cythonize(
    kernels,
    include_path=["src"],
    build_dir=generated,
    compiler_directives=DIRECTIVES | tracing,
    nthreads=jobs if len(kernels) > 1 else 0,
    emit_linenums=True,
    quiet=True,
    cache=os.environ.get("WILD_KERNEL_CACHE") or False,  # a directory that several checkouts may share
    exclude_failures=True,  # as with `make -k`: one broken kernel does not hide the errors of the others
)
broken = {kernel.name for kernel in kernels} - {kernel.name for kernel in translated}
library = Extension(
    "wild.kernels._library", [LOADER, *(source for kernel in translated for source in kernel.sources)]
)


class BuildLibrary(build_ext):
    """Compiles each kernel whose C is new, several at a time, and links all of them into one library.

    If a kernel fails, the library stays what it was: it is made of kernels that belong together.
    """

    def build_extension(self, ext: Extension) -> None:
        with ThreadPoolExecutor(jobs) as pool:
            compiled = pool.map(self.compile_if_new, ext.sources)
            objects = [path for path in compiled if path]
        if broken:
            raise CompileError(f"not built because of the messages above: {', '.join(sorted(broken))}")
        path = self.get_ext_fullpath(ext.name)
        if any(is_newer(object_file, path) for object_file in objects):
            self.mkpath(os.path.dirname(path))
            self.compiler.link_shared_object(objects, path, extra_postargs=link_flags)

    def compile_if_new(self, source: str) -> str | None:
        """The object file of a C file; None if the C compiler refuses it, after its messages."""
        path = self.compiler.object_filenames([source], output_dir=self.build_temp)[0]
        if is_newer(source, path) or is_newer(IMPORT_ONCE, path):
            try:
                self.compiler.compile([source], output_dir=self.build_temp, extra_postargs=compile_flags)
            except CompileError:
                Path(path).unlink(missing_ok=True)
                broken.add(f"wild.kernels.{Path(source).stem}")
                return None
        return path


def write_launcher(path: Path) -> str:
    """Write the launcher of an installed package, for the interpreter that the kernels are compiled for."""
    text = Path("tools/launcher.sh").read_text(encoding="utf-8")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text.replace("@PYTHON@", f"python{sys.version_info[0]}.{sys.version_info[1]}"))
    path.chmod(0o755)
    return str(path)


class BuildPackage(build_py):
    """Adds `wild/gcc/ld`, the file that `gcc -B` looks for."""

    def run(self) -> None:
        super().run()
        if not self.editable_mode:
            write_launcher(self.gcc_ld())

    def gcc_ld(self) -> Path:
        return Path(self.build_lib, "wild", "gcc", "ld")

    def get_outputs(self, include_bytecode: bool = True) -> list[str]:
        return [*super().get_outputs(include_bytecode), str(self.gcc_ld())]


# Data scripts: pip copies them as they are, where it would drop the arguments of a Python first line.
scripts = [write_launcher(Path(f"build/{variant}/scripts/{name}")) for name in ("wild", "ld.wild")]
places = {"build_base": f"build/{variant}"}
if variant != "release":
    places["build_lib"] = f"build/{variant}/lib"
setup(
    ext_modules=[library],
    scripts=scripts,
    cmdclass={"build_ext": BuildLibrary, "build_py": BuildPackage},
    options={"build": places},
)
