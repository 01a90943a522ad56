"""A function has one address: in the program, in its libraries, in code and in data (canonical PLT
entries).
"""

from __future__ import annotations

import pytest
from programs import compile_c, pic_c

LIBRARY = "int f(void) { return 42; } void *address(void) { return (void *)f; }"
MAIN = """
    int f(void); void *address(void);
    int (*in_data)(void) = f;
    int main(void) {
        int (*in_code)(void) = f;
        return in_code == in_data && (void *)in_code == address() ? in_code() : 1;
    }
"""


@pytest.mark.parametrize("binding", ["-Wl,-z,now", "-Wl,-z,lazy"])
@pytest.mark.parametrize(
    ("code", "kind"), [("-fno-pie", "-no-pie"), ("-fpie", "-pie"), ("-fPIC", "-pie"), ("-fno-plt", "-pie")]
)
def test_program_and_library_agree_on_an_address(link, code, kind, binding):
    library = link.shared(pic_c(LIBRARY))

    link(compile_c(MAIN, code), library, kind, binding).run(status=42)


def test_address_taken_without_pic_makes_the_plt_entry_the_address(link):
    """The undefined dynamic symbol has the PLT entry as its value, which the loader then uses everywhere."""
    library = link.shared(pic_c(LIBRARY))

    program = link(compile_c(MAIN, "-fno-pie"), library, "-no-pie")

    symbol = program.dynamic_symbols["f"]
    assert symbol.section == "UNDEF"
    assert program.section_at(symbol.value).startswith(".plt")


def test_call_alone_needs_no_canonical_entry(link):
    library = link.shared(pic_c(LIBRARY))

    program = link(compile_c("int f(void); int main(void) { return f(); }", "-fno-pie"), library, "-no-pie")

    program.run(status=42)
    assert program.dynamic_symbols["f"].value == 0


def test_two_libraries_agree(link):
    one = link.shared(pic_c(LIBRARY), output="libone.so")
    two = link.shared(pic_c("int f(void); void *other(void) { return (void *)f; }"), one, output="libtwo.so")
    main = compile_c(
        "void *address(void), *other(void); int main(void) { return address() == other() ? 42 : 1; }"
    )

    link(main, one, two).run(status=42)


def test_dlsym_finds_the_canonical_address(link):
    library = link.shared(pic_c(LIBRARY))
    main = compile_c(
        (
            "#define _GNU_SOURCE\n#include <dlfcn.h>\nint f(void); int main(void) { "
            'return dlsym(RTLD_DEFAULT, "f") == (void *)f ? 42 : 1; }'
        ),
        "-fno-pie",
    )

    link(main, library, "-no-pie").run(status=42)


def test_protected_function_in_a_symbolic_library_keeps_its_own_address(link):
    """Calls work in any case; only the comparison of addresses may differ."""
    library = link.shared(pic_c(LIBRARY), "-Wl,-Bsymbolic-functions")
    main = compile_c(
        "int f(void); int (*p)(void) = f; int main(void) { return p() == 42 && f() == 42 ? 42 : 1; }", "-fPIC"
    )

    link(main, library).run(status=42)


def test_address_comparison_with_null(link):
    library = link.shared(pic_c(LIBRARY))
    main = compile_c("int f(void) __attribute__((weak)); int main(void) { return f ? f() : 1; }", "-fno-pie")

    link(main, "-Wl,--no-as-needed", library, "-no-pie").run(status=42)


def test_function_pointer_in_read_only_data_of_a_pie(link):
    library = link.shared(pic_c(LIBRARY))
    main = compile_c(
        (
            "int f(void); static int (*const table[])(void) = { f, f }; int main(int n, char **v) { "
            "return table[n](); }"
        ),
        "-fpie",
    )

    program = link(main, library, "-pie")

    program.run(status=42)
    assert "f" in program.relocation_set("64")


def test_a_protected_function_has_no_other_address(link):
    """Its own module would compare it with an address that is not that of the program's PLT entry."""
    code = '__attribute__((visibility("protected"))) int f(void) { return 42; }'
    library = link.shared(pic_c(code), output="libf.so")

    address = compile_c(
        "int f(void); int (*volatile p)(void); int main(void) { p = f; return p(); }", "-fno-pie"
    )
    assert "protect" in link.fails(address, library, "-no-pie")

    call = compile_c("int f(void); int main(void) { return f(); }", "-fno-pie")
    link(call, library, "-no-pie").run(status=42)
