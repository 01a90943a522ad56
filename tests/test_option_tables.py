"""The option tables: every row is sound, works in all its forms, and is in the help and the manual."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest
from programs import tool
from test_options import GCC, changes, errors_of

from wild import help, ignored_options, keyword_table, manual, option_effects, option_table, rare_effects
from wild.cli import SUBCOMMANDS
from wild.options import Options, parse

ROOT = Path(__file__).resolve().parent.parent

TABLES = (option_table, ignored_options, keyword_table)
ROWS = [row for table in TABLES for row in table.ROWS if isinstance(row, tuple)]
OPTION_ROWS = [row for table in TABLES[:2] for row in table.ROWS if isinstance(row, tuple)]
EXAMPLES = {
    "KEYWORD": "now",
    "EMULATION": "elf_x86_64",
    "ADDRESS": "1000",
    "NAME=ADDRESS": ".x=1000",
    "NAME=SIZE": ".x=16",
    "GLOB=KIND": ".x=zlib:1",
    "SYMBOL=EXPRESSION": "x=1",
    "FORMAT": "elf",
    "PATTERN=FILE": "a*=b",
}


def example(row: option_table.Row) -> str:
    """An argument that fits the row."""
    if row[2] == "only":
        return row[3].split()[0]
    return EXAMPLES.get(row[1], row[1].split("|")[0] if "|" in row[1] else "1")


def written(spelling: str, value: str) -> list[list[str]]:
    """All forms in which an option can be written that has an argument."""
    if len(spelling) == 1:
        return [[f"-{spelling}", value], [f"-{spelling}{value}"]]
    is_joined = spelling[0] == "o" or (spelling[0] in "lLOz" and spelling not in option_table.OPTIONS)
    dashes = ("--",) if is_joined else ("-", "--")
    return [form for dash in dashes for form in ([f"{dash}{spelling}", value], [f"{dash}{spelling}={value}"])]


WITH_ARGUMENT = [row for row in OPTION_ROWS if row[1] and row[1][0] != "[" and row[2] != "refuse"]


@pytest.mark.parametrize("row", WITH_ARGUMENT, ids=lambda row: row[0].split()[0])
def test_all_forms_mean_the_same(row, tmp_path):
    value = str(tmp_path) if row[2] == "add_rpath_directory" else example(row)
    if row[2] == "read_remaps":
        value = str(tmp_path / "remaps")
        (tmp_path / "remaps").write_text("a* b\n")
    rest = ["-shared"] if row[3] in ("filter", "auxiliary") else []
    forms = [
        form
        for spelling in row[0].split()
        if spelling != "Ttext-segment"  # hexadecimal, where --image-base takes any base
        for form in written(spelling, value)
    ]

    read = [(changes(options), options.input_flags) for form in forms for options in [parse(rest + form, {})]]

    assert all(result == read[0] for result in read)


ATTRIBUTES = {name for name in dir(Options()) if name[0] != "_"} - {"z_muldefs"}
SETTERS = set("on off clear switch count value text append number choice page_size".split())


def spellings_in(table, negation: str) -> list[str]:
    """Every name that leads to a row, negations included."""
    rows = [row for row in table.ROWS if isinstance(row, tuple)]
    plain = [name for row in rows for name in row[0].split()]
    switches = [name for row in rows if row[2] in option_table.SWITCHES for name in row[0].split()]
    return plain + [negation + name for name in switches if len(name) > 1]


@pytest.mark.parametrize(
    "spellings",
    [
        spellings_in(option_table, "no-") + spellings_in(ignored_options, "no-"),
        spellings_in(keyword_table, "no"),
    ],
    ids=["options", "keywords"],
)
def test_no_spelling_is_used_twice(spellings):
    twice = {name for name in spellings if spellings.count(name) > 1}

    assert twice == set()


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0].split()[0])
def test_a_row_names_an_effect_and_an_attribute(row):
    spellings, argument, effect, target, text = row

    assert hasattr(option_effects.Effects, effect) != hasattr(rare_effects, effect)
    if effect in SETTERS:
        assert target.partition("=")[0] in ATTRIBUTES
    assert re.fullmatch(r"\S.*[^\s.]", text)
    assert spellings == " ".join(spellings.split())
    assert re.fullmatch(r"|\[=?[^\[\]]+\]|[^\[\]]+", argument)


def test_every_attribute_can_be_set():
    derived = {"arguments", "input_flags", "inputs", "default_library_paths", "warnings"}
    environment = {
        "reference_linker",
        "save_base",
        "save_directory",
        "save_skip_linking",
        "write_layout",
        "write_trace",
    }
    code = (ROOT / "src/wild/option_effects.py").read_text() + (ROOT / "src/wild/rare_effects.py").read_text()

    targets = {row[3].partition("=")[0] for row in ROWS} | set(re.findall(r"options\.(\w+)", code))

    assert ATTRIBUTES - targets - derived - environment == set()


IGNORED = [row for row in ROWS if row[2] == "ignore"]
REFUSED = [row for row in ROWS if row[2] == "refuse"]


def lines_of(row: option_table.Row) -> list[list[str]]:
    """The option in each of its spellings."""
    is_keyword = row in keyword_table.ROWS
    lines = []
    for spelling in row[0].split():
        name = spelling.replace("*", "x")
        value = "=1" if row[1] and row[1][0] != "[" else ""
        if is_keyword:
            lines.append(["-z", name + value])
        elif len(name) == 1:
            lines.append([f"-{name}", "1"] if value else [f"-{name}"])
        else:
            lines.append([f"--{name}{value}"])
    return lines


@pytest.mark.parametrize("row", IGNORED, ids=lambda row: row[0].split()[0])
def test_an_ignored_option_changes_nothing(row):
    for line in lines_of(row):
        options = parse([*line, "a.o"], {})

        assert changes(options) == {"inputs": ["a.o"]}
        assert options.warnings == ()


@pytest.mark.parametrize("row", REFUSED, ids=lambda row: row[0].split()[0])
def test_a_refused_option_is_an_error_that_names_it(row):
    for line in lines_of(row):
        assert errors_of(line) == (f"{' '.join(line)}: this version does not {row[4]}",)


def test_the_page_of_options_is_up_to_date():
    page = (ROOT / "docs" / "options.md").read_text(encoding="utf-8")

    assert page == help.markdown(), "run: PYTHONPATH=src python -m wild.help > docs/options.md"


def test_the_manual_page_is_made_from_the_tables():
    text = (ROOT / "docs" / "wild.1").read_text(encoding="utf-8")

    assert text == manual.page(), "run: PYTHONPATH=src python -m wild.manual > docs/wild.1"


def test_every_command_is_in_the_help():
    assert {name.partition(" ")[0] for name, _ in help.COMMANDS} == set(SUBCOMMANDS)


def test_the_manual_page_is_formatted_without_complaint():
    done = subprocess.run(
        [tool("man"), "--warnings=all", "-l", ROOT / "docs" / "wild.1"],
        env={**os.environ, "MANWIDTH": "100", "LC_ALL": "C.UTF-8"}, capture_output=True, text=True, check=True,
    )  # fmt: skip

    assert done.stderr == ""
    assert "--version-script" in done.stdout


def test_the_help_shows_every_row():
    text = re.sub(r"\s+", " ", help.help_text())

    missing = [row[0] for row in ROWS if re.sub(r"\s+", " ", help.forms(row)) not in text]
    assert missing == []


@pytest.mark.parametrize("probe", [r": supported targets:.* elf", "--version-script", "--whole-archive"])
def test_the_help_answers_the_probes_of_libtool(probe):
    assert re.search(probe, help.help_text())


def test_the_forms_of_options_in_the_help():
    shown = {spelling: help.forms(row) for row in ROWS for spelling in row[0].split()}

    assert shown["o"] == "-o FILE, --output FILE"
    assert shown["build-id"] == "--build-id[=KIND]"
    assert shown["O"] == "-O[N], --optimize[=N]"
    assert shown["relax"] == "--[no-]relax"
    assert shown["relro"] == "-z [no]relro"
    assert shown["stack-size"] == "-z stack-size=SIZE"


# --- cost --------------------------------------------------------------------------------------------------


def modules_loaded(statement: str) -> set[str]:
    code = f"import sys; sys.path.insert(0, {str(ROOT / 'src')!r}); {statement}; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-IS", "-c", code], capture_output=True, text=True, check=True)
    bare = subprocess.run(
        [sys.executable, "-IS", "-c", "import sys; print(*sys.modules)"],
        capture_output=True,
        text=True,
        check=True,
    )
    return set(done.stdout.split()) - set(bare.stdout.split())


def test_the_line_of_gcc_loads_only_the_common_tables():
    loaded = modules_loaded(f"from wild.options import parse; parse({GCC.split()!r})")

    assert loaded == {
        "__future__",
        "wild",
        "wild.errors",
        "wild.option_effects",
        "wild.option_table",
        "wild.option_values",
        "wild.options",
    } - ({"__future__"} - loaded)


def test_plain_file_names_cost_next_to_nothing():
    names = [f"object{number}.o" for number in range(16_000)]

    best = min(timed(lambda: parse(names, {})) for _ in range(5))

    assert parse(names, {}).inputs == names
    assert best < 0.02  # 0.8 ms on a plain machine


def timed(call) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start
