"""Updates of programs that walk over a section from `__start_` to `__stop_`: every entry counts, and their order."""

from __future__ import annotations

from pathlib import Path

import pytest
from editing import Project, initial

pytestmark = pytest.mark.only_wild

WALK = """
#include <stdio.h>
extern int __start_table[] __attribute__((weak)), __stop_table[] __attribute__((weak));
int one(void); int two(void);
int main(void) {{
    int count = 0;
    for (int *p = __start_table; p < __stop_table; p++, count++) printf("%d ", *p);
    printf("%d entries\\n", count);
    return {use};
}}
"""
ENTRY = '__attribute__((section("table"), used)) static int entry_of_{0} = {1};\n'
PLAIN = "int {0}(void) {{ return {1}; }}\n"
REFERRED = '__attribute__((section("table"))) int entry_{0} = {1};\nint {0}(void) {{ return entry_{0}; }}\n'
LINKED = PLAIN + (
    '__asm__(".section table,\\"ao\\",@progbits,{0}\\n .long {1}\\n .text");\n'  # lives with the code
)
SEVERAL = (
    '__asm__(".section table,\\"a\\",@progbits\\n .long {0}\\n'
    ' .section table,\\"a\\",@progbits,unique,1\\n .long {1}\\n .text");\n'
)
GC = "-Wl,--gc-sections"
BOTH = "one() + two() - 3"


def project_of(directory: Path, link: str, one: str, two: str) -> Project:
    made = Project(directory / "project", "-O1 -ffunction-sections -fdata-sections", link)
    made.write("main.c", WALK.format(use=BOTH))
    made.write("one.c", one)
    made.write("two.c", two)
    return made


def printed(text: str) -> str:
    return text.splitlines()[1]


@pytest.mark.parametrize("link", [GC, ""])
@pytest.mark.parametrize("entry", [REFERRED, LINKED])
def test_entries_of_code_that_nothing_calls_any_more(tmp_path, entry, link):
    """The object has not changed, and its entries are kept with or without the code."""
    made = project_of(tmp_path, link, entry.format("one", 1), entry.format("two", 2))
    assert printed(initial(made)) == "1 2 2 entries"
    for use in ("two() - 2", "0", BOTH):
        made.write("main.c", WALK.format(use=use))
        assert printed(made.step("update")) == "1 2 2 entries"


@pytest.mark.parametrize("entry", [REFERRED, LINKED])
def test_entries_that_are_dropped_with_their_code(tmp_path, entry):
    made = project_of(tmp_path, f"{GC} -Wl,-z,start-stop-gc", entry.format("one", 1), entry.format("two", 2))
    assert printed(made.step("full")) == "1 2 2 entries"
    assert made.last()["code"] == "C3"
    made.write("main.c", WALK.format(use="two() - 2"))
    assert printed(made.step("full")) == "2 1 entries"


@pytest.mark.parametrize("link", [GC, ""])
def test_an_object_gets_its_first_entry(tmp_path, link):
    """Nothing refers to it, but `__start_table` keeps it."""
    made = project_of(tmp_path, link, PLAIN.format("one", 1) + ENTRY.format("one", 5), PLAIN.format("two", 2))
    assert printed(initial(made)) == "5 1 entries"
    made.write("two.c", PLAIN.format("two", 2) + ENTRY.format("two", 7))
    assert printed(made.step("initial:E8")) == "5 7 2 entries"
    made.write("two.c", PLAIN.format("two", 2) + ENTRY.format("two", 8))
    assert printed(made.step("update")) == "5 8 2 entries"
    made.write("two.c", PLAIN.format("two", 2))
    assert printed(made.step("initial:E8")) == "5 1 entries"


@pytest.mark.parametrize("link", [GC, ""])
def test_the_order_of_entries(tmp_path, link):
    """Sections take old places of their size, which would let these change places."""
    two = PLAIN.format("two", 2)
    made = project_of(tmp_path, link, PLAIN.format("one", 1), two + SEVERAL.format("1", "2, 3"))
    assert printed(initial(made)) == "1 2 3 3 entries"
    made.write("two.c", two + SEVERAL.format("4, 5", "6"))
    assert printed(made.step("initial:E8")) == "4 5 6 3 entries"
    made.write("two.c", two + SEVERAL.format("7, 8", "9"))
    assert printed(made.step("update")) == "7 8 9 3 entries"


@pytest.mark.parametrize("link", [GC, ""])
def test_a_member_with_entries_is_not_needed_any_more(tmp_path, link):
    two = PLAIN.format("two", 2) + ENTRY.format("two", 7)
    made = project_of(tmp_path, link, PLAIN.format("one", 1) + ENTRY.format("one", 5), two)
    made.call("ar", "rc", "lib.a", "two.o")
    made.objects[-1] = "lib.a"
    assert printed(initial(made)) == "5 7 2 entries"
    made.write("main.c", WALK.format(use="one() - 1"))
    assert printed(made.step("initial:E15")) == "5 1 entries"


@pytest.mark.parametrize("link", [GC, ""])
def test_the_first_walk(tmp_path, link):
    made = project_of(tmp_path, link, PLAIN.format("one", 1) + ENTRY.format("one", 5), PLAIN.format("two", 2))
    made.write("main.c", "int one(void); int two(void); int main(void) { return one() + two() - 3; }\n")
    initial(made)
    made.write("main.c", WALK.format(use=BOTH))
    assert printed(made.step("initial:E2")) == "5 1 entries"


def test_the_first_walk_where_a_library_has_such_a_section(tmp_path):
    """Its ends are those of its own section, and not of the program's."""
    made = project_of(
        tmp_path, f"{GC} libown.so -Wl,-rpath,.", ENTRY.format("one", 5), PLAIN.format("two", 2)
    )
    (made.directory / "own.c").write_text(
        "int __start_table[] = {1, 2}, __stop_table[1]; int one(void) { return 1; }"
    )
    made.call("gcc", "-shared", "-fPIC", "own.c", "-o", "libown.so")
    made.write("main.c", "int one(void); int two(void); int main(void) { return one() + two() - 3; }\n")
    initial(made)
    made.write("main.c", WALK.format(use=BOTH).replace(" __attribute__((weak))", ""))
    assert printed(made.step("initial:E2")) == "5 1 entries"


@pytest.mark.parametrize("where", ["main.c", "walk.c"])
def test_bounds_that_only_dropped_code_mentioned_are_needed(tmp_path, where):
    """The entries are not in the output: a full link brings them."""
    made = project_of(tmp_path, GC, REFERRED.format("one", 1), REFERRED.format("two", 2))
    walk = WALK.format(use="0").replace("main", "walk")
    main = '#include <stdio.h>\nint walk(void);\nint main(void) {{ puts("\\nnone"); return {}; }}\n'
    made.write("main.c", "")
    made.write("walk.c", "")
    made.write(where, walk)
    made.write("begin.c", main.format("0"))
    assert "none" in initial(made)
    made.write("begin.c", main.format("walk()"))
    assert "1 2 2 entries" in made.step("initial:E2")
