"""Generated inputs: many small objects, many strings, many exports, as assembly that any `as` takes.

Each kind has a program or a count that tells whether a link was right: the sums below are computed here, too.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

NO_STACK = '.section .note.GNU-stack,"",@progbits\n'
STRINGS_PER_OBJECT = 4_000
EXPORTS_PER_OBJECT = 1_000

# --- many objects ----------------------------------------------------------------------------------------------

OBJECTS_MAIN = """\
#include <stdio.h>
extern int (*const __start_nodes[])(void), (*const __stop_nodes[])(void);
int main(void) {
    unsigned sum = 0;
    for (int (*const *node)(void) = __start_nodes; node < __stop_nodes; node++) sum += (*node)();
    printf("%u\\n", sum);
}
"""
SHARED_PER_OBJECT = 24  # inline functions in COMDAT groups, each in a dozen of the objects


def shared_numbers(index: int, count: int) -> list[int]:
    pool = max(SHARED_PER_OBJECT, 2 * count)
    return [(index * 7 + step * step * 31) % pool for step in range(SHARED_PER_OBJECT)]


def object_text(index: int, count: int) -> str:
    """A function that adds up what its inline functions return, and names other objects in code that never runs."""
    numbers = list(dict.fromkeys(shared_numbers(index, count)))
    neighbours = [(index * 5 + step * 97 + 1) % count for step in range(4)]
    lines = [
        f'.section .text._ZN5bench4node{index}Ev,"ax",@progbits',
        f".globl _ZN5bench4nodeI{index}EEiv",
        f"_ZN5bench4nodeI{index}EEiv: .cfi_startproc",
        "push %rbx", ".cfi_def_cfa_offset 16", "mov .Lvalue(%rip), %ebx",
    ]  # fmt: skip
    for number in numbers:
        lines += [f"call _ZN5bench6sharedI{number}EEiv", "add %eax, %ebx"]
    lines += ["test %ebx, %ebx", "jne 1f"]
    lines += [f"call _ZN5bench4nodeI{neighbour}EEiv" for neighbour in neighbours]
    lines += ["lea .Ltext(%rip), %rdi", "1: mov %ebx, %eax", "pop %rbx", "ret", ".cfi_endproc"]
    for number in numbers:
        name = f"_ZN5bench6sharedI{number}EEiv"
        lines += [
            f'.section .text.{name},"axG",@progbits,{name},comdat',
            f".weak {name}",
            f"{name}: .cfi_startproc",
        ]
        lines += [f"mov ${number + 1}, %eax", "ret", ".cfi_endproc"]
    lines += ['.section .data.value,"aw",@progbits', f".Lvalue: .long {index + 1}"]
    lines += ['.section nodes,"aw",@progbits', f".quad _ZN5bench4nodeI{index}EEiv"]
    lines += ['.section .rodata.str1.1,"aMS",@progbits,1', f'.Ltext: .string "object number {index}"']
    lines += [f'.string "a text that many objects share, number {step * index % 100}"' for step in range(8)]
    return "\n".join(lines) + "\n"


def objects_sum(count: int) -> int:
    total = sum(
        index + 1 + sum(n + 1 for n in dict.fromkeys(shared_numbers(index, count))) for index in range(count)
    )
    return total & 0xFFFFFFFF


def write_objects(directory: Path, count: int) -> list[Path]:
    return assemble(directory, count, lambda index: object_text(index, count))


# --- many strings ----------------------------------------------------------------------------------------------

STRINGS_MAIN = """\
#include <stdio.h>
extern const char *const __start_texts[], *const __stop_texts[];
int main(void) {
    unsigned long sum = 0;
    for (const char *const *text = __start_texts; text < __stop_texts; text++)
        for (const char *at = *text; *at; at++) sum += (unsigned char)*at;
    printf("%lu\\n", sum);
}
"""


def string_of(number: int) -> str:
    return f"_ZN{number % 13 + 4}space{number % 977}4nameILi{number}EE{'deeper' * (number % 5)}Ev"


def string_numbers(index: int, count: int) -> list[int]:
    """One in four is left after merging; 48271 has no factor in common with any pool."""
    pool = max(1, count // 4)
    return [(index * STRINGS_PER_OBJECT + step) * 48271 % pool for step in range(STRINGS_PER_OBJECT)]


def strings_text(index: int, count: int) -> str:
    numbers = string_numbers(index, count)
    lines = ['.section .debug_str,"MS",@progbits,1']
    lines += [f'.Ls{step}: .string "{string_of(number)}"' for step, number in enumerate(numbers)]
    lines += ['.section .debug_info,"",@progbits']
    lines += [f".long .Ls{step}, .Ls{step}" for step in range(len(numbers))]
    lines += ['.section .rodata.str1.1,"aMS",@progbits,1']
    lines += [f'.Lt{step}: .string "{string_of(number)}"' for step, number in enumerate(numbers[::10])]
    lines += ['.section texts,"aw",@progbits'] + [f".quad .Lt{step}" for step in range(len(numbers[::10]))]
    return "\n".join(lines) + "\n"


def strings_sum(count: int) -> int:
    return sum(
        sum(string_of(number).encode())
        for index in range(count // STRINGS_PER_OBJECT)
        for number in string_numbers(index, count)[::10]
    )


def write_strings(directory: Path, count: int) -> list[Path]:
    return assemble(directory, count // STRINGS_PER_OBJECT, lambda index: strings_text(index, count))


# --- many exports ----------------------------------------------------------------------------------------------


def exports_text(index: int) -> str:
    lines = []
    for step in range(EXPORTS_PER_OBJECT):
        name = f"exported_{index}_{step}"
        lines += [f'.section .text.{name},"ax",@progbits', f".globl {name}", f".type {name}, @function"]
        lines += [f"{name}: .cfi_startproc", f"mov ${step}, %eax"]
        if step:
            lines.append(f"call exported_{index}_{step * 7 % step}@PLT")
        lines += ["ret", ".cfi_endproc"]
    return "\n".join(lines) + "\n"


def write_exports(directory: Path, count: int) -> tuple[list[Path], Path]:
    paths = assemble(directory, count // EXPORTS_PER_OBJECT, exports_text)
    names = (f"exported_{i}_{step};" for i in range(len(paths)) for step in range(EXPORTS_PER_OBJECT))
    script = directory / "exports.map"
    script.write_text("{ global:\n" + "\n".join(names) + "\nlocal: *; };\n", encoding="utf-8")
    return paths, script


# --- a program of some size -------------------------------------------------------------------------------------

FUNCTIONS_PER_MEGABYTE = 1_000


def sized_text(index: int) -> str:
    """A megabyte of functions, each of which calls the one behind it."""
    lines = []
    for step in range(FUNCTIONS_PER_MEGABYTE):
        name, last = f"_ZN5sized4stepI{index}L{step}EEv", step == FUNCTIONS_PER_MEGABYTE - 1
        lines += [f'.section .text.{name},"ax",@progbits', f".globl {name}", f"{name}: .cfi_startproc"]
        lines += ["xor %eax, %eax", "jmp 1f", ".fill 1000, 1, 0x90", "1:"]
        if not last:
            lines += ["push %rbx", f"call _ZN5sized4stepI{index}L{step + 1}EEv", "pop %rbx"]
        lines += ["inc %eax", "ret", ".cfi_endproc"]
    lines += [f".globl sized_{index}", f"sized_{index} = _ZN5sized4stepI{index}L0EEv"]
    return "\n".join(lines) + "\n"


def sized_main(megabytes: int) -> str:
    calls = " + ".join(f"sized_{index}()" for index in range(megabytes))
    names = ", ".join(f"sized_{index}(void)" for index in range(megabytes))
    return (
        f"#include <stdio.h>\nint {names}, edited(int);\n"
        f'int main(void) {{ printf("%d\\n", edited({calls})); }}\n'
    )


def sized_edit(version: int) -> str:
    """The function that is edited: it grows."""
    more = "x ^= value / 3; x += value * 5;" if version == 2 else ""
    return f"int edited(int value) {{ volatile int x = value; {more} return x; }}\n"


def sized_sum(megabytes: int, version: int) -> int:
    value = megabytes * FUNCTIONS_PER_MEGABYTE
    return (value ^ value // 3) + value * 5 if version == 2 else value


def write_sized(directory: Path, megabytes: int) -> list[Path]:
    return assemble(directory, megabytes, sized_text)


# ---------------------------------------------------------------------------------------------------------------


def assemble(directory: Path, count: int, text: Callable[[int], str]) -> list[Path]:
    """Assemble `count` objects, as many at a time as there are processors."""
    directory.mkdir(parents=True, exist_ok=True)
    paths = [directory / f"{index:05}.o" for index in range(count)]

    def one(index: int) -> None:
        subprocess.run(["as", "-o", paths[index], "-"], input=(text(index) + NO_STACK).encode(), check=True)

    with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        list(pool.map(one, range(count)))
    return paths
