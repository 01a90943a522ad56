"""The language of the program tests: what is inherited, what is an error, and that its manual is complete."""

from __future__ import annotations

import re
from pathlib import Path

import directives
import pytest
from directives import DirectiveError, Expected, Input, parse_nested, parse_test
from program_build import Build
from programs import ROOT

MANUAL = ROOT / "docs" / "program-tests.md"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "common").mkdir()
    (tmp_path / "sample").mkdir()
    return tmp_path / "sample"


def configurations(folder: Path, text: str) -> dict[str, directives.Config]:
    (folder / "sample.c").write_text(text)
    return {config.name: config for config in parse_test(folder)}


def refusal(folder: Path, text: str) -> str:
    with pytest.raises(DirectiveError) as caught:
        configurations(folder, text)
    return str(caught.value)


def rows_of_manual() -> set[str]:
    cells = re.findall(r"^\| (`[^|]*(?:\\\|[^|]*)*) \|", MANUAL.read_text(), re.M)
    return {name for cell in cells for name in re.findall(r"`([A-Z]\w+):", cell)}


def test_the_manual_has_every_directive_and_no_other():
    assert rows_of_manual() == {*directives.DIRECTIVES, *directives.STRUCTURE}


def test_the_manual_marks_what_replaces():
    """A row that is marked so replaces, any other adds up."""
    rows = [line for line in MANUAL.read_text().splitlines() if line.startswith("| `")]
    marked = {
        name for row in rows if "*last*" in row for name in re.findall(r"`([A-Z]\w+):", row.split(" | ")[0])
    }
    replacing = {name for name, row in directives.DIRECTIVES.items() if not row.accumulates}

    assert marked == replacing - {"Variant"}


def test_directives_before_the_first_configuration_make_a_default(folder):
    found = configurations(folder, "//#Object:a.c\n//#Config:other\n//#Object:b.c\n")

    assert [(name, [one.files[0][0] for one in config.inputs]) for name, config in found.items()] == [
        ("default", ["a.c"]),
        ("other", ["b.c"]),
    ]


def test_without_them_there_is_no_default(folder):
    assert list(configurations(folder, "int x;\n//#Config:only\n")) == ["only"]


def test_a_source_without_configurations_is_an_error(folder):
    assert "no directive" in refusal(folder, "int main(void) { return 42; }\n")


def test_abstract_configurations_are_no_tests(folder):
    found = configurations(folder, "//#AbstractConfig:base\n//#Variant:1\n//#Config:child:base\n")

    assert list(found) == ["child"]


def test_what_accumulates_adds_to_the_parent_and_leaves_it_alone(folder):
    found = configurations(
        folder, "//#Config:parent\n//#ExpectSym:a\n//#Config:child:parent\n//#ExpectSym:b\n//#Object:b.c\n"
    )

    assert found["parent"]["ExpectSym"] == [Expected("a")]
    assert found["child"]["ExpectSym"] == [Expected("a"), Expected("b")]
    assert (len(found["parent"].inputs), len(found["child"].inputs)) == (0, 1)


def test_what_replaces_replaces(folder):
    found = configurations(
        folder, "//#Config:a\n//#LinkArgs:-pie\n//#Config:b:a\n//#LinkArgs:-s\n//#Config:c:a\n"
    )

    assert [config["LinkArgs"] for config in found.values()] == [("-pie",), ("-s",), ("-pie",)]


def test_the_defaults(folder):
    config = configurations(folder, "//#Config:a\n")["a"]

    assert (config["LinkArgs"], config["Mode"], config["RunEnabled"]) == (("-z", "now"), "static", True)


def test_the_variant_is_not_inherited(folder):
    found = configurations(folder, "//#Config:a\n//#Variant:3\n//#Config:b:a\n")

    assert [config["Variant"] for config in found.values()] == [3, None]


def test_a_driver_replaces_an_inherited_mode(folder):
    found = configurations(folder, "//#Config:a\n//#Mode:dynamic\n//#Config:b:a\n//#LinkerDriver:gcc\n")

    assert found["b"]["Mode"] == "static"


def test_directives_stand_indented_and_in_comments(folder):
    found = configurations(folder, "int x; /*\n   //#Config:a\n  //#ExpectSym: x size=4\n*/\n")

    assert found["a"]["ExpectSym"] == [Expected("x", (("size", "4"),))]


def test_inputs_have_arguments_lists_and_templates(folder):
    config = configurations(
        folder, "//#Archive:a.c:-O1 -DX,b.c\n//#Shared:template(--as-needed $O --no-as-needed):c.c\n"
    )["default"]

    assert config.inputs == [
        Input("Archive", (("a.c", ("-O1", "-DX")), ("b.c", ()))),
        Input("Shared", (("c.c", ()),), ("--as-needed", "$O", "--no-as-needed")),
    ]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("//#Nonsense:x", "unknown directive 'Nonsense'"),
        ("//#RunEnabled", "has no colon"),
        ("//#RunEnabled:yes", "neither true nor false"),
        ("//#Mode:fast", "'fast' is none of dynamic, static, unspecified"),
        ("//#EnableLinker:gold", "'gold' is none of ld, lld, wild"),
        ("//#Arch:vax", "'vax' is none of"),
        ("//#Variant:one", "not a number"),
        ("//#ExpectError:(", "not a regular expression"),
        ("//#ExpectError:", "an empty pattern"),
        ("//#ExpectSym:a colour=red", "'colour' is no property"),
        ("//#ExpectSym:a offset-in-section=1", "needs section"),
        ("//#ExpectSym:a section", "has not the form key=value"),
        ("//#ExpectSectionBytes:.data=12", "has not the form"),
        ("//#Object:", "a file name is missing"),
        ("//#Object:template(x $O:a.c", "a template has the form"),
        ("//#Config:b:absent", "parent 'absent': it does not exist"),
        ("//#Config:b:b", "it has not ended"),
        ("//#Config:a", "'a' stands twice"),
        ("//#Variant:1\n//#Variant:2", "one variant"),
        ("//#Mode:dynamic\n//#LinkerDriver:gcc", "exclude each other"),
    ],
)
def test_a_mistake_is_an_error_with_its_line(folder, line, said):
    message = refusal(folder, f"//#Config:a\n{line}\n")

    assert said in message
    assert re.match(rf"{folder}/sample\.c:[23]: ", message)


def test_a_test_needs_a_source_of_its_name(folder):
    with pytest.raises(DirectiveError, match="named like the folder"):
        parse_test(folder)


def test_rust_comes_before_c(folder):
    (folder / "sample.c").write_text("//#Config:c\n")
    (folder / "sample.rs").write_text("//#Config:rust\n")

    assert [config.name for config in parse_test(folder)] == ["rust"]


def test_a_shared_source_begins_from_the_configuration_without_its_inputs(folder):
    config = configurations(folder, "//#Config:a\n//#CompArgs:-O1\n//#Object:x.c\n")["a"]
    (folder / "lib.c").write_text("//#Object:y.c\n//#CompArgs:-O2\n")

    nested = parse_nested(folder / "lib.c", config)

    assert [one.files[0][0] for one in nested.inputs] == ["y.c"]
    assert nested["CompArgs"] == ("-O2",)
    assert config["CompArgs"] == ("-O1",)


def test_a_shared_source_has_one_configuration(folder):
    config = configurations(folder, "//#Config:a\n")["a"]
    (folder / "lib.c").write_text("//#Config:x\n//#Config:y\n")

    with pytest.raises(DirectiveError, match="one configuration only"):
        parse_nested(folder / "lib.c", config)


def test_files_are_found_in_the_folder_then_in_common(folder):
    config = configurations(folder, "//#Config:a\n")["a"]
    (folder.parent / "common" / "both.c").touch()
    (folder / "both.c").touch()
    (folder.parent / "common" / "shared.c").touch()
    build = Build(config, "wild")

    places = [build.find(name) for name in ("both.c", "shared.c", "absent.c")]

    assert places == [folder / "both.c", folder.parent / "common" / "shared.c", folder / "absent.c"]


def test_the_first_file_of_the_link_arguments_is_found_and_the_folder_named(folder):
    line = "//#LinkArgs:--version-script=./v.map -Map=$OUT_DIR/m --dynamic-list ./v.map"
    build = Build(configurations(folder, f"{line}\n")["default"], "ld")

    assert build.link_arguments() == [
        f"--version-script={folder}/v.map",
        f"-Map={build.folder}/m",
        "--dynamic-list",
        f"{folder}/v.map",
    ]
