"""What the linker says about undefined and duplicate symbols, word for word."""

from __future__ import annotations

import pytest
from programs import archive, assemble, compile_c, compile_cxx, exit_with, pic_c
from texts import errors

pytestmark = pytest.mark.only_wild
EMPTY_MAIN = "int main(void) { return 0; }"
START = ".globl _start\n_start:" + exit_with()


# --- undefined symbols -------------------------------------------------------------------------------------


def test_place_line_and_function_of_an_undefined_symbol(link):
    source = "int missing(void);\n\nint main(void) {\n  return missing();\n}\n"

    assert errors(link, compile_c(source, "-g", "-O0")) == (
        "wild: error: undefined symbol: missing\n"
        ">>> referenced by main.c:4\n"
        ">>>               main.o:(.text+0x5) in function main\n"
    )


def test_without_debug_information_the_place_stands_alone(link):
    main = compile_c("int missing(void); int main(void) { return missing(); }", "-ffunction-sections")

    assert errors(link, main) == (
        "wild: error: undefined symbol: missing\n>>> referenced by main.o:(.text.main+0x5)\n"
    )


def test_section_of_a_cxx_function(link):
    main = compile_cxx(
        "void missing(); namespace shape { inline void draw() { missing(); } } int main() { shape::draw(); }"
    )

    assert ">>> referenced by main.o:(.text.shape::draw()+0x5)\n" in errors(link, main, driver="g++")
    assert "(.text._ZN5shape4drawEv+0x5)\n" in errors(link, main, "-Wl,--no-demangle", driver="g++")


def test_three_places_are_shown_and_the_others_counted(link):
    main = assemble(START + " call missing\n" * 5)

    assert errors(link, main, driver="raw") == (
        "wild: error: undefined symbol: missing\n"
        ">>> referenced by main.o:(.text+0xd)\n"
        ">>> referenced by main.o:(.text+0x12)\n"
        ">>> referenced by main.o:(.text+0x17)\n"
        ">>> referenced 2 more times\n"
    )


def test_reference_from_data_and_from_an_archive_member(link):
    member = assemble(".globl f\nf: ret\n.data\n .quad 0\n .quad missing\n", name="member")
    main = assemble(START + " call f\n")

    assert errors(link, main, archive([member], "libuser.a"), driver="raw") == (
        "wild: error: undefined symbol: missing\n>>> referenced by libuser.a(member.o):(.data+0x8)\n"
    )


def test_references_of_dropped_sections_do_not_count(link):
    main = assemble(START + " call missing\n.section .text.unused\n call missing\n call missing\n")

    message = errors(link, main, "--gc-sections", driver="raw")

    assert message.count("referenced") == 1


def test_weak_references_are_not_listed(link):
    weak = assemble(".weak missing\n.data\n.quad missing\n", name="weak")

    assert "weak.o" not in errors(link, weak, assemble(START + " call missing\n"), driver="raw")


def test_missing_main(link):
    assert ">>> a program needs a function main; to make a shared object, link with -shared\n" in errors(
        link, compile_c("int x;", name="x")
    )


def test_missing_vtable(link):
    source = "struct Shape { virtual void draw(); virtual int area() { return 1; } }; Shape s; int main() {}"

    message = errors(link, compile_cxx(source), driver="g++")

    assert message == (
        "wild: error: undefined symbol: vtable for Shape\n"
        ">>> referenced by main.o:(.data.rel+0x0)\n"
        ">>> the vtable comes with the definition of the class's key function, its first virtual function that\n"
        ">>> is neither inline nor pure: is that function defined, and its file linked?\n"
    )


def test_math_library(link):
    main = compile_c("double pow(double, double); int main(int n, char **v) { return pow(n, n); }")

    assert ">>> it is in the math library: add -lm behind the objects\n" in errors(link, main)


def test_library_that_is_linked_is_not_advised(link):
    main = compile_c("void pthread_no_such_thing(void); int main(void) { pthread_no_such_thing(); }")
    stub = archive([compile_c("int stub;", name="stub")], "libpthread.a")

    assert "-pthread" in errors(link, main)
    assert "-pthread" not in errors(link, main, stub)


def test_cxx_library(link):
    main = compile_cxx("#include <string>\nint main() { return std::to_string(5).size(); }")

    assert "link with g++ or clang++" in errors(link, main, driver="gcc")


def test_similar_name_and_where_it_is(link):
    main = compile_c("int calculate_sun(void); int main(void) { return calculate_sun(); }")

    assert errors(link, main, compile_c("int calculate_sum(void) { return 1; }", name="other")) == (
        "wild: error: undefined symbol: calculate_sun\n"
        ">>> referenced by main.o:(.text+0x5) in function main\n"
        ">>> did you mean: calculate_sum\n"
        ">>> defined in other.o\n"
    )


def test_c_function_without_extern_c(link):
    main = compile_cxx("int area(int); int main() { return area(1); }")

    message = errors(link, main, compile_c("int area(int n) { return n; }", name="other"), driver="g++")

    assert '>>> did you mean: area, which is defined as extern "C"\n>>> defined in other.o\n' in message


def test_other_parameters(link):
    main = compile_cxx("namespace shape { int area(long); } int main() { return shape::area(1); }")
    other = compile_cxx("namespace shape { int area(const char *, bool) { return 1; } }", name="other")

    message = errors(link, main, other, driver="g++")

    assert ">>> did you mean: shape::area(char const*, bool)\n>>> defined in other.o\n" in message


def test_static_function_of_another_file(link):
    main = compile_c("int helper(void); int main(void) { return helper(); }")
    other = compile_c("static int helper(void) { return 1; } int (*kept)(void) = helper;", name="other")

    assert (
        ">>> other.o has a local symbol of that name; is it static, or in an unnamed namespace?\n"
        in errors(link, main, other)
    )


def test_old_version_of_a_shared_object(link):
    source = 'int old_1(void) { return 1; }\n__asm__(".symver old_1, old@V1");'
    script = link.directory / "versions"
    script.write_text("V1 { };")
    library = link.shared(pic_c(source), f"-Wl,--version-script={script}", output="libold.so")

    message = errors(link, compile_c("int old(void); int main(void) { return old(); }"), library)

    assert ">>> libold.so defines old@V1, a version that only serves programs linked long ago\n" in message


def test_hidden_declaration_of_a_symbol_of_a_shared_object(link):
    library = link.shared(pic_c("int f(void) { return 1; }"), output="libf.so")
    source = '__attribute__((visibility("hidden"))) int f(void); int main(void) { return f(); }'

    assert (
        ">>> libf.so defines it, but main.o declares it hidden, so that\n"
        ">>> it has to be defined in the output: take the visibility from its declaration\n"
    ) in errors(link, compile_c(source), library)


def test_symbol_that_a_shared_object_does_not_export(link):
    source = '__attribute__((visibility("hidden"))) int f(void) { return 1; } int g(void) { return f(); }'
    library = link.shared(pic_c(source), output="libf.so")

    assert (
        ">>> libf.so has a symbol of that name that it does not export; was it compiled with\n"
        ">>> -fvisibility=hidden, or linked with a version script that does not name it?\n"
    ) in errors(link, compile_c("int f(void); int main(void) { return f(); }"), library)


GROUP = '.section .text.f,"axG",@progbits,f,comdat\n.globl f\nf: ret\n'


def test_definition_in_a_discarded_group(link):
    user = assemble(GROUP + ".globl g\ng: ret\n.text\n" + START + " call g\n", name="user")

    assert errors(link, assemble(GROUP, name="first"), user, driver="raw") == (
        "wild: error: undefined symbol: g\n"
        ">>> referenced by user.o:(.text+0xd)\n"
        ">>> user.o defines it in .text.f, which was discarded\n"
        ">>> because the section group f of first.o counts, and lacks it;\n"
        ">>> are the two compiled from different definitions (one definition rule) or with other options?\n"
    )


def test_undefined_symbol_of_a_shared_object(link):
    library = link.shared(pic_c("int missing(void); int f(void) { return missing(); }"), output="libf.so")

    assert errors(link, compile_c("int f(void); int main(void) { return f(); }"), library) == (
        "wild: error: undefined symbol: missing\n"
        ">>> referenced by libf.so\n"
        ">>> --allow-shlib-undefined leaves it to the dynamic linker\n"
    )


def test_old_version_satisfies_a_shared_object(link):
    """libf.so was linked against a library that has since made its symbol obsolete."""
    script = link.directory / "versions"
    script.write_text("V1 { };")
    source = 'int old_1(void) { return 42; }\n__asm__(".symver old_1, old@V1");'
    then = link.shared(
        pic_c("int old(void) { return 1; }"), "-Wl,--version-script=" + str(script), output="libold.so"
    )
    user = link.shared(pic_c("int old(void); int f(void) { return old(); }"), then, output="libf.so")
    now = link.shared(pic_c(source), f"-Wl,--version-script={script}", output="libold.so")

    link(compile_c("int f(void); int main(void) { return f(); }"), user, now)


# --- duplicate symbols -------------------------------------------------------------------------------------


def test_all_places_of_a_duplicate_symbol(link):
    objects = [
        compile_c("\n" * number + "int f(void) { return 1; }", "-g", name=f"file{number}")
        for number in range(3)
    ]

    assert errors(link, compile_c(EMPTY_MAIN), *objects) == (
        "wild: error: duplicate symbol: f\n"
        ">>> defined at file0.c:1\n"
        ">>>            file0.o:(.text+0x0)\n"
        ">>> defined at file1.c:2\n"
        ">>>            file1.o:(.text+0x0)\n"
        ">>> defined at file2.c:3\n"
        ">>>            file2.o:(.text+0x0)\n"
    )


def test_duplicate_data_and_numbers(link):
    one = assemble(".globl level\nlevel = 7\n", name="one")
    two = assemble(".data\n.zero 8\n.globl level\nlevel: .long 1\n", name="two")

    assert errors(link, assemble(START), one, two, driver="raw") == (
        "wild: error: duplicate symbol: level\n"
        ">>> defined in one.o as the number 0x7\n"
        ">>> defined at two.o:(.data+0x8)\n"
    )


def test_file_that_is_given_twice(link):
    main = assemble(START)

    assert errors(link, main, main, driver="raw") == (
        "wild: error: duplicate symbol: _start\n"
        ">>> defined at main.o:(.text+0x0)\n"
        ">>> defined at main.o:(.text+0x0)\n"
        ">>> main.o is given twice\n"
    )


def test_symbol_of_a_library_that_is_not_linked(link, tmp_path):
    """Found by the index of an archive and by the dynamic symbols of a shared object."""
    wanted = "wanted_for_the_test_of_libraries"
    main = compile_c(
        f"int {wanted}(void), {wanted}_2(void); int main(void) {{ return {wanted}() + {wanted}_2(); }}"
    )
    (tmp_path / "libs").mkdir()
    member = compile_c(f"int {wanted}(void) {{ return 1; }}", name="member")
    (tmp_path / "libs" / "libgiven.a").write_bytes(archive([member], "libgiven.a").read_bytes())
    link.shared(pic_c(f"int {wanted}_2(void) {{ return 1; }}"), output="libs/libother.so")

    text = errors(link, main, "-Llibs")
    assert ">>> defined in libs/libgiven.a, which is not on the line; add -lgiven\n" in text
    assert ">>> defined in libs/libother.so, which is not on the line; add -lother\n" in text


def test_reference_of_a_shared_object_is_no_definition(link, tmp_path):
    name = "only_referred_to_by_a_library"
    main = compile_c(f"int {name}(void); int main(void) {{ return {name}(); }}")
    link.shared(pic_c(f"int {name}(void); int f(void) {{ return {name}(); }}"), output="libgiven.so")

    assert "not on the line" not in errors(link, main, "-L.")
