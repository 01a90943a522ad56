"""Do the tests notice when the policy is changed? Cosmic Ray changes one operator, constant or branch at a time.

    mutants.py [--seconds N] [--sample N] [MODULE …]      see MODULES for which there are

It works on a copy of the package in build/mutants, whose commands the tests use, so the checkout stays as it is. A
mutant is killed if a test fails; survivors are shown and kept in build/mutants/MODULE.diff. The tests of a module are
those that are quick and are about it, so a survivor may be killed by others; it is a hint where to look.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "build" / "mutants"
TIMEOUT = 60  # seconds for the tests of one mutant
# Module -> the tests that are about it.
MODULES = {
    "expression": ["test_expression.py"],
    "versions": ["test_versions.py", "test_version_script.py"],
    "options": ["test_options.py", "test_option_tables.py"],
    "script": ["test_script.py"],
    "segments": ["test_layout.py", "test_relro.py"],
    "layout": ["test_layout.py", "test_relro.py"],
    "dynamic": ["test_dynamic_tags.py"],
    "own_symbols": ["test_linker_symbols.py", "test_defsym.py"],
}
CONFIG = """\
[cosmic-ray]
module-path = "{module}"
timeout = {timeout}
excluded-modules = []
test-command = "{command}"

[cosmic-ray.distributor]
name = "local"
"""


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("modules", nargs="*", metavar="MODULE", help=f"of {', '.join(MODULES)}; all without")
    parser.add_argument("--seconds", type=int, default=600, help="stop each module after so long (600)")
    parser.add_argument(
        "--sample", type=int, default=0, help="only so many mutants of each module, chosen at random"
    )
    parser.add_argument("--seed", type=int, default=0, help="of that choice (0)")
    arguments = parser.parse_args()
    unknown = set(arguments.modules) - MODULES.keys()
    if unknown:
        parser.error(f"no tests are known for {', '.join(sorted(unknown))}")
    for module in arguments.modules or MODULES:
        copy_package()
        run_module(module, arguments)


def copy_package() -> None:
    """A fresh copy, without anything that an interpreter has made of the sources."""
    shutil.rmtree(FOLDER / "lib", ignore_errors=True)
    shutil.copytree(
        ROOT / "src", FOLDER / "lib", ignore=shutil.ignore_patterns("__pycache__", "*.c", "*.egg-info")
    )
    launchers = [ROOT / "tools" / "launchers.py", ROOT / ".venv/bin/python", FOLDER / "bin", FOLDER / "lib"]
    subprocess.run([sys.executable, *launchers, "mutants"], check=True)


def run_module(module: str, arguments: argparse.Namespace) -> None:
    source = FOLDER / "lib" / "wild" / f"{module}.py"
    config, session = FOLDER / f"{module}.toml", FOLDER / f"{module}.sqlite"
    tests = " ".join(str(ROOT / "tests" / name) for name in MODULES[module])
    python = ROOT / ".venv" / "bin" / "python"
    command = f"{python} -m pytest -x -q -p no:cacheprovider -o pythonpath={FOLDER / 'lib'} {tests}"
    config.write_text(CONFIG.format(module=source, timeout=TIMEOUT, command=command))
    session.unlink(missing_ok=True)
    # An old .pyc would hide a mutant of the same size and second.
    environment = os.environ | {
        "WILD_TEST_LINKER": str(FOLDER / "bin" / "wild"),
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    subprocess.run(command.split(), env=environment, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    cosmic_ray = [str(python), "-m", "cosmic_ray.cli"]
    subprocess.run([*cosmic_ray, "init", config, session], env=environment, cwd=ROOT, check=True)
    choose(session, arguments.sample, arguments.seed)
    begun = time.monotonic()
    running = subprocess.Popen([*cosmic_ray, "exec", str(config), str(session)], env=environment, cwd=ROOT)
    try:
        running.wait(arguments.seconds)
    except subprocess.TimeoutExpired:
        running.terminate()
        running.wait()
    report(module, session, time.monotonic() - begun)


def choose(session: Path, count: int, seed: int) -> None:
    """Leave so many mutants, in random order so that one cut short is a sample, too."""
    from cosmic_ray.work_db import WorkDB, use_db

    with use_db(str(session), WorkDB.Mode.open) as database:
        items = [item for item in database.work_items if not any(map(is_annotation, item.mutations))]
        random.Random(seed).shuffle(items)
        database.clear()
        database.add_work_items(items[: count or len(items)])


def is_annotation(mutation: Any) -> bool:
    """Is it about a type, `int | None`, which nobody evaluates?"""
    line = Path(mutation.module_path).read_text().splitlines()[mutation.start_pos[0] - 1]
    return "BinaryOperator_BitOr" in mutation.operator_name and ("->" in line or ": " in line)


def report(module: str, session: Path, seconds: float) -> None:
    """Counts, and the survivors."""
    from cosmic_ray.work_db import WorkDB, use_db
    from cosmic_ray.work_item import TestOutcome

    with use_db(str(session), WorkDB.Mode.open) as database:
        done = list(database.completed_work_items)
        total = database.num_work_items
    outcomes = [result.test_outcome for _, result in done]
    survivors = [result.diff or "" for _, result in done if result.test_outcome == TestOutcome.SURVIVED]
    (FOLDER / f"{module}.diff").write_text("\n".join(survivors))
    print("\n".join(survivors))
    killed = outcomes.count(TestOutcome.KILLED)
    print(
        f"{module}: {killed} killed, {len(survivors)} survived, {len(done) - killed - len(survivors)} did not run, "
        f"{total - len(done)} of {total} not tried, {seconds:.0f} s",
        flush=True,
    )


if __name__ == "__main__":
    main()
