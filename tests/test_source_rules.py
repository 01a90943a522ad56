"""The rules that reviews would otherwise repeat: layers, lengths, start-up imports, what texts may say.

Every exception is written down here, with its reason. CONTRIBUTING.md explains the rules.
"""

from __future__ import annotations

import ast
import os
import re
import statistics
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from wild import VERSION
from wild.cli import SUBCOMMANDS
from wild.kernels import LIBRARY

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "src" / "wild"
KERNELS = sorted((PACKAGE / "kernels").glob("[!_]*.py"))
POLICY = sorted(path for path in PACKAGE.rglob("*.py") if path.parent.name != "kernels")
PYTHON = ROOT / ".venv" / "bin" / "python"


def relative(path: Path) -> str:
    return str(path.relative_to(ROOT))


@cache
def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


@cache
def tracked_files() -> tuple[Path, ...]:
    """What git tracks or would track; everything that is no build product where git is not at hand."""
    command = ["git", "-C", str(ROOT), "ls-files", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, capture_output=True, text=True, check=False)
    if listed.returncode == 0:
        return tuple(path for name in listed.stdout.splitlines() if (path := ROOT / name).is_file())
    built = {".git", ".venv", "build", "__pycache__"}
    return tuple(path for path in ROOT.rglob("*") if path.is_file() and not built & set(path.parts))


@cache
def python_files() -> tuple[Path, ...]:
    """Those that parse; another test reports the others."""
    return tuple(path for path in tracked_files() if path.suffix == ".py" and syntax_error_in(path) is None)


def syntax_error_in(path: Path) -> str | None:
    try:
        tree_of(path)
    except SyntaxError as error:
        return f"{relative(path)}:{error.lineno}: {error.msg}"
    return None


def test_all_files_are_python():
    """Kernels too, so that the same tools read them: what has no Python syntax belongs into a .pxd."""
    errors = [syntax_error_in(path) for path in tracked_files() if path.suffix == ".py"]

    assert [error for error in errors if error] == []


# --- layers ------------------------------------------------------------------------------------------------

# Modules that know nothing of how a link is done: they import one another and no kernel, so that they load
# fast and are tested alone.
FRONT_END = frozenset(
    """
    cli errors expression help ignored_options keyword_table messages option_effects option_table option_values options
    rare_effects response script
    """.split()
)
FRONT_END_EXCEPTIONS = {
    ("cli", "bundle"): "it makes the imports after it cheaper",
    ("cli", "default_script"): "only --verbose prints it",
    ("cli", "incremental.request"): "an incremental link may be over before options are read",
    ("cli", "incremental.session"): "for a type only",
    ("cli", "link"): "that is what the command does",
    ("cli", "reference"): "the link is checked when it is done",
    ("cli", "save"): "a link is saved before it is done, so that one that crashes is saved too",
    ("script", "scripted.parser"): "scripts that lay out the output are rare",
    ("script", "scripted.tree"): "what that returns",
    ("response", "kernels.tokens"): "a response file can have ten million bytes",
}


def imported_modules(path: Path) -> Iterator[tuple[str, int]]:
    """Every module that the file imports or cimports anywhere, with the line; without `cython.cimports.`."""
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{relative(path)}:{node.lineno}: imports are absolute"
            module = node.module or ""
            is_package = module.removeprefix("cython.cimports.") in ("wild", "wild.kernels", "wild.machine")
            modules_of_it = [alias.name for alias in node.names if is_package and alias.name.islower()]
            names = [f"{module}.{name}" for name in modules_of_it] or [module]
        else:
            continue
        yield from ((name.removeprefix("cython.cimports."), node.lineno) for name in names)


@pytest.mark.parametrize("path", KERNELS, ids=relative)
def test_a_kernel_imports_only_kernels_and_errors(path):
    wrong = [
        f"{relative(path)}:{line}: {name}"
        for name, line in imported_modules(path)
        if name.partition(".")[0] == "wild"
        and not name.startswith("wild.kernels.")
        and name not in ("wild.errors", "wild.faults")
    ]

    assert wrong == []


@pytest.mark.parametrize("path", sorted((PACKAGE / "kernels").glob("[!_]*.p*")), ids=relative)
def test_cimports_name_the_module(path):
    """Cython does not track `from cython.cimports.wild.kernels import x`, so would miss a change of x."""
    package = r"(cython\.cimports\.)?wild(\.kernels)?"
    untracked = re.compile(rf"^\s*(from\s+{package}\s+c?import|cimport\s+wild)\b", re.M)

    assert untracked.search(path.read_text(encoding="utf-8")) is None


@pytest.mark.parametrize("module", sorted(FRONT_END))
def test_the_front_end_imports_only_the_front_end(module):
    path = PACKAGE / f"{module}.py"

    wrong = [
        f"{relative(path)}:{line}: {name}"
        for name, line in imported_modules(path)
        if name.startswith("wild.")
        and name.removeprefix("wild.") not in FRONT_END
        and (module, name.removeprefix("wild.")) not in FRONT_END_EXCEPTIONS
    ]
    assert wrong == []


@pytest.mark.parametrize("path", POLICY, ids=relative)
def test_policy_does_not_reach_inside_a_kernel(path):
    """No cimport, no import of cython (12 ms, absent at run time), no name with an underscore before it."""
    wrong = []
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("wild.kernels"):
            wrong += [f"{node.lineno}: {alias.name}" for alias in node.names if alias.name.startswith("_")]
    wrong += [
        f"{line}: {name}" for name, line in imported_modules(path) if name.partition(".")[0] == "cython"
    ]

    assert wrong == []


# What else writes to a standard stream, and why it is not done by returning the text.
PRINTING = {
    "cli.py": "the place for it",
    "show_log.py": "a command of its own, whose answer goes to standard output",
    "diff_objects.py": "the same",
    "clock.py": "--time: the times of a link that then fails are wanted too",
}


@pytest.mark.parametrize("path", POLICY, ids=relative)
def test_only_the_command_line_prints(path):
    if path.name in PRINTING:
        pytest.skip(PRINTING[path.name])
    if f"wild.{path.stem}" in SUBCOMMANDS.values():
        pytest.skip("a command of its own, whose answer goes to standard output")
    prints = [
        f"{relative(path)}:{node.lineno}"
        for node in ast.walk(tree_of(path))
        if (isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print")
        or (isinstance(node, ast.Attribute) and ast.unparse(node) in ("sys.stdout", "sys.stderr"))
    ]

    assert prints == []


COMPARING_MACHINES = {
    "faults.py": "it names the machine of an input that is for another one",
}


@pytest.mark.parametrize("path", POLICY + KERNELS, ids=relative)
def test_machines_are_not_compared_outside_their_modules(path):
    """What differs between machines is read from a machine's table; see docs/design.md."""
    if path.parent.name == "machine" or path.name in COMPARING_MACHINES:
        pytest.skip(COMPARING_MACHINES.get(path.name, "a machine's own module"))
    wrong = [
        f"{relative(path)}:{node.lineno}"
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.Compare) and ast.unparse(node.left).rpartition(".")[2] == "machine"
    ]

    assert wrong == []


FILLED_PACKAGES = {
    "src/wild/kernels/__init__.py": "the finder that imports kernels from their library",
    "src/wild/__init__.py": "the version, which every text that names it reads from there",
}


def test_packages_are_empty():
    """`import wild.x` runs every __init__ on the way, and a link pays for it."""
    filled = {
        relative(init)
        for init in PACKAGE.rglob("__init__.py")
        if any(not isinstance(node, ast.Expr) for node in tree_of(init).body)
    }

    assert filled == set(FILLED_PACKAGES)


# --- lengths -----------------------------------------------------------------------------------------------

FILE_LINES, KERNEL_LINES = 500, 400
FUNCTION_MEDIAN, FUNCTION_P90, FUNCTION_MAXIMUM = 10, 30, 60
# path -> (lines allowed, reason)
LONG_FILES: dict[str, tuple[int, str]] = {}
# path::function -> (lines allowed, reason)
LONG_FUNCTIONS: dict[str, tuple[int, str]] = {}


def test_files_are_short():
    long = {}
    for path in tracked_files():
        if path.suffix in (".py", ".pxd", ".pyi", ".sh"):
            limit = KERNEL_LINES if path.parent.name == "kernels" else FILE_LINES
            limit, _ = LONG_FILES.get(relative(path), (limit, ""))
            lines = len(path.read_text(encoding="utf-8").splitlines())
            if lines > limit:
                long[relative(path)] = f"{lines} lines, limit {limit}"

    assert long == {}


def code_lines(function: ast.FunctionDef) -> int:
    """Lines from `def` to the end, without the docstring: a rule must not punish documentation."""
    first = function.body[0]
    has_docstring = ast.get_docstring(function) is not None
    docstring = (first.end_lineno or first.lineno) - first.lineno + 1 if has_docstring else 0
    return (function.end_lineno or function.lineno) - function.lineno + 1 - docstring


def functions_of(path: Path) -> dict[str, int]:
    found = (node for node in ast.walk(tree_of(path)) if isinstance(node, ast.FunctionDef))
    return {f"{relative(path)}::{function.name}": code_lines(function) for function in found}


def test_no_function_is_long():
    lengths = {name: lines for path in python_files() for name, lines in functions_of(path).items()}

    long = {
        name: lines
        for name, lines in lengths.items()
        if lines > LONG_FUNCTIONS.get(name, (FUNCTION_MAXIMUM, ""))[0]
    }
    assert long == {}


def test_most_functions_are_short():
    lengths = sorted(
        lines for path in python_files() if PACKAGE in path.parents for lines in functions_of(path).values()
    )
    if len(lengths) < 50:
        pytest.skip("too few functions for a distribution")

    assert statistics.median(lengths) <= FUNCTION_MEDIAN
    assert lengths[len(lengths) * 9 // 10] <= FUNCTION_P90


def test_exceptions_are_still_needed():
    lengths = {name: lines for path in python_files() for name, lines in functions_of(path).items()}
    stale = [name for name in LONG_FUNCTIONS if lengths.get(name, 0) <= FUNCTION_MAXIMUM]
    stale += [name for name in LONG_FILES if not (ROOT / name).is_file()]

    assert stale == []


def test_every_module_says_what_it_is():
    silent = [
        relative(path)
        for path in python_files()
        if path.stat().st_size > 0 and ast.get_docstring(tree_of(path)) is None
    ]

    assert silent == []


# --- start-up ----------------------------------------------------------------------------------------------

# Loaded by the interpreter itself, built in, or under 0.3 ms (measured; see docs/decisions).
FREE = set(
    """
    __future__ _abc _blake2 _codecs _frozen_importlib _frozen_importlib_external _imp _io _md5 _sha1 _signal
    _struct _thread _warnings _weakref abc builtins codecs encodings encodings.aliases encodings.utf_8 errno
    fcntl gc io itertools marshal mmap posix resource struct sys time zipimport zlib
    """.split()
)
VERSION_MODULES = {"wild", "wild.cli"}


def modules_loaded_by(*command: str | Path) -> set[str]:
    """The modules that `python -IS -X importtime` reports for a run of the linker."""
    started = [PYTHON, "-IS", "-X", "importtime", PACKAGE / "launch.py", *command]
    done = subprocess.run(started, capture_output=True, text=True, check=True)
    rows = (line.rpartition("|") for line in done.stderr.splitlines() if line.startswith("import time:"))
    return {module.strip() for _, _, module in rows} - {"imported package"}


def test_the_version_loads_next_to_nothing():
    loaded = modules_loaded_by("wild", "--version")

    assert loaded - FREE == VERSION_MODULES


def test_a_link_loads_nothing_slow(tmp_path):
    if not (PACKAGE / "link.py").is_file():
        pytest.skip("this tree cannot link yet")
    source = tmp_path / "start.s"
    source.write_text(".globl _start\n_start: mov $60, %eax\n xor %edi, %edi\n syscall\n")
    subprocess.run(["gcc", "-c", source, "-o", tmp_path / "start.o"], check=True)

    link = ("wild", "-o", tmp_path / "program", tmp_path / "start.o")
    modules_loaded_by(*link)  # the first link may write the bundle (bundle.py)

    loaded = modules_loaded_by(*link)

    assert {name for name in loaded - FREE if name.partition(".")[0] != "wild"} == set()


# --- kernels -----------------------------------------------------------------------------------------------


def test_kernels_need_only_libc():
    """libstdc++ or libgomp would cost half a millisecond at every start."""
    listed = subprocess.run(["ldd", LIBRARY], capture_output=True, text=True, check=True).stdout
    libraries = {line.split()[0].rpartition("/")[2] for line in listed.splitlines()}

    assert libraries <= {"linux-vdso.so.1", "libc.so.6", "ld-linux-x86-64.so.2"}


@pytest.mark.parametrize("kernel", KERNELS, ids=relative)
def test_importing_a_kernel_loads_only_the_package(kernel):
    code = f"import sys; sys.path.insert(0, {str(PACKAGE.parent)!r}); import wild.kernels.{kernel.stem}"
    done = subprocess.run(
        [PYTHON, "-IS", "-X", "importtime", "-c", code], capture_output=True, text=True, check=True
    )
    loaded = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines() if "|" in line}

    outside = {name for name in loaded - FREE - {"imported package"} if name.partition(".")[0] != "wild"}
    assert outside == set()


def visible_functions(tree: ast.Module) -> set[str]:
    """What Python can call, as `function` and `Class.method`, without special methods."""
    found = set()
    for owner, body in [("", tree.body), *((node.name, node.body) for node in tree.body if is_class(node))]:
        for node in body:
            if isinstance(node, ast.FunctionDef) and not node.name.startswith("_"):
                decorators = {ast.unparse(decorator) for decorator in node.decorator_list}
                if "cython.cfunc" not in decorators:
                    found.add(f"{owner}.{node.name}".lstrip("."))
    return found


def is_class(node: ast.stmt) -> bool:
    return isinstance(node, ast.ClassDef)


@pytest.mark.parametrize("kernel", KERNELS, ids=relative)
def test_a_kernel_is_described_to_type_checkers(kernel):
    """They cannot read C types, so what policy may call stands in a .pyi beside the kernel."""
    described = kernel.with_suffix(".pyi")
    visible = visible_functions(tree_of(kernel))
    if not visible:
        pytest.skip("other kernels use it, policy does not")

    assert described.is_file(), f"{relative(described)} is missing; it has to name {sorted(visible)}"
    assert visible_functions(tree_of(described)) == visible


def test_a_misspelt_type_stops_the_build(tmp_path):
    """Cython only warns about it, and makes the variable a Python object."""
    kernels = tmp_path / "src" / "wild" / "kernels"
    kernels.mkdir(parents=True)
    (kernels / "__init__.py").touch()
    (kernels / "misspelt.py").write_text("def twice(x: unit64_t):\n    return x + x\n")
    (tmp_path / "tools").symlink_to(ROOT / "tools")
    for name in ("setup.py", "pyproject.toml", "README.md"):
        (tmp_path / name).symlink_to(ROOT / name)
    for name in ("__init__.py", "kernel_library.c"):
        (kernels.parent / name).symlink_to(PACKAGE / name)

    done = subprocess.run(
        [PYTHON, "setup.py", "-q", "build_ext", "--inplace"],
        cwd=tmp_path,
        env={name: value for name, value in os.environ.items() if name != "WILD_KERNEL_CACHE"},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode != 0
    assert "Unknown type declaration 'unit64_t'" in done.stdout + done.stderr
    assert list(kernels.glob("*.so")) == []


# --- texts -------------------------------------------------------------------------------------------------

# One letter of each word is in brackets, because this file is searched too.
FORBIDDEN = {
    r"/[h]ome/\w|/[r]oot/|/[w]ork/": "a path of somebody's machine",
    r"[p]ypi\.org|[f]iles\.pythonhosted|[c]rates\.io": "the host of a package registry",
    r"\b[A]I\b|(?i:\b[a]ssistants?\b|\b[l]lms?\b|\b[c]hat-?bots?\b|\b[c]laude\b)": "how the text was written",
    r"\b[T]ODO\b|\b[F]IXME\b|\b[X]XX\b|(?i:\b[i]ssue #?\d)": "work that belongs into the tracker",
}


@cache
def text_of(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return None


def text_files() -> Iterator[tuple[str, str]]:
    for path in tracked_files():
        text = text_of(path)
        if text is not None:
            yield relative(path), text


def test_only_tests_have_files_that_are_not_text():
    """Others would be something that a build or a test has left behind."""
    binary = [relative(path) for path in tracked_files() if text_of(path) is None]

    assert [name for name in binary if not name.startswith(("tests/", "fuzz/seeds/"))] == []


@pytest.mark.parametrize("pattern", FORBIDDEN, ids=FORBIDDEN.get)
def test_texts_do_not_mention(pattern):
    found = [
        f"{name}:{number}: {line.strip()}"
        for name, text in text_files()
        for number, line in enumerate(text.splitlines(), 1)
        if re.search(pattern, line)
    ]

    assert found == []


def test_the_version_is_written_in_one_place():
    history = "CHANGELOG.md"
    naming = [
        name for name, text in text_files() if re.search(rf"(?<![\d.]){re.escape(VERSION)}(?![\d.])", text)
    ]

    assert [name for name in naming if name != history] == ["src/wild/__init__.py"]


def test_the_interpreter_is_the_oldest_supported_or_newer():
    assert sys.version_info >= (3, 11)
