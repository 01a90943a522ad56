"""Writes the commands of a checkout: `wild`, `ld.wild` and `linker-diff` in a bin directory, `ld` in the package.

They start the interpreter directly from their first line, isolated, without site and without a search for the
locale's encoding, which is the fastest start there is; a wheel cannot know its interpreter's path and uses
launcher.sh instead (see setup.py).

Usage: launchers.py PYTHON BIN-DIRECTORY SOURCE-DIRECTORY [VARIANT]
"""

from __future__ import annotations

import os
import subprocess
import sys

DIRECT = """\
#!{python} -ISXutf8
import sys

sys.path.insert(0, {source!r})

from wild.cli import main

main(sys.argv)
"""

# For paths the kernel cannot take from a first line (a space, or longer than its buffer).
INDIRECT = """\
#!/bin/sh
exec '{python}' -ISXutf8 '{source}/wild/launch.py' "$0" "$@"
"""

# Runs any command with the sanitizers' libraries in front, which the interpreter was not linked with. Leaks
# are not reported: the interpreter keeps memory to its end.
SANITIZED_ENVIRONMENT = """\
#!/bin/sh
LD_PRELOAD="{libraries} $LD_PRELOAD" PYTHONMALLOC=malloc ASAN_OPTIONS="detect_leaks=0:$ASAN_OPTIONS" exec "$@"
"""

# Not isolated, because that would ignore PYTHONMALLOC; -sP leaves out user packages and the script's place.
SANITIZED = """\
#!/bin/sh
exec sh '{bin_directory}/environment' '{python}' -sPS '{source}/wild/launch.py' "$0" "$@"
"""

# Coverage is written before the process ends, which it does without telling the interpreter.
COVERED = """\
#!{python} -sP
import posix
import sys

import coverage

sys.path.insert(0, {source!r})
measured = coverage.Coverage(data_file={data!r}, data_suffix=True, config_file={configuration!r})
end_process = posix._exit


def save_and_exit(status):
    measured.stop()
    measured.save()
    end_process(status)


posix._exit = save_and_exit
measured.start()
from wild.cli import main

main(sys.argv)
"""

# linker-diff is no part of a link, and may take its time to start.
LINKER_DIFF = """\
#!/bin/sh
exec '{python}' -IS -c '
import sys
sys.path.insert(0, sys.argv.pop(1))
from linker_diff.cli import main
main()' '{source}' "$@"
"""

FIRST_LINE_LIMIT = 127  # BINPRM_BUF_SIZE before Linux 5.1


def launcher_text(python: str, source: str) -> str:
    """The text of a launcher that runs the package under `source` with `python`; both are absolute paths."""
    first_line = f"#!{python} -ISXutf8"
    direct = len(first_line) <= FIRST_LINE_LIMIT and not any(c.isspace() for c in python)
    return (DIRECT if direct else INDIRECT).format(python=python, source=source)


def sanitizer_libraries() -> str:
    """The compiler's run-time libraries, as one value for LD_PRELOAD."""
    names = ("libasan.so", "libubsan.so")
    found = [
        subprocess.check_output(["gcc", f"-print-file-name={name}"], text=True).strip() for name in names
    ]
    return " ".join(os.path.realpath(path) for path in found)


def fuzzer_library() -> str:
    """The address sanitizer together with libFuzzer, which comes with Atheris (the interpreter has neither)."""
    from importlib import import_module

    return f"{import_module('atheris').path()}/asan_with_fuzzer.so"


def write_executable(path: str, text: str) -> None:
    """Replace `path` in one step, because a compile may be starting the old one right now."""
    os.makedirs(os.path.dirname(path), exist_ok=True)
    beside = f"{path}.{os.getpid()}"
    with open(beside, "w", encoding="utf-8") as file:
        file.write(text)
    os.chmod(beside, 0o755)
    os.replace(beside, path)


def main(python: str, bin_directory: str, source: str, variant: str = "release") -> None:
    """Write the launchers, and for sanitized variants the `environment` that runs other commands likewise."""
    python, bin_directory, source = (os.path.abspath(path) for path in (python, bin_directory, source))
    text = launcher_text(python, source)
    if variant == "coverage":
        # Links run anywhere; the path in the configuration counts from where they do.
        data, configuration = os.path.abspath("build/coverage/data"), os.path.abspath("pyproject.toml")
        text = COVERED.format(python=python, source=source, configuration=configuration, data=data)
    if variant in ("asan", "fuzz"):
        libraries = sanitizer_libraries() if variant == "asan" else fuzzer_library()
        environment = SANITIZED_ENVIRONMENT.format(libraries=libraries)
        write_executable(f"{bin_directory}/environment", environment)
        text = SANITIZED.format(bin_directory=bin_directory, python=python, source=source)
    for path in (f"{bin_directory}/wild", f"{bin_directory}/ld.wild", f"{source}/wild/gcc/ld"):
        write_executable(path, text)
    write_executable(f"{bin_directory}/linker-diff", LINKER_DIFF.format(python=python, source=source))


if __name__ == "__main__":
    main(*sys.argv[1:])
