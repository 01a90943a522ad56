"""Every configuration of every program test: linked by the reference linkers and by wild, looked at, and run.

A test is a folder below tests/programs; the comments of its main source say how it is built and what is expected
(docs/program-tests.md). WILD_PROGRAM_TESTS names further folders of tests, separated by colons.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
import sanity
from directives import Config, DirectiveError, parse_test
from elf import Elf
from linking import Output, kind_of, linker_under_test
from program_build import Build, Done
from program_checks import file_faults, output_faults, run_faults
from program_diff import differences
from program_references import references
from program_skips import skip_if_unfit
from programs import ROOT

ET_REL = 1


def folders() -> list[Path]:
    """All tests: the folders that are not shared between them."""
    roots = [
        ROOT / "tests" / "programs",
        *map(Path, filter(None, os.environ.get("WILD_PROGRAM_TESTS", "").split(":"))),
    ]
    return [
        path for root in roots for path in sorted(root.iterdir()) if path.is_dir() and path.name != "common"
    ]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """One item per configuration; a test that cannot be read is an item that fails."""
    found: list[tuple[str, Config | DirectiveError]] = []
    for folder in folders():
        try:
            found += [(config.id, config) for config in parse_test(folder.resolve())]
        except DirectiveError as error:
            found.append((folder.name, error))
    if "config" in metafunc.fixturenames:
        metafunc.parametrize("config", [config for _, config in found], ids=[name for name, _ in found])


def test_program(config: Config | DirectiveError) -> None:
    if isinstance(config, DirectiveError):
        pytest.fail(str(config), pytrace=False)
    skip_if_unfit(config)
    build = Build(config, "wild")
    made = [] if "wild" in config["SkipLinker"] else faults_of_link(build)
    kept = references(config)
    made += [text for one in kept for text in one.faults]
    if not made and not config["ExpectError"] and config["DiffEnabled"]:
        made += differences(build, kept)
    if made:
        repeat = f"to repeat our link:\n  {build.commands[-1]}" if build.commands else ""
        pytest.fail("\n".join([*made, repeat]), pytrace=False)


def faults_of_link(build: Build) -> list[str]:
    """Link with wild; what is wrong with its messages, its output, and the program when it runs."""
    config, done = build.config, build.run()
    if config["ExpectError"]:
        return refusal_faults(build, done)
    if done.status:
        return [f"the link failed with {done.status}:\n{done.text}"]
    if not build.output.is_file():
        return [f"the link made no {build.output}"]
    faults = message_faults(config, done)
    made = build.output.read_bytes()
    if Elf(made).type != ET_REL:
        faults += sanity.faults(Elf(made), build.output)
    if config["TestUpdateInPlace"]:
        again = build.link_again_in_place(made)
        if again.status or build.output.read_bytes() != made:
            faults.append(f"a second link over other bytes makes another file\n{again.text}")
    build.remove_sections()
    output = Output(build.output)
    return [
        *faults,
        *output_faults(output, config),
        *file_faults(build.folder, config),
        *run_faults(output, config),
    ]


def refusal_faults(build: Build, done: Done) -> list[str]:
    """A link that has to fail: in the way all errors are reported, and with the texts that are expected."""
    faults = []
    if done.status == 0:
        faults.append("the link succeeds, and must not")
    elif "Traceback" in done.stderr or done.status < 0:
        faults.append("the linker crashed")
    if build.output.exists():
        faults.append("the failed link left an output")
    patterns = build.config["ExpectError"] if texts_are_ours() else []
    faults += [f"ExpectError:{one}" for one in patterns if not re.search(one, done.stderr, re.M)]
    return [*faults, f"it said:\n{done.text}"] if faults else []


def message_faults(config: Config, done: Done) -> list[str]:
    if not texts_are_ours():
        return []
    checks = (
        ("ExpectWarning", done.stderr, True),
        ("ExpectMessage", done.stdout, True),
        ("NoMessage", done.text, False),
    )
    return [
        f"{directive}:{pattern}: it said\n{text}"
        for directive, text, wanted in checks
        for pattern in config[directive]
        if bool(re.search(pattern, text, re.M)) != wanted
    ]


def texts_are_ours() -> bool:
    """Texts are not checked while the tests are tried with another linker (WILD_TEST_LINKER)."""
    return kind_of(linker_under_test()) == "wild"
