"""Backtraces: backtrace(3), _Unwind_Backtrace, thread cancellation and gdb walk the frames of linked
programs.
"""

from __future__ import annotations

import re

import pytest
from linking import gdb
from programs import compile_c, compile_cxx, pic_c

KINDS = ("-no-pie", "-pie", "-static", "-static-pie")
COUNT = """
    #include <unwind.h>
    static _Unwind_Reason_Code step(struct _Unwind_Context *context, void *count) { ++*(int *)count;
        return _URC_NO_REASON; }
    int depth(void) { int count = 0; _Unwind_Backtrace(step, &count); return count; }
    __attribute__((noinline)) int c(void) { int d = depth(); __asm__ volatile(""); return d; }
    __attribute__((noinline)) int b(void) { int d = c(); __asm__ volatile(""); return d; }
    __attribute__((noinline)) int a(void) { int d = b(); __asm__ volatile(""); return d; }
    int main(void) { int here = depth(), there = a(); return there - here == 3 ? 42 : 1; }
"""


@pytest.mark.parametrize("optimised", ["-O0", "-O2"])
@pytest.mark.parametrize("kind", KINDS)
def test_unwinder_walks_every_frame(link, kind, optimised):
    link(compile_c(COUNT, "-fpie", optimised), kind).run(status=42)


def test_backtrace_names_exported_functions(link):
    source = """
        #include <execinfo.h>
        #include <unistd.h>
        __attribute__((noinline)) int inner(void) { void *frames[20];
            backtrace_symbols_fd(frames, backtrace(frames, 20), 1); return 0; }
        __attribute__((noinline)) int outer(void) { int r = inner(); __asm__ volatile(""); return r; }
        int main(void) { return outer(); }
    """

    printed = link(compile_c(source), "-rdynamic").run()

    assert re.search(r"\(inner\+.*\n.*\(outer\+.*\n.*\(main\+", printed)


def test_unwinding_through_a_library(link):
    library = link.shared(
        pic_c('int through(int (*f)(void)) { int r = f(); __asm__ volatile(""); return r; }')
    )
    source = (
        COUNT.replace("int main(void) {", "int through(int (*f)(void)); int main(void) {")
        .replace("there = a()", "there = through(a)")
        .replace("== 3", "== 4")
    )

    link(compile_c(source), library).run(status=42)


def test_cancelled_thread_runs_its_cleanup(link):
    """pthread_cancel unwinds the stack by force, through libc's own frames."""
    source = """
        #include <pthread.h>
        #include <unistd.h>
        static int cleaned;
        static void clean(void *unused) { cleaned = 42; }
        static void *work(void *unused) { pthread_cleanup_push(clean, 0); for (;;) sleep(1);
            pthread_cleanup_pop(0); return 0; }
        int main(void) { pthread_t t; pthread_create(&t, 0, work, 0); pthread_cancel(t); pthread_join(t, 0);
            return cleaned; }
    """

    for kind in ("-pie", "-static"):
        link(compile_c(source, "-fexceptions", "-fpie"), kind, "-pthread").run(status=42)


@pytest.mark.parametrize("binding", ["lazy", "now"])
def test_unwinding_from_a_signal_in_a_called_library_function(link, binding):
    """The frame of a PLT entry has unwind information or is never on the stack when it matters."""
    source = """
        #include <signal.h>
        #include <stdlib.h>
        #include <unwind.h>
        static _Unwind_Reason_Code step(struct _Unwind_Context *context, void *count) { ++*(int *)count;
            return _URC_NO_REASON; }
        static void handler(int number) { int count = 0; _Unwind_Backtrace(step, &count);
            _Exit(count >= 4 ? 42 : count); }
        int main(void) { signal(SIGABRT, handler); abort(); }
    """

    link(compile_c(source), f"-Wl,-z,{binding}").run(status=42)


@pytest.mark.parametrize("kind", KINDS)
def test_gdb_shows_the_stack_of_an_optimised_program(link, kind):
    source = (
        "volatile int zero;\n__attribute__((noinline)) int deep(int n) { "
        "return *(volatile int *)(long)(zero * n); }\n__attribute__((noinline)) int middle(int n) { "
        "return deep(n) + 1; }\nint main(void) { return middle(2) - 1; }\n"
    )

    shown = gdb(link(compile_c(source, "-O2", "-g", "-fpie", name="source"), kind), "run", "backtrace")

    assert re.search(
        (
            r"SIGSEGV[\s\S]*#0 .*deep \([^)]*\) at .*source.c:2[\s\S]*#1 "
            r".*middle[\s\S]*source.c:3[\s\S]*#2 .*main \(\) at .*source.c:4"
        ),
        shown,
    )


def test_gdb_catches_an_exception(link):
    source = (
        '#include <stdexcept>\nvoid thrower() {\n  throw std::runtime_error("x");\n}\nint main() {\n'
        "  try { thrower(); } catch (...) { return 42; }\n}\n"
    )
    program = link(compile_cxx(source, "-g", name="source"), driver="g++")

    shown = gdb(program, "catch throw", "run", "backtrace", "delete", "continue")

    assert re.search(r"thrower \(\) at .*source.cc:3[\s\S]*main \(\) at .*source.cc:6", shown)
    assert "exited with code 052" in shown


def test_gdb_debugs_a_library(link):
    library = link.shared(pic_c("int deep(int n) {\n  return n + 1;\n}\n", "-g", name="library"))
    program = link(
        compile_c("int deep(int);\nint main(void) {\n  return deep(41);\n}\n", "-g", name="source"), library
    )

    path = f"set environment LD_LIBRARY_PATH {link.directory}"
    shown = gdb(program, path, "set breakpoint pending on", "break library.c:2", "run", "backtrace", "kill")

    assert "deep (n=41) at" in shown
    assert re.search(r"main \(\) at .*source.c:3", shown)
