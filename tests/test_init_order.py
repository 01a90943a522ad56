"""Constructors and destructors: by priority, then in the order of the files; .ctors as well as
.init_array.
"""

from __future__ import annotations

import pytest
from elf import SHT_INIT_ARRAY
from programs import archive, assemble, compile_c, compile_cxx, pic_c

PRINT = "#include <unistd.h>\n#define SAY(c) write(1, c, 1)\n"
HOOK = '__attribute__(({0}({1}))) static void {0}_{2}(void) {{ SAY("{2}"); }}\n'
PLAIN = '__attribute__(({0})) static void {0}_{1}(void) {{ SAY("{1}"); }}\n'


@pytest.mark.parametrize("flag", ["-pie", "-no-pie", "-static", "-static-pie"])
def test_constructors_run_by_priority_over_all_files(link, flag):
    one = (
        PRINT
        + HOOK.format("constructor", 300, "c")
        + HOOK.format("constructor", 101, "a")
        + PLAIN.format("constructor", "e")
    )
    two = (
        PRINT
        + HOOK.format("constructor", 200, "b")
        + HOOK.format("constructor", 65000, "d")
        + PLAIN.format("constructor", "f")
    )
    main = PRINT + 'int main(void) { SAY("m"); return 0; }'

    program = link(
        compile_c(one, "-fpie", name="one"), compile_c(two, "-fpie", name="two"), compile_c(main), flag
    )

    assert program.run() == "abcdefm"


def test_priorities_compare_as_numbers(link):
    """.init_array.1000 comes after .init_array.101 although it sorts before as text."""
    source = "".join(
        HOOK.format("constructor", priority, letter)
        for priority, letter in ((1000, "b"), (101, "a"), (20000, "c"))
    )

    assert link(compile_c(PRINT + source + "int main(void) { return 0; }")).run() == "abc"


def test_destructors_run_in_the_opposite_order(link):
    source = (
        PRINT
        + HOOK.format("destructor", 101, "c")
        + HOOK.format("destructor", 200, "b")
        + PLAIN.format("destructor", "a")
    )

    assert link(compile_c(source + "int main(void) { return 0; }")).run() == "abc"


def test_constructors_of_equal_priority_run_in_the_order_of_the_line(link):
    files = [compile_c(PRINT + PLAIN.format("constructor", letter), name=letter) for letter in "zyx"]

    assert link(*files, compile_c("int main(void) { return 0; }")).run() == "zyx"


def test_preinit_array_runs_before_constructors(link):
    source = (
        PRINT
        + """
        static void pre(void) { SAY("p"); }
        __attribute__((section(".preinit_array"), used)) static void (*entry)(void) = pre;
    """
    )

    program = link(compile_c(source + PLAIN.format("constructor", "c") + "int main(void) { return 0; }"))

    assert program.run() == "pc"
    assert program.tag("PREINIT_ARRAYSZ") == [8]


@pytest.mark.unlike("lld", "mold", reason="do not refuse it")
def test_a_shared_object_has_no_preinit_array(link):
    code = compile_c(
        'void f(void) {} __attribute__((section(".preinit_array"), used)) void *entry = f;', "-fPIC"
    )

    assert ".preinit_array" in link.fails(code, "-shared")


def test_cxx_init_priority(link):
    source = "#include <cstdio>\nstruct S { S(const char *c) { fputs(c, stdout); } };\n"
    one = source + 'S b __attribute__((init_priority(2000)))("b"); S d("d");'
    two = (
        source
        + 'S a __attribute__((init_priority(1000)))("a"); S c __attribute__((init_priority(3000)))("c");'
    )
    main = compile_cxx("int main() {}")

    program = link(compile_cxx(one, name="one"), compile_cxx(two, name="two"), main, driver="g++")

    assert program.run() == "abcd"


def test_init_array_has_its_type_and_alignment(link):
    program = link(compile_c(PRINT + PLAIN.format("constructor", "c") + "int main(void) { return 0; }"))

    section = program.sections[".init_array"]
    assert section.type == SHT_INIT_ARRAY
    assert section.size % 8 == 0
    assert section.entry_size == 8
    assert program.tag("INIT_ARRAYSZ") == [section.size]


@pytest.mark.unlike("lld", reason="keeps .ctors apart, and nothing runs it")
def test_ctors_section_runs(link):
    """Old compilers write .ctors; no start file of today runs it, so it is appended to .init_array."""
    old = assemble('.section .ctors,"aw"\n.balign 8\n.quad hook\n.text\nhook: jmp say', name="old")
    main = compile_c(PRINT + 'void say(void) { SAY("c"); } int main(void) { return 0; }', "-fno-pie")

    assert link(main, old, "-no-pie").run() == "c"


@pytest.mark.unlike("lld", reason="keeps .ctors apart, and nothing runs it")
def test_ctors_priorities_mean_the_opposite(link):
    """.ctors.N runs when .init_array.(65535-N) does: the section was run from the end."""
    old = (
        'void {0}(void) {{ SAY("{0}"); }} __attribute__((section(".ctors.{1}"), '
        "used)) static void (*p_{0})(void) = {0};\n"
    )
    source = (
        PRINT
        + old.format("b", 65535 - 200)
        + old.format("a", 65535 - 101)
        + HOOK.format("constructor", 150, "x")
    )

    assert link(compile_c(source + "int main(void) { return 0; }")).run() == "axb"


@pytest.mark.unlike("lld", reason="keeps .ctors apart, and nothing runs it")
def test_dtors_section_runs(link):
    source = PRINT + (
        'void hook(void) { SAY("d"); } __attribute__((section(".dtors"), '
        "used)) static void (*p)(void) = hook;\n"
    )

    assert link(compile_c(source + "int main(void) { return 0; }")).run() == "d"


def say(letter):
    """Assembly of a function that writes a letter, and its address for a table."""
    code = (
        f".text\nsay_{letter}: mov $1, %edi\n lea text_{letter}(%rip), %rsi\n mov $1, %edx\n jmp write@PLT\n"
    )
    return f'{code}.section .rodata\ntext_{letter}: .ascii "{letter}"\n'


def table(section, letters):
    """A section with the addresses of such functions."""
    kind = "@init_array" if section.startswith(".init") else "@progbits"
    pointers = ", ".join(f"say_{letter}" for letter in letters)
    return f'.section {section},"aw",{kind}\n.balign 8\n.quad {pointers}\n'


def object_with(name, **tables):
    """An object whose tables are named by section without the dot, `__` for further dots."""
    parts = [table("." + section.replace("__", "."), letters) for section, letters in tables.items()]
    letters = sorted(set("".join(tables.values())))
    return assemble("".join([*map(say, letters), *parts]), name=name)


@pytest.mark.unlike("lld", reason="keeps .ctors apart, and nothing runs it")
@pytest.mark.parametrize("flag", ["-pie", "-no-pie", "-static", "-static-pie"])
def test_all_kinds_of_constructors_in_one_order(link, flag):
    """By priority; those of .ctors first where it is the same; a .ctors section from its end."""
    one = object_with(
        "one", ctors__65385="a", init_array__150="b", ctors="cd", init_array="e", ctors__65000="fg"
    )
    two = object_with("two", init_array__150="h", ctors__65385="i", init_array="j", ctors="kl")
    main = compile_c("int main(void) { return 0; }", "-fpie")

    assert link(one, two, main, flag).run() == "aibhgfdcejlk"
    assert link(two, one, main, flag).run() == "iahbgfjlkdce"


@pytest.mark.unlike("lld", reason="keeps .ctors apart, and nothing runs it")
def test_ctors_of_a_shared_object_and_collection(link):
    library = link.shared(object_with("one", ctors="ab", ctors__65000="c"), "-Wl,--gc-sections")

    program = link(compile_c("int main(void) { return 0; }"), "-Wl,--no-as-needed", library)

    assert program.run() == "cba"
    assert ".ctors" not in library.sections


@pytest.mark.unlike("lld", reason="keeps all .ctors apart")
@pytest.mark.parametrize("name", ["crtbegin", "crtbeginT", "my-crtbeginS", "crtend", "crtendS"])
@pytest.mark.parametrize("archived", [False, True])
def test_start_files_keep_their_ctors(link, name, archived):
    """crtbegin.o and crtend.o mark the ends of the list for code that walks through .ctors."""
    start = object_with(name, ctors="ab", ctors__65000="c")
    files = ["-Wl,--whole-archive", archive([start]), "-Wl,--no-whole-archive"] if archived else [start]

    program = link(*files, compile_c("int main(void) { return 0; }"))

    assert program.run() == "c"
    assert program.sections[".ctors"].size == 16


@pytest.mark.unlike("lld", reason="keeps .ctors apart, and nothing runs it")
@pytest.mark.parametrize("name", ["begin", "crtbeginXX", "crtendings"])
def test_other_files_do_not(link, name):
    assert link(object_with(name, ctors="ab"), compile_c("int main(void) { return 0; }")).run() == "ba"


@pytest.mark.unlike("lld", reason="keeps .ctors apart, and nothing runs it")
def test_ctors_that_are_no_list_of_addresses_are_refused(link):
    odd = assemble('.section .ctors,"aw"\n.quad 0\n.long 0\n', name="odd")

    assert ".ctors" in link.fails(odd, compile_c("int main(void) { return 0; }"))


def test_init_and_fini_sections_are_whole(link):
    """crti.o opens the functions _init and _fini, crtn.o closes them: the pieces must stay in order."""
    source = assemble('.section .init,"ax"\n call say\n.section .fini,"ax"\n call say\n', name="pieces")
    main = compile_c(PRINT + 'void say(void) { SAY("i"); } int main(void) { return 0; }')

    assert link(main, source).run() == "ii"


def test_init_and_fini_options(link):
    main = compile_c(PRINT + 'void begin(void) { SAY("b"); } void finish(void) { SAY("f"); }')
    library = link.shared(pic_c(PRINT + 'void begin(void) { SAY("b"); } void finish(void) { SAY("f"); }'),
                          "-Wl,-init,begin,-fini,finish")  # fmt: skip

    assert main
    assert library.tag("INIT") == [library.symbols["begin"].value]
    assert library.tag("FINI") == [library.symbols["finish"].value]


def test_constructors_of_libraries_run_before_the_programs(link):
    library = link.shared(pic_c(PRINT + PLAIN.format("constructor", "l")))

    program = link(
        compile_c(PRINT + PLAIN.format("constructor", "p") + "int main(void) { return 0; }"),
        "-Wl,--no-as-needed",
        library,
    )

    assert program.run() == "lp"


def test_init_array_of_plain_data_joins_the_others(link):
    """Hand-written assembly declares .init_array as PROGBITS; the loader must still find all of it."""
    plain = assemble('.section .init_array,"aw",@progbits\n.balign 8\n.quad say_p\n', name="plain")
    source = PRINT + 'void say_p(void) { SAY("p"); }' + PLAIN.format("constructor", "c")

    program = link(compile_c(source + "int main(void) { return 0; }", "-fno-pie"), plain, "-no-pie")

    assert sorted(program.run()) == ["c", "p"]
    assert program.sections[".init_array"].type == SHT_INIT_ARRAY
