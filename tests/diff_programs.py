"""Programs that the tests of linker-diff link with several linkers: one of each kind of output."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

from linking import Link
from programs import assemble, compile_c, compile_cxx, pic_c

REFERENCES = tuple(name for name in ("ld", "ld.lld-19") if shutil.which(name))

HELLO = """
#include <stdio.h>
static int counter = 3; int table[4] = {1, 2, 3, 4}; const char *names[] = {"one", "two", "three"};
static int helper(int x) { return x * counter + table[x & 3]; }
int (*pointer)(int) = helper;
__attribute__((constructor)) static void first(void) { counter++; }
__attribute__((constructor)) static void second(void) { counter *= 2; }
__attribute__((destructor)) static void last(void) { fflush(stdout); }
int pick(int x) { switch (x) { case 0: return 17; case 1: return counter; case 2: return 5; case 3: return table[1];
  case 4: return 99; case 5: return -4; case 6: return table[3]; } return 1; }
int main(int argc, char **argv) { printf("hello %s %d %d\\n", names[argc % 3], pointer(argc), pick(argc)); return 0; }
"""

EXCEPTIONS = """
#include <cstdio>
#include <stdexcept>
struct Base { virtual ~Base() {} virtual int f(int x) { return x; } };
struct Derived : Base { int f(int x) override { if (x > 2) throw std::runtime_error("too much"); return x * 2; } };
struct Guard { ~Guard() { std::puts("guard"); } };
Base *object = new Derived;
int call(int x) { Guard guard; try { return object->f(x); } catch (const std::runtime_error &e) { std::puts(e.what()); }
  catch (int i) { return i; } return 7; }
int main(int argc, char **) { std::printf("%d %d\\n", call(argc), call(argc + 5)); return 0; }
"""

LARGE = """
#include <stdio.h>
int visible = 1; static int table[100] = {7}; static const char text[] = "end of this";
int of(int x) { return table[x] + visible; }
const char *last(void) { const char *at = text + sizeof text; while (at > text && at[-1] != 'e') at--; return at; }
int main(int argc, char **argv) { printf("%d %s\\n", of(argc - 1), last()); return 0; }
"""

# Linked without local symbols, so that no table has a name.
TABLES = """
#include <stdio.h>
static int one(int x) { return x + 1; } static int two(int x) { return x + 2; }
static int three(int x) { return x + 3; }
static const int numbers[12] = {901, 802, 703, 604, 505, 406, 307, 208, 109, 10, 11, 12};
static const double halves[8] = {0.5, 1.5, 2.5, 3.5, 4.5, 5.5, 6.5, 7.5};
static const char *const words[8] = {"zero", "first", "second", "third", "fourth", "fifth", "sixth", "seventh"};
static const struct { int (*function)(int); const char *name; } actions[5] =
  {{one, "add one"}, {two, "add two"}, {three, "add three"}, {two, "again two"}, {one, "again one"}};
static int *volatile inner[6] = {(int *)numbers, (int *)&numbers[3], (int *)&numbers[5], 0, (int *)numbers, 0};
int choose(int x) { switch (x) { case 0: return 17; case 1: return printf("x"); case 2: return x * 5;
  case 3: return x - 9; case 4: return 99; case 5: puts("five"); break; case 6: return x << 4; case 7: return -x;
  case 8: return 3; } return 1; }
int number(int x) { return numbers[x % 12]; }
double half(int x) { return halves[x & 7]; }
const char *word(int x) { return words[x & 7]; }
int act(int x) { puts(actions[x % 5].name); return actions[x % 5].function(x); }
int *pick(int x) { return inner[x % 6]; }
int main(int argc, char **argv) { printf("%d %d %f %s %d %d\\n", choose(argc), number(argc), half(argc), word(argc),
  act(argc), *pick(argc & 1)); return 0; }
"""

THREAD_LOCAL = """
#include <stdio.h>
__thread int first = 11; static __thread long second = 22; __thread char buffer[40]; extern __thread int imported;
int *of_first(void) { return &first; } long *of_second(void) { return &second; }
char *of_buffer(void) { return buffer + 3; }
int sum(void) { return first + (int)second + buffer[2] + imported; }
int main(void) { *of_first() += 1; *of_second() += 2; *of_buffer() = 1; printf("%d\\n", sum()); return 0; }
"""
IMPORTED = "__thread int imported = 5;"

VERSIONED = """
#include <stdio.h>
int old(void) { return 1; } int new(void) { return 2; } int plain(void) { return 3; } int data = 9;
__asm__(".symver old,f@V1"); __asm__(".symver new,f@@V2");
int (*function)(void) = plain; static int local(void) { return data; } int caller(void) { return plain() + local(); }
int *address(void) { return &data; }
"""
VERSIONS = "V1 { global: f; plain; local: *; }; V2 { global: f; caller; data; address; function; } V1;"

IFUNC = """
#include <stdio.h>
static int one(void) { return 1; } static int two(void) { return 2; }
static void *choose(void) { return one; } void *global_choose(void) { return two; }
static int local(void) __attribute__((ifunc("choose"))); int global(void) __attribute__((ifunc("global_choose")));
int (*pointer)(void) = global;
int main(void) { printf("%d %d %d\\n", local(), global(), pointer()); return 0; }
"""

COPIED = """
#include <stdio.h>
extern int value; extern char **environ; int f(void); int (*pointer)(void) = f;
int main(void) { fprintf(stdout, "%d %d %d\\n", value, environ != 0, pointer()); return 0; }
"""
LIBRARY = "int value = 42; int f(void) { return value; }"

# Two units that describe one inline function, and a function that is dropped.
DESCRIBED = """
#include <cstdio>
#define CALLED __attribute__((noinline))
struct Point { int x, y; CALLED virtual int sum(int z) { static int calls; return x + y + z + ++calls; }
  virtual ~Point() {} };
CALLED inline int twice(int x) { for (int i = 0; i < x; i++) if (i % 7 == 3) std::puts("seven"); return 2 * x; }
extern thread_local int local; extern int shared[4]; int other(int);
"""
DESCRIBED_MAIN = """
thread_local int local = 3; int shared[4] = {1, 2, 3, 4};
static int helper(int x) { try { Point p; p.x = x; return p.sum(x) + twice(x); } catch (int i) { return i; } }
int dropped(int x) { return helper(x) * 3 + twice(x + 2); }
int main(int argc, char **) { std::printf("%d %d %d\\n", helper(argc), other(argc), shared[argc & 3]); return local; }
"""
DESCRIBED_OTHER = """
static int helper(int x) { return x * shared[x & 3] + twice(x + 1); }
int other(int x) { Point p; p.y = helper(x); return p.sum(local); }
"""

ASSEMBLY = """
.globl _start
_start: call inner
 lea message(%rip), %rsi
 mov table+8(%rip), %rax
 mov counter@GOTPCREL(%rip), %rcx
 mov $60, %eax
 xor %edi, %edi
 syscall
inner: ret
.section .rodata.str1.1,"aMS",@progbits,1
message: .asciz "a message"
.data
table: .quad _start, inner, message
.globl counter
counter: .quad 7
"""


def versioned(link: Link, output: str, linker: str) -> Path:
    script = link.directory / "versions.map"
    script.write_text(VERSIONS)
    return link.shared(pic_c(VERSIONED), f"-Wl,--version-script={script}", "-Wl,-soname=libversioned.so",
                       output=output, linker=linker)  # fmt: skip


def copied(link: Link, output: str, linker: str) -> Path:
    library = link.directory / "libcopied.so"
    if not library.exists():
        link.shared(pic_c(LIBRARY), output=library.name, linker="ld")
    main = compile_c(COPIED, "-fno-pie", "-O1")
    return link(main, library, "-no-pie", output=output, linker=linker)


def imported(link: Link, output: str, linker: str) -> Path:
    library = link.directory / "libimported.so"
    if not library.exists():
        link.shared(pic_c(IMPORTED), output=library.name, linker="ld")
    return link(compile_c(THREAD_LOCAL, "-O1"), library, output=output, linker=linker)


def simple(
    compile_it: Callable[..., Path], source: str, flags: tuple[str, ...], *options: str
) -> Callable[..., Path]:
    """A program of one source."""

    def build(link: Link, output: str, linker: str) -> Path:
        driver = "g++" if compile_it is compile_cxx else "gcc"
        return link(compile_it(source, *flags), *options, output=output, linker=linker, driver=driver)

    return build


def described(*flags: str, compiler: str = "g++") -> Callable[..., Path]:
    """A program with debug information."""

    def build(link: Link, output: str, linker: str) -> Path:
        flags_of_all = ("-g", "-O2", "-ffunction-sections", *flags)
        units = [
            compile_cxx(DESCRIBED + source, *flags_of_all, compiler=compiler)
            for source in (DESCRIBED_MAIN, DESCRIBED_OTHER)
        ]
        return link(*units, "-Wl,--gc-sections", output=output, linker=linker, driver="g++")

    return build


def raw(link: Link, output: str, linker: str) -> Path:
    return link.raw(assemble(ASSEMBLY), output=output, linker=linker)


def shared_thread_local(link: Link, output: str, linker: str) -> Path:
    return link.shared(
        pic_c(THREAD_LOCAL + IMPORTED, "-O1"), "-Wl,-soname=libtls.so", output=output, linker=linker
    )


PROGRAMS: dict[str, Callable[..., Path]] = {
    "pie": simple(compile_c, HELLO, ("-O2",)),
    "no-pie": simple(compile_c, HELLO, ("-O2", "-fno-pie"), "-no-pie"),
    "static": simple(compile_c, HELLO, ("-O2",), "-static"),
    "static-pie": simple(compile_c, HELLO, ("-O2", "-fpie"), "-static-pie"),
    "lazy": simple(compile_c, HELLO, ("-O2",), "-Wl,-z,lazy", "-rdynamic"),
    "relr": simple(compile_c, HELLO, ("-O2",), "-Wl,-z,pack-relative-relocs"),
    "stripped": simple(compile_c, HELLO, ("-O2",), "-s"),
    "tables": simple(compile_c, TABLES, ("-O2",), "-Wl,-x"),
    "tables-no-pie": simple(compile_c, TABLES, ("-O2", "-fno-pie"), "-no-pie", "-Wl,-x"),
    "large": simple(compile_c, LARGE, ("-O1", "-fPIC", "-mcmodel=large")),
    "large-static": simple(compile_c, LARGE, ("-O1", "-fPIC", "-mcmodel=large"), "-static"),
    "exceptions": simple(compile_cxx, EXCEPTIONS, ("-O2",)),
    "exceptions-no-pie": simple(compile_cxx, EXCEPTIONS, ("-O1", "-fno-pie"), "-no-pie"),
    "tls": imported,
    "tls-shared": shared_thread_local,
    "ifunc": simple(compile_c, IFUNC, ("-O1",)),
    "ifunc-static": simple(compile_c, IFUNC, ("-O1", "-fno-pie"), "-static"),
    "versions": versioned,
    "copy": copied,
    "assembly": raw,
    "debug": described(),
    "debug-4": described("-gdwarf-4"),
    "debug-clang": described(compiler="clang++"),
    "debug-compressed": described("-gz"),
}
