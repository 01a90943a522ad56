"""Updates of programs at fixed addresses whose code takes the address of a library's function: it is one everywhere."""

from __future__ import annotations

from pathlib import Path

import pytest
from editing import Project, initial
from elf import Elf

pytestmark = pytest.mark.only_wild

LIBRARY = """
int own(int x) { return x * 3; } int other(int x) { return x * 5; }
void *address_of_own(void) { return (void *) own; } void *address_of_other(void) { return (void *) other; }
"""
MAIN = """
#include <stdio.h>
#include <string.h>
int own(int); int part(int); void *address_of_own(void); void *address_of_other(void);
void *asked(int which);
int main(void) {
    for (int which = 0; which < 2; which++) {
        void *there = which ? address_of_other() : address_of_own();
        if (asked(which)) printf("%d: %d %d\\n", which, asked(which) == there, ((int (*)(int)) asked(which))(7));
    }
    printf("%d %d\\n", part(3), CALL);
    return 0;
}
"""
PART = "int own(int); int other(int); void *asked(int which) { return 0; }\nint part(int x) { return x; }\n"
TAKES = PART.replace("return 0", "return which ? 0 : (void *) own")
TAKES_BOTH = PART.replace("return 0", "return which ? (void *) other : (void *) own")
BINDINGS = ["-Wl,-z,now", "-Wl,-z,lazy"]


def project_of(directory: Path, link: str = "", call: str = "own(2)", flags: str = "-O1 -fno-pie") -> Project:
    made = Project(directory / "project", flags, f"-no-pie libown.so -Wl,-rpath,. {link}")
    (made.directory / "own.c").write_text(LIBRARY)
    made.call("gcc", "-O1", "-shared", "-fPIC", "own.c", "-o", "libown.so")
    made.write("main.c", MAIN.replace("CALL", call))
    made.write("part.c", PART)
    initial(made)
    return made


@pytest.mark.parametrize("call", ["own(2)", "0"])
@pytest.mark.parametrize("link", [*BINDINGS, "-Wl,--gc-sections", "-Wl,--hash-style=both"])
def test_an_address_is_taken(tmp_path, link, call):
    """Of a function that was called by then, and of one that was not used at all."""
    made = project_of(tmp_path, link, call)
    for text in (TAKES, PART, TAKES_BOTH, TAKES):
        made.write("part.c", text)
        assert "0: 1 21" in made.step("update") or text == PART
    assert Elf((made.directory / made.output).read_bytes()).dynamic_symbols["own"].value


@pytest.mark.parametrize("link", BINDINGS)
def test_a_function_that_an_update_has_called_first(tmp_path, link):
    """Its PLT entry jumps through a word that would lead to itself then."""
    made = project_of(tmp_path, link, "0")
    made.write("part.c", PART.replace("return x", "return own(x) + other(x)"))
    made.step("update")
    made.write("main.c", MAIN.replace("CALL", "own(4)"))
    made.step("update")
    made.write("part.c", TAKES_BOTH)
    assert "0: 1 21\n1: 1 35\n3 12" in made.step("update")


def test_data_and_tables_of_addresses(tmp_path):
    made = project_of(tmp_path)
    made.write("part.c", PART.replace("return 0", "return (void *) table[which]").replace(
        "void *asked", "static int (*const table[])(int) = {own, other}; int (*data)(int) = own; void *asked").replace(
        "return x", "return x + (data == own)"))  # fmt: skip
    assert "0: 1 21\n1: 1 35\n4 6" in made.step("update")


def test_objects_that_reach_it_by_the_got(tmp_path):
    """Code for shared objects in an object that has not changed."""
    made = project_of(tmp_path)
    made.flags = ["-O1", "-fPIC", "-fno-plt"]
    made.write("main.c", MAIN.replace("CALL", "(own == address_of_own()) + own(2)"))
    made.step("update")
    made.flags = ["-O1", "-fno-pie"]
    made.write("part.c", TAKES)
    assert "0: 1 21\n3 7" in made.step("update")


def test_functions_of_libc(tmp_path):
    """With versions, and an indirect one."""
    made = Project(tmp_path / "project", "-O1 -fno-pie", "-no-pie")
    main = '#include <stdio.h>\nint part(const char *); int main(void) { printf("%d\\n", part("ab")); return 0; }\n'
    made.write("main.c", main)
    made.write("part.c", "int part(const char *x) { return *x; }\n")
    initial(made)
    made.write(
        "part.c",
        "#include <stdlib.h>\n#include <string.h>\nint (*volatile compare)(const char *, const char *);\n"
        "static int by_text(const void *a, const void *b) { return strcmp(a, b); }\n"
        "void *(*volatile allocate)(size_t); void (*volatile release)(void *);\n"
        'int part(const char *x) { char text[] = "cba"; compare = strcmp; allocate = malloc; release = free;\n'
        '  qsort(text, 3, 1, by_text); release(allocate(9)); return compare(x, "aa") + text[0]; }\n',
    )
    assert "98" in made.step("update")


def test_a_protected_function_is_an_error_of_the_full_link(tmp_path):
    made = project_of(tmp_path, flags="-O1 -fno-pie -mno-direct-extern-access")
    made.write("part.c", TAKES)
    made.step("update")  # by the GOT
    made.flags = ["-O1", "-fno-pie"]
    (made.directory / "own.c").write_text(
        LIBRARY.replace("int other", '__attribute__((visibility("protected"))) int other')
    )
    made.call("gcc", "-O1", "-shared", "-fPIC", "own.c", "-o", "libown.so")
    made.link()
    made.write("part.c", PART.replace("return 0", "return which ? (void *) other : 0"))
    line = made.link(check=False)
    assert (line["mode"], line["status"]) == ("failed", 1), line
    assert "symbol 'other'" in str(line["messages"])
