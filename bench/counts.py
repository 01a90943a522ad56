#!/usr/bin/env python3
"""Count the instructions of two small links, for tests/test_instruction_counts.py; as a command, record them."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import generated

ROOT = Path(__file__).resolve().parent.parent
PYTHON = ROOT / ".venv" / "bin" / "python"
START = ROOT / ".venv" / "bin" / "wild"
OBJECTS, STRINGS = 60, 20_000


def inputs(name: str, directory: Path) -> list[Path]:
    """The objects of a corpus, generated: about a second."""
    if name == "objects":
        return generated.write_objects(directory, OBJECTS)
    return generated.write_strings(directory, STRINGS)


def count(name: str, directory: Path, profile: Path) -> int:
    """The instructions of one link on one thread; the profile is for callgrind_annotate.  Raises CalledProcessError."""
    words = ["--threads=1", "-shared", *map(str, inputs(name, directory))]
    command = [str(PYTHON), "-ISXutf8", str(START), *words, "-o", str(directory / "output")]
    subprocess.run(command, check=True, capture_output=True)  # the first link writes what later ones read
    tool = ["valgrind", "--tool=callgrind", f"--callgrind-out-file={profile}"]
    done = subprocess.run([*tool, *command], check=True, capture_output=True, text=True)
    found = re.search(r"Collected : (\d+)", done.stderr)
    assert found, done.stderr
    return int(found[1])


def main() -> None:
    counted = {}
    for name in ("objects", "strings"):
        with tempfile.TemporaryDirectory() as directory:
            counted[name] = count(name, Path(directory), Path(directory) / "profile")
    text = json.dumps({"python": "{}.{}".format(*sys.version_info), "instructions": counted}, indent=1)
    (ROOT / "bench" / "counts.json").write_text(f"{text}\n", encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
