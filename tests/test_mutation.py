"""Twenty thousand links of damaged files, in the process: refused or sound, never a crash, a hang or a mess.

WILD_MUTATIONS sets their number, WILD_MUTATION_SEED the first one. With a sanitized build
(`make test-asan`) every read outside a file or a table ends the process and so fails the test.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from programs import archive, assemble, bsd_archive, compile_c, compile_cxx, interpreter, pic_c, write

import wild

CASES = int(os.environ.get("WILD_MUTATIONS", "20000"))
FIRST = int(os.environ.get("WILD_MUTATION_SEED", "0"))
WORKER = Path(__file__).with_name("mutation.py")
BATCHES = 8
BATCH_LIMIT = 3600  # seconds; a hanging link ends earlier, by the worker

START = """
.globl _start
_start: call function
    mov value@GOTPCREL(%rip), %rax
    mov %eax, %edi
    mov $60, %eax
    syscall
.section .rodata.str1.1,"aMS",@progbits,1
.asciz "a string of the start file"
"""
# What the templates refer to, so that their damage is met by more than the search for undefined symbols.
START += "".join(
    f".weak {name}\n{name}:\n"
    for name in """
    __tls_get_addr __cxa_allocate_exception __cxa_throw __cxa_begin_catch __cxa_end_catch __gxx_personality_v0
    _ZTIi _ZTVN10__cxxabiv117__class_type_infoE _ZdlPvm _Unwind_Resume
    """.split()
)
C = """
    extern int external __attribute__((weak));
    __thread int local_to_thread = 3;
    static __thread long zero_to_thread;
    int common[10];
    static const char *const names[] = {"one", "two", "a string of the start file"};
    const double constant = 3.25;
    __attribute__((constructor)) static void begin(void) { common[0]++; }
    static int target(void) { return 1; }
    static void *resolve(void) { return target; }
    int indirect(void) __attribute__((ifunc("resolve")));
    int value = 7;
    int function(void) { return value + *names[common[1]] + local_to_thread + (int)zero_to_thread +
        indirect() + (int)constant + (&external ? external : 0); }
"""
CXX = """
    #include <stdexcept>
    inline int shared(int n) { static int count; return count += n; }
    struct Shape { virtual ~Shape() {} virtual int area() { return shared(3); } };
    int value = 7;
    extern "C" int function() { try { Shape shape; if (shape.area() > 3) throw 1;
        } catch (int n) { return n; } return 0; }
"""
ASSEMBLY = """
    .section .text.function,"axG",@progbits,signature,comdat
    .globl function
    .type function, @function
    function: .cfi_startproc
      call *value@GOTPCREL(%rip)
      mov thread@gottpoff(%rip), %rax
      .cfi_endproc
    .section .gnu.linkonce.d.value,"aw"
    .globl value
    value: .quad function, .rodata.cst8 + 8
    .section .rodata.cst8,"aM",@progbits,8
    .quad 1, 2, 1
    .section .tdata,"awT"
    thread: .long 1
    .section .init_array.5,"aw",@init_array
    .quad function
    .section meta,"awo",@progbits,.text.function
    .quad function
    .section .note.gnu.property,"a",@note
    .balign 8
    .long 4, 16, 5
    .asciz "GNU"
    .long 0xc0000002, 4, 3, 0
    .section table,"awR"
    .quad __start_table, __stop_table
    .weak __start_table, __stop_table
    .section .gnu.warning.function,"a"
    .ascii "a warning"
"""
SCRIPT = "OUTPUT_FORMAT(elf64-x86-64)\nGROUP ( start2.o AS_NEEDED ( -lc ) )\n/* a comment */ INPUT(start.o)\n"
VERSIONS = (
    'V1 { global: function; val*; extern "C++" { "a::b(int)"; c*; }; local: *; };\nV2 { indirect; } V1;\n'
)


def templates(link) -> Path:
    """A directory with undamaged files of every kind; the worker damages copies of them."""
    directory = link.directory / "templates"
    directory.mkdir()
    c = compile_c(C, "-O1", "-g", "-fpie", "-ffunction-sections", "-fcommon", name="c")
    pic = pic_c(C, "-O1", "-mtls-dialect=gnu2", name="pic")
    cxx = compile_cxx(CXX, "-O1", "-g", "-fPIC", name="cxx")
    assembly = assemble(ASSEMBLY, name="assembly")
    files = {
        "start.o": assemble(START, name="start"),
        "c.o": c,
        "pic.o": pic,
        "large.o": pic_c(C, "-O1", "-mcmodel=large", name="large"),
        "cxx.o": cxx,
        "assembly.o": assembly,
        "compressed.o": compile_c(C, "-g", "-gz=zlib", name="compressed"),
        "crel.o": compile_c(C, "-g", "-Wa,--crel,--allow-experimental-crel", name="crel", compiler="clang"),
        "gnu.a": archive({"a_rather_long_member_name.o": pic, "assembly.o": assembly}),
        "bsd.a": bsd_archive({"a_rather_long_member_name.o": pic, "assembly.o": assembly}),
        "library.so": library(link, pic),
        "script.so": write(link.directory / "script.so", SCRIPT),
        "versions.map": write(link.directory / "versions.map", VERSIONS),
    }
    for name, path in files.items():
        shutil.copyfile(path, directory / name)
    return directory


def library(link, code: Path) -> Path:
    """A shared object with versions, both hash tables and a needed library, made by the system's linker."""
    script = write(link.directory / "library.map", VERSIONS)
    return link.shared(code, f"-Wl,--version-script={script},--hash-style=both", linker="ld").path


def run_worker(directory: Path, progress: Path, first: int, count: int) -> subprocess.CompletedProcess[str]:
    """A process with the interpreter, the package and the sanitizers of this one."""
    package = Path(wild.__file__).parent.parent
    command = [*interpreter(), WORKER, "--templates", directory, "--progress", progress]
    return subprocess.run(
        [*command, "--first", str(first), "--count", str(count)],
        env={**os.environ, "PYTHONPATH": str(package)},
        capture_output=True,
        text=True,
        errors="replace",
        timeout=BATCH_LIMIT,
        check=False,
    )


@pytest.mark.slow
@pytest.mark.parametrize("batch", range(BATCHES))
def test_damaged_inputs_are_refused_or_linked(link, batch):
    count = -(-CASES // BATCHES)
    directory, progress = templates(link), link.directory / "progress"

    done = run_worker(directory, progress, FIRST + batch * count, count)

    case = progress.read_text().split() if progress.exists() else ["none"]
    repeat = (
        f"PYTHONPATH=src {sys.executable} {WORKER} --templates {directory} --first {case[0]} --keep /tmp/case"
    )
    assert done.returncode == 0, (
        f"case {case[0]} ended with {done.returncode}\n{done.stderr[-5000:]}\nto repeat it:\n  {repeat}"
    )
    assert int(case[1]) > count // 5, "hardly any damaged input links: the damage is not interesting"
