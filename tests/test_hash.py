"""Hash tables for the loader: every symbol is found by dlsym, in each style. (`sanity` reads the
tables too.)
"""

from __future__ import annotations

import pytest
from programs import assemble, compile_c, pic_c

STYLES = {"gnu": {".gnu.hash"}, "sysv": {".hash"}, "both": {".gnu.hash", ".hash"}}
FINDER = """
    #include <dlfcn.h>
    #include <stdio.h>
    #include <stdlib.h>
    int main(int count, char **arguments) {
        void *library = dlopen(arguments[1], RTLD_NOW);
        char name[64];
        for (int n = 0; n < atoi(arguments[2]); n++) {
            sprintf(name, "function_%d", n);
            int (*function)(void) = (int (*)(void))dlsym(library, name);
            if (!function || function() != n) { printf("%s is not found\\n", name); return 1; }
        }
        if (dlsym(library, "missing") || dlsym(library, "function_") || dlsym(library, "")) return 2;
        return 42;
    }
"""


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("count", [1, 2, 3, 17, 1000])
def test_every_symbol_is_found(link, style, count):
    source = "".join(f"int function_{n}(void) {{ return {n}; }}\n" for n in range(count))
    library = link.shared(pic_c(source), f"-Wl,--hash-style={style}")

    link(compile_c(FINDER)).run(str(library.path), str(count), status=42)
    assert {".gnu.hash", ".hash"} & library.sections.keys() == STYLES[style]


@pytest.mark.parametrize("form", ["-Wl,--hash-style,sysv", "-Wl,-hash-style=sysv", "-Wl,--hash-style=sysv"])
def test_spellings_of_the_option(link, form):
    library = link.shared(pic_c("int f(void) { return 1; }"), form)

    assert ".hash" in library.sections
    assert library.tag("HASH")


def test_without_option_there_is_a_table(link):
    """musl-gcc passes no --hash-style: whatever the default is, the loader must find symbols."""
    library = link.raw(assemble(".globl f\nf: mov $42, %eax\n ret"), "-shared", output="libf.so")
    main = compile_c("int f(void); int main(void) { return f(); }")

    link(main, library).run(status=42)
    assert library.tag("GNU_HASH") or library.tag("HASH")


@pytest.mark.parametrize("style", STYLES)
def test_library_without_exports_loads(link, style):
    """No defined dynamic symbol: the table is empty, and the loader must not trip over it."""
    library = link.shared(
        pic_c('__attribute__((visibility("hidden"))) int f(void) { return 1; }'),
        f"-Wl,--hash-style={style}",
        "-nostdlib",
    )

    link(compile_c("int main(void) { return 42; }"), "-Wl,--no-as-needed", library).run(status=42)


def test_undefined_symbols_are_outside_the_gnu_table(link):
    """The first symbol the table covers (symoffset) comes after all undefined ones."""
    library = link.shared(
        pic_c('#include <stdio.h>\nvoid f(void) { puts("x"); } void g(void) { f(); }'), "-Wl,--hash-style=gnu"
    )

    first = int.from_bytes(library.contents(".gnu.hash")[4:8], "little")
    sections = [symbol.section for symbol in library.dynamic_symbol_list]
    assert "UNDEF" not in sections[first:]


@pytest.mark.parametrize("style", STYLES)
def test_names_with_high_bytes(link, style):
    """Hash functions take bytes as unsigned: UTF-8 identifiers show a signed char."""
    library = link.shared(pic_c("int größe(void) { return 42; }"), f"-Wl,--hash-style={style}")
    main = compile_c(
        "#include <dlfcn.h>\nint main(int n, char **v) { "
        'int (*f)(void) = (int (*)(void))dlsym(dlopen(v[1], 2), "größe"); return f(); }'
    )

    link(main).run(str(library.path), status=42)


@pytest.mark.parametrize("style", STYLES)
def test_versioned_symbols_are_found_by_version(link, style):
    script = link.directory / "v.map"
    script.write_text("V1 { global: f; local: *; }; V2 { global: f; } V1;")
    source = (
        '__asm__(".symver a, f@V1; .symver b, f@@V2"); int a(void) { return 40; } int b(void) { return 2; }'
    )
    library = link.shared(pic_c(source), f"-Wl,--version-script={script},--hash-style={style}")
    main = compile_c(
        "#define _GNU_SOURCE\n#include <dlfcn.h>\nint main(int n, char **v) { void *l = dlopen(v[1], 2);"
        ' return ((int (*)(void))dlvsym(l, "f", "V1"))() + ((int (*)(void))dlvsym(l, "f", "V2"))(); }'
    )

    link(main).run(str(library.path), status=42)
