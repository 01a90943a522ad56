"""Updates that bring the first contents of a section: programs have room in those that most get some day."""

from __future__ import annotations

from pathlib import Path

import pytest
from editing import Project, initial

pytestmark = pytest.mark.only_wild

MAIN = """
#include <stdio.h>
int part(int); int other(int);
int main(void) { for (int i = 0; i < 3; i++) printf("%d %d\\n", part(i), other(i)); return 0; }
"""
OTHER = "int other(int x) { return x + 1; }\n"
PART = "int part(int x) { return x + 2; }\n"
FIRST = {
    "pointers": "int other(int); static int (*const table[])(int) = {other, other};\n"
    "int part(int x) { return table[x & 1](x); }\n",
    "zeros": "static _Thread_local int zeros[3]; int part(int x) { return ++zeros[x]; }\n",
    "values": "static _Thread_local int value = 7; int part(int x) { return value++ + x; }\n",
    "alignment": "static _Thread_local _Alignas(16) int value = 7; int *where(void) { return &value; }\n"
    "int part(int x) { return value++ + x + ((unsigned long) where() & 15); }\n",
    "lists": "int other(int); int part(int x) { int y = other(x); if (y > 1) y = other(y); return y * other(x); }\n",
    "switch": "int other(int); int part(int x) { switch (x) { case 0: return 7; case 1: return other(9); case 2: return"
    " 20; case 3: return 8; case 4: return 77; case 5: return other(x); } return 3; }\n",
}
CXX = {
    "exceptions": '#include <stdexcept>\nint part(int x) { try { if (x) throw std::runtime_error("a"); } catch (const'
    " std::exception &e) { return *e.what(); } return x; }\n",
    "virtual functions": "struct A { virtual int f(int x); virtual ~A() {} }; int A::f(int x) { return x + 8; }\n"
    "int part(int x) { A a; A *volatile p = &a; return p->f(x); }\n",
    "objects of threads": '#include <string>\nthread_local std::string text = "abc";\n'
    "int part(int x) { text += 'd'; return x + text.size(); }\n",
}
USE = "#include <string>\nint other(int x) { return x + std::to_string(x).size(); }\n"  # of the library, in any case
FLAGS = ["-O1", "-O2 -g", "-O2 -gdwarf-4", "-O1 -ffunction-sections -fdata-sections"]


def follow(directory: Path, flags: str, link: str, driver: str, other: str, first: str) -> None:
    made = Project(directory / "project", flags, link, driver)
    extension = "cc" if driver == "g++" else "c"
    made.write(f"main.{extension}", MAIN)
    made.write(f"other.{extension}", other)
    made.write(f"part.{extension}", PART)
    initial(made)
    # Exceptions need libgcc_s, and do not any more when they are gone.
    for text in (first, PART, first) if driver == "gcc" else (first,):
        made.write(f"part.{extension}", text)
        made.step("update")


@pytest.mark.parametrize("flags", FLAGS)
@pytest.mark.parametrize("kind", FIRST)
def test_in_c(tmp_path, kind, flags):
    link = "-Wl,--gc-sections" if "sections" in flags else ""
    follow(tmp_path, flags, link, "gcc", OTHER, FIRST[kind])


@pytest.mark.parametrize("kind", ["zeros", "values", "alignment", "switch"])
@pytest.mark.parametrize("link", ["-static", "-no-pie"])
def test_in_c_without_pie(tmp_path, kind, link):
    follow(tmp_path, "-O1 -g -fno-pie", link, "gcc", OTHER, FIRST[kind])


@pytest.mark.parametrize("flags", ["-O0 -g", "-O2"])
@pytest.mark.parametrize("kind", CXX)
def test_in_cxx(tmp_path, kind, flags):
    follow(tmp_path, flags, "", "g++", USE, CXX[kind])


@pytest.mark.parametrize("kind", ["zeros", "values", "alignment"])
def test_thread_local_variables_of_a_shared_object(tmp_path, kind):
    """It gets room for them if it has some."""
    made = Project(tmp_path / "project", "-O1 -fPIC", "-shared", output="libown.so")
    made.write("other.c", "static _Thread_local int count; int other(int x) { return ++count + x; }\n")
    made.write("part.c", PART)
    initial(made)
    (made.directory / "use.c").write_text(MAIN)
    for text in (FIRST[kind], PART):
        made.write("part.c", text)
        made.step("update")
        made.check_library()


def test_a_section_of_another_alignment(tmp_path):
    made = Project(tmp_path / "project")
    made.write("main.c", MAIN)
    made.write("other.c", '__attribute__((section(".own"))) char first = 3;\n' + OTHER)
    made.write("part.c", PART)
    initial(made)
    made.write(
        "part.c", '__attribute__((section(".own"))) long more = 5; int part(int x) { return x + more++; }\n'
    )
    made.step("update")
    made.write(
        "part.c", '__attribute__((section(".its"))) long more = 5; int part(int x) { return x + more++; }\n'
    )
    made.step("initial:D8")


def test_more_alignment_than_there_is_room_for(tmp_path):
    made = Project(tmp_path / "project")
    made.write("main.c", MAIN)
    made.write("other.c", OTHER)
    made.write("part.c", PART)
    initial(made)
    made.write("part.c", FIRST["alignment"].replace("16", "256").replace("15", "255"))
    made.step("initial:D8")


def test_the_smallest_stack_of_a_thread(tmp_path):
    """Thread-local variables lie on it, and so does their room."""
    made = Project(tmp_path / "project")
    made.write(
        "main.c",
        """
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
static _Thread_local int own[4];
static void *run(void *argument) { own[1]++; return argument; }
int main(void) {
    pthread_attr_t attributes; pthread_t thread;
    pthread_attr_init(&attributes); pthread_attr_setstacksize(&attributes, PTHREAD_STACK_MIN);
    int status = pthread_create(&thread, &attributes, run, 0);
    printf("%d\\n", status);
    return status || pthread_join(thread, 0);
}
""",
    )
    assert initial(made) == "0\n0\n"
