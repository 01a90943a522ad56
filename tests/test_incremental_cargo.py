"""Incremental links of a cargo workspace, turned on by the environment alone."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest
from linking import gcc_directory, linker_under_test
from programs import tool

pytestmark = [pytest.mark.only_wild, pytest.mark.slow]

WORKSPACE = '[workspace]\nmembers = ["app", "words"]\nresolver = "2"\n'
PACKAGE = '[package]\nname = "{}"\nversion = "1.2.3"\nedition = "2021"\n'
WORDS = """
pub fn words(text: &str) -> std::collections::BTreeMap<String, usize> {
    let mut found = std::collections::BTreeMap::new();
    for word in text.split_whitespace() { *found.entry(word.to_lowercase()).or_insert(0) += 1; }
    found
}
"""
APP = 'fn main() { println!("{:?}", words::words("b a B")); }\n'


class Workspace:
    """A library and a program that uses it."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        (directory / "Cargo.toml").write_text(WORKSPACE)
        for name, more in (("words", ""), ("app", '[dependencies]\nwords = { path = "../words" }\n')):
            (directory / name / "src").mkdir(parents=True)
            (directory / name / "Cargo.toml").write_text(PACKAGE.format(name) + more)
        self.write("words/src/lib.rs", WORDS)
        self.write("app/src/main.rs", APP)

    def write(self, name: str, text: str) -> None:
        (self.directory / name).write_text(text)

    def build(self) -> str:
        """The mode and the code of the link."""
        environment = {
            **os.environ, "WILD_INCREMENTAL": "1", "WILD_VERIFY_INCREMENTAL": "1", "CARGO_TARGET_DIR": "target",
            "XDG_STATE_HOME": str(self.directory / "state"),
            "RUSTFLAGS": f"-Clinker=gcc -Clinker-features=-lld -Clink-arg=-B{gcc_directory(linker_under_test())}",
        }  # fmt: skip
        done = subprocess.run(
            [tool("cargo"), "build", "--offline"], cwd=self.directory, env=environment, capture_output=True, text=True,
            timeout=300, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        line = json.loads((self.directory / "state" / "wild" / "log").read_text().splitlines()[-1])
        return f"{line['mode']} {line['code']}".strip()

    def run(self) -> str:
        return subprocess.run(
            [self.directory / "target" / "debug" / "app"], capture_output=True, text=True, check=True
        ).stdout


def test_an_edit_of_one_line_is_an_update(tmp_path):
    workspace = Workspace(tmp_path)
    assert workspace.build() == "initial A1"
    assert workspace.run() == '{"a": 1, "b": 2}\n'

    workspace.write("words/src/lib.rs", WORDS.replace("+= 1", "+= 10"))
    assert workspace.build() == "update"
    assert workspace.run() == '{"a": 10, "b": 20}\n'

    workspace.write("app/src/main.rs", APP.replace("b a B", "c a C C"))
    assert workspace.build() == "update"
    assert workspace.run() == '{"a": 10, "c": 30}\n'
