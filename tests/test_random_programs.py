"""Random programs print what they must (random_model.py), linked by wild and, some of them, by other linkers.

WILD_RANDOM_PROGRAMS=N checks N programs instead of 500, WILD_RANDOM_SEED=S begins with the one of seed S.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from linking import linker_under_test
from programs import ROOT
from random_model import Definition, InvalidError, Meaning, Program, Unit, Use
from random_programs import fault_of, make_program, reference_linkers, shrink

COUNT = int(os.environ.get("WILD_RANDOM_PROGRAMS", "500"))
FIRST = int(os.environ.get("WILD_RANDOM_SEED", "0"))
BATCH = 25
REFERENCE_EVERY = 10  # programs of which one is linked by the reference linkers too
KEPT = ROOT / "build" / "random-programs"


@pytest.mark.parametrize("start", range(FIRST, FIRST + COUNT, BATCH))
def test_random_programs_print_what_they_must(start: int, tmp_path: Path) -> None:
    for seed in range(start, min(start + BATCH, FIRST + COUNT)):
        program = make_program(seed)
        # Linkers differ in what --wrap does to names that are common or defined twice.
        is_referred = seed % REFERENCE_EVERY == 0 and not program.wrapped
        linkers = [*(reference_linkers() if is_referred else []), linker_under_test()]
        fault = fault_of(program, linkers, tmp_path / "program")
        if fault:
            pytest.fail(report(program, linkers, tmp_path, fault), pytrace=False)


def report(program: Program, linkers: list[str], scratch: Path, fault: str) -> str:
    """Make a failing program small, keep it, and say how to see it fail again."""
    linker = next(path for path in linkers if fault.startswith(f"{os.path.basename(path)}: "))
    small = shrink(program, lambda one: bool(fault_of(one, [linker], scratch / "program")))
    kept = KEPT / f"seed-{program.seed}"
    return "\n".join(
        [
            f"the program of seed {program.seed} fails (WILD_RANDOM_SEED={program.seed} WILD_RANDOM_PROGRAMS=1);",
            f"the smallest that fails is in {kept}:",
            f"{small}",
            fault_of(small, [linker], kept),
        ]
    )


# --- the model and the shrinking themselves ----------------------------------------------------------------


def unit(number: int, home: str, *parts: Definition | Use) -> Unit:
    definitions = tuple(part for part in parts if isinstance(part, Definition))
    return Unit(number, home, definitions, tuple(part for part in parts if isinstance(part, Use)))


def strong(name: str, value: int) -> Definition:
    return Definition(name, "strong", "default", value)


def test_a_program_is_the_same_for_the_same_seed():
    assert make_program(7) == make_program(7)
    assert make_program(7) != make_program(8)


def test_programs_differ_and_most_of_their_parts_occur():
    programs = [make_program(seed) for seed in range(200)]
    units = [each for program in programs for each in program.units]

    assert {program.mode for program in programs} == {"static", "exec", "pie"}
    assert {each.home for each in units} == {"object", "member", "shared"}
    assert {one.binding for each in units for one in each.definitions} == {"strong", "weak", "common"}
    assert {one.name[0] for each in units for one in each.definitions} == {*"fdtcw_"}
    assert any(program.wrapped for program in programs)
    assert sum(len(each.uses) for each in units) > 1000


def test_two_strong_definitions_are_no_program():
    with pytest.raises(InvalidError, match="f0 is defined twice"):
        Meaning(
            Program(
                0,
                "static",
                (unit(1, "object", strong("f0", 1), Use("f0", 0)), unit(2, "object", strong("f0", 2))),
            )
        )


def test_a_weak_use_loads_no_member():
    units = (unit(1, "object", Use("f0", 0, weak=True)), unit(2, "member", strong("f0", 5)))

    assert Meaning(Program(0, "static", units)).expected == "1: f0 = -1\n"


def test_a_strong_use_loads_it():
    units = (unit(1, "object", Use("f0", 0)), unit(2, "member", strong("f0", 5)))

    assert Meaning(Program(0, "static", units)).expected == "1: f0 = 5\n"


def test_a_failing_program_gets_small():
    program = next(made for made in map(make_program, range(100)) if len(made.units) > 4)
    culprit = next(one.name for each in program.units for one in each.definitions)

    def fails(one: Program) -> bool:
        return any(each.defines(culprit) for each in one.units)

    small = shrink(program, fails)

    assert [len(each.definitions) for each in small.units] == [1]
    assert (small.units[0].uses, small.units[0].strings, small.options, small.wrapped) == ((), (), (), ())


@pytest.mark.parametrize("kind", ["value", "missing"])
def test_a_wrong_model_is_noticed(kind, tmp_path, monkeypatch):
    """The comparison can fail: other values, or symbols that should be there."""
    units = (unit(1, "object", strong("f0", 5), Use("f0", 1)),)
    program = Program(0, "static", units, options=("--gc-sections",))
    if kind == "value":
        monkeypatch.setattr(Meaning, "expected", "1: f0 = 6\n")
    else:
        monkeypatch.setattr(Meaning, "kept", ({"f9"}, set()))

    fault = fault_of(program, [linker_under_test()], tmp_path / "program")

    assert ("should have printed" if kind == "value" else "f9 was dropped") in fault
