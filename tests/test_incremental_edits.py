"""Random edits of a program of several objects: after each, an incremental link and a full link do the same.

The model is a program: a few files with functions, variables, strings and inline functions that several files share.
An edit changes the model; what the program must print follows from the model, not from a linker.  Updates must be the
rule: the share of full links is bounded, so a change that makes everything fall back is noticed.
"""

from __future__ import annotations

import random
from collections import Counter

import pytest
from editing import Project

pytestmark = pytest.mark.only_wild

FILES, FIRST = 4, 6
# Declarations instead of headers, which would take a third of the time of the compiler.
HEAD = """
unsigned long strlen(const char *); int strcoll(const char *, const char *); char *getenv(const char *);
int atoi(const char *); long atol(const char *); long long atoll(const char *); double atof(const char *);
long strtol(const char *, char **, int); unsigned long strtoul(const char *, char **, int);
long long strtoll(const char *, char **, int); unsigned long long strtoull(const char *, char **, int);
double strtod(const char *, char **); int toupper(int); int tolower(int); int abs(int);
__attribute__((weak)) int shared(int x) { static int calls; return x * 2 + (++calls & 0); }
"""


# Calls of library functions, most of which the program does not use at first, with their values.
CALLS = (
    ("0", 0), ('atoi("12")', 12), ('atol("13")', 13), ('atoll("14")', 14), ('strtol("17", 0, 8)', 15),
    ('strtoul("11", 0, 16)', 17), ('strtoll("22", 0, 8)', 18), ('strtoull("10011", 0, 2)', 19), ("toupper(20)", 20),
    ("tolower(21)", 21), ("abs(-22)", 22), ('(int)strtod("23.5", 0)', 23), ('(int)atof("24.5")', 24),
    ('(strcoll("a", "b") < 0) * 25', 25), ('(getenv("NOT_SET_AT_ALL") == 0) * 26', 26),
)  # fmt: skip


class Function:
    """`int NAME(int x)` returns x * factor + constant + the length of a string + what it calls return."""

    def __init__(self, name: str, chance: random.Random) -> None:
        self.name = name
        self.file = chance.randrange(FILES)
        self.calls: list[Function] = []
        self.change(chance)

    def change(self, chance: random.Random) -> None:
        self.factor = chance.randrange(1, 9)
        self.constant = chance.randrange(1000)
        self.text = "".join(chance.choice("abcdef") for _ in range(chance.randrange(40)))
        self.padding = chance.randrange(30)
        self.variable = chance.randrange(100)
        self.call = chance.choice(CALLS)
        self.pointer = chance.random() < 0.3

    def value(self, x: int) -> int:
        total = x * self.factor + self.constant + len(self.text) + self.variable + self.call[1]
        return (total + sum(each.value(1) for each in self.calls)) % 100003

    def source(self) -> str:
        lines = [f"int {self.name}_variable = {self.variable};"]
        for each in self.calls:
            lines.append(f"int {each.name}(int);")
            if self.pointer:
                lines.append(f"int (*{self.name}_to_{each.name})(int) = {each.name};")
        lines.append(f"int {self.name}(int x) {{ volatile int pad = 0;")
        lines += [f"  pad += {number};" for number in range(self.padding)]
        lines.append(f"  int total = x * {self.factor} + {self.constant} + {self.name}_variable;")
        lines.append(f'  total += strlen("{self.text}") + shared(0) + {self.call[0]};')
        for each in self.calls:
            lines.append(
                f"  total += {self.name}_to_{each.name}(1);"
                if self.pointer
                else f"  total += {each.name}(1);"
            )
        return "\n".join([*lines, "  return total % 100003;", "}"])


class Model:
    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        self.functions: list[Function] = []
        self.count = 0
        for _ in range(FIRST):
            self.add()

    def add(self) -> None:
        made = Function(f"function{self.count}", self.chance)
        self.count += 1
        if self.functions:
            made.calls = self.chance.sample(self.functions, min(2, len(self.functions)))
        self.functions.append(made)

    def edit(self) -> None:
        """One change: of a body, of where a function is, of which functions there are and who calls whom."""
        chosen = self.chance.choice(self.functions)
        kind = self.chance.randrange(8)
        if kind == 0:
            self.add()
        elif kind == 1 and len(self.functions) > 3:
            self.functions.remove(chosen)
            for each in self.functions:
                each.calls = [other for other in each.calls if other is not chosen]
        elif kind == 2:
            chosen.file = self.chance.randrange(FILES)
        elif kind == 3:
            at = self.functions.index(chosen)
            chosen.calls = self.chance.sample(self.functions[:at], min(at, 2))
        else:
            chosen.change(self.chance)

    def expected(self) -> str:
        return "".join(f"{each.name} {each.value(3)}\n" for each in self.functions)

    def sources(self) -> dict[str, str]:
        found = {}
        for number in range(FILES):
            bodies = [each.source() for each in self.functions if each.file == number]
            found[f"part{number}.c"] = HEAD + f"int mark{number} = {number};\n" + "\n".join(bodies) + "\n"
        prints = "".join(
            f'int {each.name}(int); printf("%s %d\\n", "{each.name}", {each.name}(3));\n'
            for each in self.functions
        )
        found["main.c"] = f"int printf(const char *, ...);\nint main(void) {{\n{prints} return 0; }}\n"
        return found


def follow(project: Project, seed: int, edits: int, verified: int = 1) -> float:
    """Make the edits; returns the share of them that were updates.  The output may grow by a half.

    What the program prints is looked at after each edit; each `verified`-th is also compared with a full link.
    """
    model = Model(seed)
    current: dict[str, str] = {}
    updates = 0
    reasons: Counter[str] = Counter()
    sizes = []
    for step in range(edits + 1):
        for name, text in model.sources().items():
            if current.get(name) != text:
                project.write(name, text)
                current[name] = text
        project.environment["WILD_VERIFY_INCREMENTAL"] = str(int(step % verified == 0))
        line = project.link()
        updates += line["mode"] in ("update", "unchanged")
        reasons[f"{line['mode']} {line['code']} {line['reason']}"] += 1
        sizes.append((project.directory / "program").stat().st_size)
        assert project.run() == "0\n" + model.expected(), f"seed {seed}, edit {step}: {line}"
        if step % (8 * verified) == 7:
            project.check()
        model.edit()
    print(f"seed {seed}: {updates} of {edits} are updates, sizes {sizes[0]} to {max(sizes)}: {dict(reasons)}")
    assert max(sizes) < 1.5 * sizes[0] + 100_000
    return updates / edits


KINDS = {
    "pie": ("-O1", ""),
    "debug": ("-O0 -g", ""),
    "sections": ("-O1 -ffunction-sections -fdata-sections", "-Wl,--gc-sections"),
    "static": ("-O1 -fno-pie", "-static"),
}


@pytest.mark.parametrize("kind", KINDS)
def test_random_edits(tmp_path, kind):
    assert follow(Project(tmp_path / "project", *KINDS[kind]), 1, 8) > 0.5


@pytest.mark.slow
def test_a_thousand_random_edits(tmp_path):
    assert follow(Project(tmp_path / "project", *KINDS["debug"]), 1000, 1000, 100) > 0.9


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(2, 8))
@pytest.mark.parametrize("kind", KINDS)
def test_many_random_edits(tmp_path, kind, seed):
    assert follow(Project(tmp_path / "project", *KINDS[kind]), seed, 40, 20) > 0.5
