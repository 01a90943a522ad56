"""Plugins: libraries opened at run time, with data, TLS, constructors and symbols of the program."""

from __future__ import annotations

import pytest
from programs import compile_c, pic_c

HOST = """
    #include <dlfcn.h>
    #include <stdio.h>
    int host_value = 40;
    int host_function(int n) { return n + host_value; }
    int main(int count, char **arguments) {
        void *plugin = dlopen(arguments[1], RTLD_NOW);
        if (!plugin) { puts(dlerror()); return 1; }
        int (*run)(int) = (int (*)(int))dlsym(plugin, "run");
        return run ? run(2) : 3;
    }
"""


@pytest.mark.parametrize("flag", ["-rdynamic", "-Wl,--export-dynamic-symbol=host_*"])
def test_plugin_calls_its_host(link, flag):
    plugin = link.shared(
        pic_c(
            "extern int host_value; int host_function(int); int run(int n) { "
            "return host_function(n) + host_value - 40; }"
        ),
        output="plugin.so",
    )

    link(compile_c(HOST), flag).run(str(plugin.path), status=42)


def test_plugin_without_exported_host_fails_to_load(link):
    plugin = link.shared(
        pic_c("int host_function(int); int run(int n) { return host_function(n); }"), output="plugin.so"
    )

    assert "host_function" in link(compile_c(HOST)).run(str(plugin.path), status=1)


def test_plugin_with_everything(link):
    """Constructor, destructor, thread-local, relocated constants, weak and common symbols, a dependency."""
    source = """
        #include <math.h>
        #include <stdio.h>
        static int started;
        static __thread int calls = 5;
        static int a = 1, b = 2;
        static int *const table[] = { &a, &b };
        extern int optional(void) __attribute__((weak));
        int common;
        __attribute__((constructor)) static void start(void) { started = 30; }
        __attribute__((destructor)) static void stop(void) { puts("stopped"); }
        int run(int n) { return started + calls++ + *table[0] + *table[1] + common + (optional ? 100 : 0) +
            (int)sqrt(n * 8); }
    """
    plugin = link.shared(pic_c(source, "-fcommon"), "-lm", output="plugin.so")

    assert link(compile_c(HOST)).run(str(plugin.path), status=42) == "stopped\n"


def test_two_plugins_of_equal_symbols_stay_apart(link):
    plugins = [
        link.shared(pic_c(f"static int v = {n}; int run(int a) {{ return v + a; }}"), output=f"plugin{n}.so")
        for n in (10, 40)
    ]
    host = HOST.replace(
        "return run ? run(2) : 3;",
        (
            'int (*other)(int) = (int (*)(int))dlsym(dlopen(arguments[2], RTLD_NOW), "run"); '
            "return run(2) == 12 && other(2) == 42 ? 42 : 1;"
        ),
    )

    link(compile_c(host)).run(*(str(plugin.path) for plugin in plugins), status=42)


def test_unloading_and_loading_again(link):
    plugin = link.shared(pic_c("static int v = 40; int run(int a) { return v += a; }"), output="plugin.so")
    host = HOST.replace(
        "return run ?",
        (
            "run(1); dlclose(plugin); plugin = dlopen(arguments[1], RTLD_NOW); "
            'run = (int (*)(int))dlsym(plugin, "run"); return run ?'
        ),
    )

    link(compile_c(host)).run(str(plugin.path), status=42)


def test_library_is_found_through_its_own_run_path(link):
    (link.directory / "deep").mkdir()
    link.shared(
        pic_c("int helper(int n) { return n + 40; }"), "-Wl,-soname=libhelper.so", output="deep/libhelper.so"
    )
    plugin = link.shared(
        pic_c("int helper(int); int run(int n) { return helper(n); }"),
        "deep/libhelper.so",
        "-Wl,-rpath,$ORIGIN/deep",
        output="plugin.so",
    )

    link(compile_c(HOST)).run(str(plugin.path), status=42, LD_LIBRARY_PATH="")


def test_preloaded_library_overrides_the_programs_libc_calls(link):
    preload = link.shared(
        pic_c("#include <string.h>\nint puts(const char *s) { return 42; }"), output="preload.so"
    )
    program = link(compile_c('#include <stdio.h>\nint main(void) { return puts("x"); }', "-fno-builtin"))

    program.run(status=42, LD_PRELOAD=str(preload.path))


def test_dladdr_names_functions_of_plugin_and_host(link):
    source = (
        "#define _GNU_SOURCE\n#include <dlfcn.h>\n#include <string.h>\nint run(int n) { Dl_info i; "
        'return dladdr((void *)run, &i) && !strcmp(i.dli_sname, "run") ? 42 : 1; }'
    )
    plugin = link.shared(pic_c(source), output="plugin.so")

    link(compile_c(HOST)).run(str(plugin.path), status=42)
