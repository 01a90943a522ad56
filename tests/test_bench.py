"""The benchmark: its generated inputs link to programs that say so, and its results become tables and charts."""

from __future__ import annotations

import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest
from programs import ROOT, compile_c

sys.path.insert(0, str(ROOT / "bench"))
import generated
import incremental
import report


def entry(
    linker: str, threads: str, *samples: tuple[float, float, int], failure: str = ""
) -> dict[str, object]:
    return {"linker": linker, "threads": threads, "samples": list(samples), "failure": failure}


RESULTS: report.Row = {
    "machine": "2 cores",
    "date": "2026-01-01",
    "rounds": 2,
    "linkers": {"wild": "Wild", "lld": "LLD"},
    "corpora": {
        name: {
            "what": "objects <of> all kinds",
            "entries": [
                entry(
                    "wild", report.ALL, (0.01 * size, 0.02 * size, 10**7), (0.01 * size, 0.02 * size, 10**7)
                ),
                entry(
                    "lld", report.ALL, (0.02 * size, 0.02 * size, 10**8), (0.04 * size, 0.02 * size, 10**8)
                ),
                entry("wild", report.ONE, (0.02, 0.02, 10**7), (0.02, 0.02, 10**7)),
                entry("lld", report.ONE, failure="a.o: <bad>"),
            ],
        }
        for name, size in (("objects-1k", 1), ("objects-4k", 4))
    },
}


@pytest.mark.parametrize(
    ("main", "write", "total", "count"),
    [
        (generated.OBJECTS_MAIN, generated.write_objects, generated.objects_sum, 40),
        (generated.STRINGS_MAIN, generated.write_strings, generated.strings_sum, 8_000),
    ],
    ids=["objects", "strings"],
)
def test_generated_inputs_link_to_a_program_that_adds_up(main, write, total, count, link, tmp_path):
    program = link(compile_c(main), *write(tmp_path / "inputs", count))

    assert program.run() == f"{total(count)}\n"


@pytest.mark.parametrize("version", [1, 2])
def test_a_program_of_some_size_adds_up(version, link, tmp_path):
    edited = compile_c(generated.sized_edit(version), name="edited")
    members = generated.write_sized(tmp_path / "inputs", 2)

    program = link(compile_c(generated.sized_main(2)), edited, *members)

    assert program.run() == f"{generated.sized_sum(2, version)}\n"
    assert program.path.stat().st_size > 2_000_000


def test_incremental_results_become_a_table():
    rows = [
        incremental.Result("an edit", "<= 3", 2.345, 1.5, "20 ms"),
        incremental.Result("none", "<= 2", 1.0),
    ]

    text = incremental.page({"a program": rows}, 7)

    assert "| an edit | <= 3 | 2.35 | 1.50 | 20 ms |" in text
    assert "| none | <= 2 | 1.00 | – |  |" in text


def test_generated_exports_are_exported(link, tmp_path):
    objects, script = generated.write_exports(tmp_path / "inputs", 2_000)

    library = link("-shared", "-nostdlib", f"-Wl,--version-script={script}", *objects)

    assert library.readelf("--dyn-syms").count("GLOBAL DEFAULT") == 2_000


def test_results_become_a_table_with_ratios(tmp_path):
    report.write(RESULTS, tmp_path)

    text = (tmp_path / "README.md").read_text()
    assert "| objects-1k | 10.0 (0.38) | 30.0 (3.00) |" in text
    assert "| objects-1k | 20.0 | – |" in text
    assert "- objects-1k, lld, 1 thread: a.o: &lt;bad&gt;" in text


def test_results_become_charts(tmp_path: Path):
    report.write(RESULTS, tmp_path)

    charts = sorted(path.name for path in tmp_path.glob("*.svg"))
    assert charts == ["objects-1k.svg", "objects-4k.svg", "scaling-objects.svg"]
    for chart in charts:
        root = ElementTree.parse(tmp_path / chart).getroot()
        assert root.tag.endswith("svg")
    bars = ElementTree.parse(tmp_path / "objects-1k.svg").getroot()
    widths = [float(bar.get("width", "0")) for bar in bars if bar.tag.endswith("rect")][1:4]
    assert widths[0] * 3 == pytest.approx(widths[1], rel=0.02)
