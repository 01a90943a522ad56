"""The assembly of random programs: every way to refer to a symbol that fits what it is bound to."""

from __future__ import annotations

from collections.abc import Iterator

from random_model import Binding, Definition, Meaning, Unit, Use

FUNCTIONS = "fcw_"  # first letters of names of functions; __wrap_ and __real_ names are functions, too
RUNTIME = r"""
typedef unsigned long word;
static char text[1 << 16];
static word used;
static struct { const char *name; word value, address; } places[512];
static const char *strings[512];
static word place_count, string_count;
static _Alignas(64) char tls[8192];

static void put(const char *from) { while (*from) text[used++] = *from++; }

static void put_number(long value) {
    char digits[24];
    int at = sizeof digits - 1;
    int negative = value < 0;
    word rest = negative ? -value : value;
    digits[at] = 0;
    do digits[--at] = '0' + rest % 10; while (rest /= 10);
    if (negative) digits[--at] = '-';
    put(digits + at);
}

static int same(const char *one, const char *other) {
    while (*one && *one == *other) one++, other++;
    return *one == *other;
}

void report(long unit, const char *name, long value, word address) {
    put_number(unit), put(": "), put(name), put(" = "), put_number(value), put("\n");
    if (!address) return;
    for (word i = 0; i < place_count; i++)
        if (places[i].value == (word)value && same(places[i].name, name)) {
            if (places[i].address != address) put("another address\n");
            return;
        }
    places[place_count].name = name;
    places[place_count].value = value;
    places[place_count++].address = address;
}

void report_string(long unit, const char *string, int whole) {
    put_number(unit), put(": \""), put(string), put("\"");
    if (whole) {
        word i = 0;
        while (i < string_count && strings[i] != string) i++;
        if (i == string_count) strings[string_count++] = string;
        put(" is string "), put_number(i);
    }
    put("\n");
}

void report_constructor(long unit, long index) {
    put("constructor "), put_number(unit), put(" "), put_number(index), put("\n");
}

static long call(long number, long a, long b, long c) {
    long result;
    __asm__ volatile("syscall" : "=a"(result) : "0"(number), "D"(a), "S"(b), "d"(c) : "rcx", "r11", "memory");
    return result;
}

struct phdr { unsigned type, flags; word offset, address, physical, file_size, size, align; };
extern const char __ehdr_start[];
extern void (*const __init_array_start[])(void), (*const __init_array_end[])(void);
void run_probes(void);

// What libc does in a static program (psABI, "TLS variant II").
static void set_up_tls(void) {
    const struct phdr *row = (const struct phdr *)(__ehdr_start + *(const word *)(__ehdr_start + 32));
    word size = 0, thread = ((word)tls + 4096) & -64ul;
    for (int count = *(const unsigned short *)(__ehdr_start + 56); count; count--, row++) {
        if (row->type != 7) continue;
        size = (row->size + row->align - 1) & -row->align;
        for (word i = 0; i < row->file_size; i++) ((char *)thread - size)[i] = ((const char *)row->address)[i];
    }
    *(word *)thread = thread;
    call(158, 0x1002, thread, 0);
}

__attribute__((used)) static void begin(void) {
    if (STATIC) set_up_tls();
    for (void (*const *one)(void) = __init_array_start; one < __init_array_end; one++) (*one)();
    run_probes();
    call(1, 1, (long)text, used);
    call(231, 0, 0, 0);
}

__asm__(".globl _start\n.type _start, @function\n_start: xor %ebp, %ebp\n and $-16, %rsp\n call begin\n");
"""


def is_function(name: str) -> bool:
    return name[0] in FUNCTIONS


class Source:
    """Assembly of one unit."""

    def __init__(self, meaning: Meaning, unit: Unit) -> None:
        self.meaning = meaning
        self.unit = unit
        self.shared = unit.home == "shared"
        self.pic = self.shared or meaning.program.mode == "pie"
        self.words: list[str] = []

    def text(self) -> str:
        parts = [line for one in self.unit.definitions for line in self.definition(one)]
        parts += self.weak_references()
        parts += self.probe()
        parts += self.dead_code()
        parts += self.constructors()
        names = dict.fromkeys(use.name for use in self.unit.uses)
        parts += [".section .rodata", *(f'.Lname_{name}: .asciz "{name}"' for name in names)]
        parts += ['.section .rodata.str1.1, "aMS", @progbits, 1']
        parts += [f'.Lstring{index}: .asciz "{text}"' for index, text in enumerate(self.unit.strings)]
        parts += [f'.section .data.words, "aw"\n.balign 8\n{word}' for word in self.words]
        parts += ['.section .note.GNU-stack, "", @progbits', ""]
        return "\n".join(parts)

    # --- definitions ----------------------------------------------------------------------------------------

    def definition(self, one: Definition) -> Iterator[str]:
        if one.binding == "common":
            yield f".comm {one.name}, 8, 8"
        else:
            yield f".weak {one.name}" if one.binding == "weak" else f".globl {one.name}"
            yield from self.body(one)
        if one.visibility != "default":
            yield f".{one.visibility} {one.name}"

    @staticmethod
    def body(one: Definition) -> Iterator[str]:
        name = one.name
        kind = "function" if is_function(name) else "tls_object" if name[0] == "t" else "object"
        if name[0] == "c":
            yield f'.section .text.{name}, "axG", @progbits, {name}, comdat'
        elif is_function(name):
            yield f'.section .text.{name}, "ax", @progbits'
        elif name[0] == "t":
            yield f'.section .tdata.{name}, "awT", @progbits\n.balign 8'
        else:
            yield f'.section .data.{name}, "aw", @progbits\n.balign 8'
        yield f".type {name}, @{kind}\n{name}:"
        if name.startswith("__wrap_"):
            real = name.replace("__wrap_", "__real_")
            yield f"push %rbx\ncall {real}@PLT\nmov ${one.value}, %eax\npop %rbx\nret"
        elif is_function(name):
            yield f"mov ${one.value}, %eax\nret"
        else:
            yield f".quad {one.value}"
        yield f".size {name}, . - {name}"

    def weak_references(self) -> Iterator[str]:
        """A name is weak in the whole of a symbol table, so only if all of its uses are."""
        strong = {use.name for use in self.unit.uses if not use.weak} | {
            one.name for one in self.unit.definitions
        }
        yield from (f".weak {use.name}" for use in self.unit.uses if use.name not in strong)

    # --- uses -----------------------------------------------------------------------------------------------

    def probe(self) -> Iterator[str]:
        """Reports all uses."""
        yield f'.section .text.probe_{self.unit.number}, "ax", @progbits'
        yield f".globl probe_{self.unit.number}\n.type probe_{self.unit.number}, @function"
        yield f"probe_{self.unit.number}: push %rbx"
        for index, use in enumerate(self.unit.uses):
            if not use.dead:
                yield from self.use(index, use)
        for index in range(len(self.unit.strings)):
            for offset, whole in ((0, 1), (2, 0)):
                yield f"mov ${self.unit.number}, %edi\nlea .Lstring{index} + {offset}(%rip), %rsi"
                yield f"mov ${whole}, %edx\ncall report_string@PLT"
        yield f"pop %rbx\nret\n.size probe_{self.unit.number}, . - probe_{self.unit.number}"

    def binding(self, use: Use) -> Binding:
        if self.shared:
            return self.meaning.in_shared(self.unit, use)
        if self.unit not in self.meaning.loaded:
            return Binding()  # nobody runs it, and what it refers to need not be there
        return self.meaning.in_executable(self.meaning.referred(self.unit, use.name), use.weak)

    def use(self, index: int, use: Use) -> Iterator[str]:
        """Put value and address of what is referred to into %rdx and %rcx, and report them."""
        bound = self.binding(use)
        if use.name[0] == "t":
            yield from self.tls_use(use, bound)
        elif is_function(use.name):
            yield from self.function_use(index, use, bound)
        else:
            yield from self.data_use(index, use, bound)
        yield f"mov ${self.unit.number}, %edi\nlea .Lname_{use.name}(%rip), %rsi\ncall report@PLT"

    def is_near(self, bound: Binding) -> bool:
        """Is the definition in the same output, and cannot be preempted?"""
        if bound.unit is None or bound.definition is None:
            return False
        if self.shared:
            return bound.unit is self.unit and bound.definition.visibility == "hidden"
        return bound.unit.home != "shared"

    def addresses(self, index: int, name: str, bound: Binding) -> list[str]:
        """Ways to get the address of a symbol into %rbx."""
        ways = [f"mov {name}@GOTPCREL(%rip), %rbx"]
        visibility = bound.definition.visibility if bound.definition else "default"
        if visibility == "protected" and not self.is_near(bound):
            return ways  # linkers differ in what they make of any other reference from a program
        ways.append(f"#.Lword{index}: .quad {name}\nmov .Lword{index}(%rip), %rbx")
        fixed = not self.pic and bound.unit is not None
        copied = fixed and visibility == "default"
        if self.is_near(bound) or copied:
            ways.append(f"lea {name}(%rip), %rbx")
        if copied or (fixed and self.is_near(bound)):
            ways += [f"mov ${name}, %ebx", f"movabs ${name}, %rbx"]
        return ways

    def address(self, index: int, use: Use, bound: Binding) -> str:
        ways = self.addresses(index, use.name, bound)
        way = ways[use.how % len(ways)]
        if way.startswith("#"):
            word, _, way = way.removeprefix("#").partition("\n")
            self.words.append(word)
        return way

    def known_address(self) -> str:
        """Addresses are compared where all are of one definition."""
        compared = not (self.shared and self.meaning.program.symbolic)
        return "mov %rbx, %rcx" if compared else "xor %ecx, %ecx"

    def function_use(self, index: int, use: Use, bound: Binding) -> Iterator[str]:
        if bound.definition is not None and use.how % 3:
            yield f"call {use.name}@PLT" if use.how % 3 == 1 else f"call *{use.name}@GOTPCREL(%rip)"
            yield "mov %eax, %edx\nxor %ecx, %ecx"
            return
        yield self.address(index, use, bound)
        yield "mov $-1, %rax\ntest %rbx, %rbx\njz 1f\ncall *%rbx\n1: mov %rax, %rdx"
        yield self.known_address()

    def data_use(self, index: int, use: Use, bound: Binding) -> Iterator[str]:
        yield self.address(index, use, bound)
        yield "mov $-1, %rdx\ntest %rbx, %rbx\njz 1f\nmov (%rbx), %rdx\n1:"
        yield self.known_address()

    def tls_use(self, use: Use, bound: Binding) -> Iterator[str]:
        """Every model that fits; the linker makes a cheaper one of most."""
        name = use.name
        ways = [
            f".byte 0x66\nlea {name}@tlsgd(%rip), %rdi\n.value 0x6666\nrex64\ncall __tls_get_addr@PLT",
            f".byte 0x66\nlea {name}@tlsgd(%rip), %rdi\n.byte 0x66\nrex64\ncall *__tls_get_addr@GOTPCREL(%rip)",
            f"lea {name}@tlsdesc(%rip), %rax\ncall *{name}@tlscall(%rax)\nadd %fs:0, %rax",
            f"mov {name}@gottpoff(%rip), %rax\nadd %fs:0, %rax",
            f"mov %fs:0, %rax\nadd {name}@gottpoff(%rip), %rax",
        ]
        if self.is_near(bound):
            call = "call __tls_get_addr@PLT"
            ways.append(f"lea {name}@tlsld(%rip), %rdi\n{call}\nlea {name}@dtpoff(%rax), %rax")
            if not self.shared:
                ways += [f"mov %fs:0, %rax\nlea {name}@tpoff(%rax), %rax"]
        yield f"{ways[use.how % len(ways)]}\nmov (%rax), %rdx\nxor %ecx, %ecx"

    def dead_code(self) -> Iterator[str]:
        """What --gc-sections has to drop, with references that only dropping makes harmless."""
        dead = [use for use in self.unit.uses if use.dead]
        if not dead:
            return
        number = self.unit.number
        yield f'.section .text.dead_{number}, "ax", @progbits\n.globl dead_{number}'
        yield f".type dead_{number}, @function\ndead_{number}:"
        yield from (f"mov {use.name}@GOTPCREL(%rip), %rax" for use in dead if use.name[0] != "t")
        if self.meaning.program.collects:
            yield "call nowhere@PLT"
        yield f"ret\n.size dead_{number}, . - dead_{number}"

    def constructors(self) -> Iterator[str]:
        for index, priority in enumerate(self.unit.constructors):
            suffix = f".{priority:05}" if priority else ""
            yield f'.section .text.constructor, "ax", @progbits\n.Lconstructor{index}: sub $8, %rsp'
            yield f"mov ${self.unit.number}, %edi\nmov ${index}, %esi\ncall report_constructor@PLT\nadd $8, %rsp\nret"
            yield f'.section .init_array{suffix}, "aw", @init_array\n.balign 8\n.quad .Lconstructor{index}'


def main_source(meaning: Meaning) -> str:
    """Calls the probes of all units: those of the archive only if they were loaded."""
    lines = [".text", ".globl run_probes", ".type run_probes, @function", "run_probes: sub $8, %rsp"]
    for unit in [*meaning.program.at("object"), *meaning.program.at("member"), *meaning.program.at("shared")]:
        probe = f"probe_{unit.number}"
        if unit.home == "member":
            lines += [
                f".weak {probe}",
                f"mov {probe}@GOTPCREL(%rip), %rax",
                "test %rax, %rax",
                "jz 1f",
                "call *%rax",
                "1:",
            ]
        else:
            lines.append(f"call {probe}@PLT")
    lines += [
        "add $8, %rsp",
        "ret",
        ".size run_probes, . - run_probes",
        '.section .note.GNU-stack, "", @progbits',
        "",
    ]
    return "\n".join(lines)
