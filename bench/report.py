"""The results of compare.py as a page of Markdown and one SVG chart a corpus, drawn by hand: bars need no library."""

from __future__ import annotations

from html import escape
from pathlib import Path
from statistics import median
from typing import Any

Row = dict[str, Any]  # what compare.py writes into results.json
ALL, ONE = "all threads", "1 thread"
FIGURES = {
    "wall": (0, "Time", "ms", 1e3),
    "cpu": (1, "CPU time", "ms", 1e3),
    "memory": (2, "Peak memory", "MB", 1e-6),
}
COLOURS = {
    "wild": "#d1495b",
    "lld": "#30638e",
    "rust-lld": "#5b8db8",
    "mold": "#edae49",
    "bfd": "#8a8a8a",
    "gold": "#b5a642",
}
FAMILIES = ("objects", "strings", "exports")  # of corpora whose names end in their size


def figure(entry: Row, which: str) -> float | None:
    """The median of a figure, in the unit that it is shown in; None where the linker failed."""
    index, _, _, scale = FIGURES[which]
    return median(sample[index] for sample in entry["samples"]) * scale if entry["samples"] else None


def ratio(entry: Row, entries: list[Row], which: str) -> float | None:
    """Against the best of the others under the same threads, round by round."""
    others = [
        e
        for e in entries
        if e["linker"] != entry["linker"] and e["threads"] == entry["threads"] and e["samples"]
    ]
    if not others or not entry["samples"]:
        return None
    index = FIGURES[which][0]
    best = min(others, key=lambda other: median(sample[index] for sample in other["samples"]))
    pairs = zip(entry["samples"], best["samples"], strict=True)
    return float(median(own[index] / his[index] for own, his in pairs if his[index]))


def shown(value: float | None) -> str:
    if value is None:
        return "–"
    return f"{value:.1f}" if value < 100 else f"{value:,.0f}"


def table(results: Row, which: str, threads: str) -> list[str]:
    """A figure of every corpus and linker; in brackets the ratio to the best of the other linkers."""
    linkers = list(results["linkers"])
    _, title, unit, _ = FIGURES[which]
    lines = [
        f"### {title} in {unit}, {threads}",
        "",
        f"| corpus | {' | '.join(linkers)} |",
        "|---" + "|--:" * len(linkers) + "|",
    ]
    for name, corpus in results["corpora"].items():
        cells = []
        for linker in linkers:
            entry = next(
                (e for e in corpus["entries"] if (e["linker"], e["threads"]) == (linker, threads)), None
            )
            text = shown(figure(entry, which)) if entry else "–"
            against = ratio(entry, corpus["entries"], which) if entry else None
            cells.append(text + (f" ({against:.2f})" if against else ""))
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return [*lines, ""]


def page(results: Row) -> str:
    """README.md of the results."""
    lines = [
        "# Results of the benchmark", "",
        f"Measured on {results['date']}: {results['machine']}. Medians of {results['rounds']} interleaved rounds; in",
        "brackets the ratio to the best of the other linkers, as the median of the ratios within rounds: below 1 is",
        "faster, or smaller. `make bench` makes this page; bench/compare.py says how it measures.", "",
        *(f"- {name}: {version}" for name, version in results["linkers"].items()), "",
    ]  # fmt: skip
    for threads in (ALL, ONE):
        for which in FIGURES:
            lines += table(results, which, threads)
    lines += ["## Charts", ""]
    for name, corpus in results["corpora"].items():
        lines += [f"{name}: {corpus['what']}", "", f"![{name}]({name}.svg)", ""]
    lines += [
        line for family in families(results) for line in (f"![how {family} scale](scaling-{family}.svg)", "")
    ]
    failures = [
        f"- {name}, {entry['linker']}, {entry['threads']}: {escape(entry['failure'])}"
        for name, corpus in results["corpora"].items()
        for entry in corpus["entries"]
        if entry["failure"]
    ]
    return "\n".join([*lines, *(["## Left out", "", *failures, ""] if failures else [])])


# --- charts --------------------------------------------------------------------------------------------------

WIDTH, BAR, GAP, LABEL = 720, 16, 6, 150


def text(
    x: float, y: float, words: str, anchor: str = "start", size: int = 12, weight: str = "normal"
) -> str:
    style = f'font-size="{size}" font-weight="{weight}" text-anchor="{anchor}"'
    return f'<text x="{x:.0f}" y="{y:.0f}" {style} fill="#222">{escape(words)}</text>'


def document(height: float, parts: list[str]) -> str:
    head = f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height:.0f}" font-family="sans-serif">'
    return "\n".join(
        [head, f'<rect width="{WIDTH}" height="{height:.0f}" fill="white"/>', *parts, "</svg>", ""]
    )


def bars(name: str, corpus: Row) -> str:
    """One group of bars for each figure, a bar for each linker and thread setting."""
    parts, y = [text(10, 22, name, size=15, weight="bold")], 34.0
    entries = [entry for entry in corpus["entries"] if entry["samples"]]
    for which, (_, title, unit, _) in FIGURES.items():
        y += 18
        parts.append(text(10, y, f"{title}, {unit}", weight="bold"))
        most = max((figure(entry, which) or 0 for entry in entries), default=1) or 1
        for entry in entries:
            value = figure(entry, which) or 0
            length = (WIDTH - LABEL - 90) * value / most
            faint = ' fill-opacity="0.55"' if entry["threads"] == ONE else ""
            colour = COLOURS.get(entry["linker"], "#999")
            y += GAP
            parts.append(text(LABEL - 6, y + 12, f"{entry['linker']}, {entry['threads']}", "end", 11))
            parts.append(
                f'<rect x="{LABEL}" y="{y:.0f}" width="{length:.1f}" height="{BAR}" fill="{colour}"{faint}/>'
            )
            parts.append(text(LABEL + length + 5, y + 12, shown(value), size=11))
            y += BAR
    return document(y + 14, parts)


def families(results: Row) -> list[str]:
    """Kinds of generated corpora that were measured in more than one size."""
    return [f for f in FAMILIES if sum(name.startswith(f"{f}-") for name in results["corpora"]) > 1]


def size_of(name: str) -> float:
    digits = name.rpartition("-")[2]
    return float(digits[:-1]) * {"k": 1e3, "m": 1e6}[digits[-1]]


def scaling(family: str, results: Row) -> str:
    """CPU time against size, both relative to the smallest: a line along the diagonal is a linear linker."""
    names = sorted((n for n in results["corpora"] if n.startswith(f"{family}-")), key=size_of)
    span, x0, y0 = 380.0, 70.0, 430.0
    reach = size_of(names[-1]) / size_of(names[0])
    parts = [
        text(
            10,
            22,
            f"{family}: CPU time as the input grows, both relative to the smallest",
            size=14,
            weight="bold",
        )
    ]
    parts.append(
        f'<path d="M{x0} {y0} L{x0 + span} {y0 - span}" stroke="#bbb" stroke-dasharray="4 4" fill="none"/>'
    )
    parts.append(f'<path d="M{x0} {y0 - span} V{y0} H{x0 + span}" stroke="#222" fill="none"/>')
    for number, linker in enumerate(results["linkers"]):
        points = []
        for name in names:
            entry = next(
                e for e in results["corpora"][name]["entries"] if (e["linker"], e["threads"]) == (linker, ALL)
            )
            points.append((size_of(name) / size_of(names[0]), figure(entry, "cpu")))
        if any(value is None for _, value in points):
            continue
        first = points[0][1] or 1
        places = [(x0 + span * x / reach, y0 - span * min((v or 0) / first / reach, 1.05)) for x, v in points]
        colour = COLOURS.get(linker, "#999")
        path = " L".join(f"{x:.1f} {y:.1f}" for x, y in places)
        parts.append(f'<path d="M{path}" stroke="{colour}" stroke-width="2.5" fill="none"/>')
        parts.append(
            text(x0 + span + 20, 60 + 18 * number, f"{linker}: {(points[-1][1] or 0) / first:.1f} ×", size=12)
        )
        parts.append(
            f'<rect x="{x0 + span + 8}" y="{50 + 18 * number}" width="8" height="10" fill="{colour}"/>'
        )
    parts.append(text(x0 + span, y0 + 18, f"{reach:.0f} × the input", "end", 11))
    return document(y0 + 30, parts)


def write(results: Row, directory: Path) -> None:
    """The page and its charts."""
    (directory / "README.md").write_text(page(results), encoding="utf-8")
    for name, corpus in results["corpora"].items():
        (directory / f"{name}.svg").write_text(bars(name, corpus), encoding="utf-8")
    for family in families(results):
        (directory / f"scaling-{family}.svg").write_text(scaling(family, results), encoding="utf-8")
