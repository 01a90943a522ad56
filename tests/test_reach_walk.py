"""Garbage collection reaches what a naive walk reaches, on random graphs wide and deep enough for every order."""

from __future__ import annotations

import random
import subprocess
from pathlib import Path

import pytest
from linking import linker_under_test

OBJECTS, SECTIONS = 4, 150


def reference(index: int, target: int) -> str:
    """A relocation to a section of the same object by its local symbol, to another one by its global name."""
    return f".quad local_{target}" if index % OBJECTS == target % OBJECTS else f".quad global_{target}"


def graph(seed: int, degree: float) -> list[list[int]]:
    chance = random.Random(seed)
    total = OBJECTS * SECTIONS
    return [
        [chance.randrange(total) for _ in range(chance.randrange(int(2 * degree) + 1))] for _ in range(total)
    ]


def reached(edges: list[list[int]]) -> set[int]:
    """The twin: a set and a list."""
    found, todo = {0}, [0]
    while todo:
        for target in edges[todo.pop()]:
            if target not in found:
                found.add(target)
                todo.append(target)
    return found


def assemble(directory: Path, edges: list[list[int]]) -> list[Path]:
    paths = []
    for number in range(OBJECTS):
        lines = [".globl _start\n_start = global_0"] if number == 0 else []
        for index in range(number, len(edges), OBJECTS):
            lines += [f'.section .data.s{index},"aw",@progbits', f".globl global_{index}"]
            lines += [
                f"global_{index}:",
                f"local_{index}: .quad 0",
                *(reference(index, to) for to in edges[index]),
            ]
        source = directory / f"{number}.s"
        source.write_text("\n".join(lines) + "\n")
        paths.append(source.with_suffix(".o"))
        subprocess.run(["as", "-o", paths[-1], source], check=True)
    return paths


@pytest.mark.parametrize(("seed", "degree"), [(1, 0.6), (2, 1.0), (3, 1.3), (4, 4.0)])
def test_a_walk_reaches_what_the_twin_reaches(seed, degree, tmp_path):
    edges = graph(seed, degree)
    objects = assemble(tmp_path, edges)
    expected = {f"global_{index}" for index in reached(edges)}
    images = set()
    for threads in (1, 2, 8):
        output = tmp_path / f"out{threads}"
        subprocess.run(
            [linker_under_test(), "--gc-sections", f"--threads={threads}", *objects, "-o", output], check=True
        )
        listed = subprocess.run(
            ["nm", "-j", output], capture_output=True, text=True, check=True
        ).stdout.split()
        assert {name for name in listed if name.startswith("global_")} == expected
        images.add(output.read_bytes())

    assert len(images) == 1
