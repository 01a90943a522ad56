"""What the reference linkers make of a program test, kept until something changes that it depends on."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path

from directives import Config
from linking import Output
from program_build import Build, Done, compiler_of, digest_of_sources, linker_path
from program_checks import file_faults, output_faults, run_faults
from programs import identity, tool

HERE = Path(__file__).resolve().parent
RUNNER = ("directives.py", "program_build.py", "program_checks.py", "program_references.py")
REFERENCES = ("ld", "lld")


@dataclass
class Reference:
    """The outcome of a link with a reference linker; no faults if it is as the test expects."""

    linker: str
    key: str
    output: str  # path; empty where the link has to fail
    faults: list[str]


def references(config: Config) -> list[Reference]:
    """GNU ld unless the test skips it, others where it enables them."""
    skipped, enabled = config["SkipLinker"], ["ld", *config["EnableLinker"]]
    wanted = [name for name in REFERENCES if name in enabled and name not in skipped]
    return [reference(config, name) for name in wanted]


def reference(config: Config, linker: str) -> Reference:
    """The outcome, from the last time if nothing has changed since."""
    build = Build(config, linker)
    key = key_of(config, linker)
    stamp = build.folder / "result.json"
    if stamp.is_file():
        kept = Reference(**json.loads(stamp.read_text()))
        if kept.key == key and (not kept.output or Path(kept.output).is_file()):
            return kept
    made = judge(build, build.run(), key)
    if not made.faults:
        stamp.write_text(json.dumps(asdict(made)))
    return made


def judge(build: Build, done: Done, key: str) -> Reference:
    """Hold an outcome against what the test expects; the texts of messages are each linker's own."""
    config, linker = build.config, build.linker
    if config["ExpectError"]:
        accepted = [] if done.status else [f"{linker} links what has to be refused\n{build.commands[-1]}"]
        return Reference(linker, key, "", accepted)
    if done.status:
        return Reference(linker, key, "", [f"{linker} refuses this:\n{done.text}\n{build.commands[-1]}"])
    build.remove_sections()
    found = run_faults(Output(build.output), config)
    faults = [*found]
    if config["ReferenceChecked"]:
        faults += [*output_faults(Output(build.output), config), *file_faults(build.folder, config)]
    return Reference(linker, key, str(build.output), [f"{linker}: {text}" for text in faults])


def key_of(config: Config, linker: str) -> str:
    """A digest of everything that the outcome depends on."""
    programs = [linker_path(linker), tool(compiler_of(config, ".c")), tool(compiler_of(config, ".cc"))]
    if config.source.suffix == ".rs":
        programs.append(tool("rustc"))
    parts = [
        config.id,
        repr(sorted(config.values.items(), key=lambda item: item[0])),
        repr(config.inputs),
        digest_of_sources(config),
        *(identity(program) for program in programs),
        *(runner_digest(name) for name in RUNNER),
    ]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


@cache
def runner_digest(name: str) -> str:
    return hashlib.sha256((HERE / name).read_bytes()).hexdigest()
