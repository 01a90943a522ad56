"""--time: the passes and their steps."""

from __future__ import annotations

import re

from programs import assemble, exit_with

ROW = re.compile(r" *([\d.]+) ms +[\d.]+ ms CPU  ( *)(.+)")
ROUNDING = 0.01  # of a figure, in milliseconds


def test_the_steps_of_a_pass_stand_below_it_and_do_not_take_longer(link):
    output = link.raw(assemble(".globl _start\n_start:" + exit_with("$0")), "--time")
    passes: list[tuple[str, float, dict[str, float]]] = []
    for spent, indent, name in (m.groups() for m in map(ROW.fullmatch, output.messages.splitlines()) if m):
        if indent:
            passes[-1][2][name] = float(spent)
        else:
            passes.append((name, float(spent), {}))

    steps_of = {name: steps for name, _, steps in passes}
    assert (passes[0][0], passes[-1][0]) == ("open inputs", "total")
    assert {"sections", "tables", "publish"} <= set(steps_of["write"])
    for name, spent, steps in passes:
        assert sum(steps.values()) <= spent + ROUNDING * (len(steps) + 1), name
    assert sum(spent for _, spent, _ in passes[:-1]) <= passes[-1][1] + ROUNDING * len(passes)
