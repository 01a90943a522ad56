/* Programs that are laid out by a script of their own: what it keeps, drops, sorts, fills and defines.
//#AbstractConfig:base
//#LinkArgs:-z noexecstack

//#Config:sections:base
//#LinkerScript:sections.ld
//#ExpectSection:.text address=0x400000
//#ExpectSection:.table size=24
//#ExpectSym:table_start section=".table"
//#ExpectSym:after_table address=0x410018
//#NoSection:.dropped
//#NoSym:unused
//#ExpectSym:kept

//#Config:regions:base
//#LinkerScript:regions.ld
//#ExpectSection:.text address=0x100000
//#ExpectSection:.data address=0x200000
//#ExpectSym:load_address address=0x101000
//#RunEnabled:false

//#Config:assertion:base
//#LinkerScript:assertion.ld
//#ExpectError:the table is too small

//#Config:overflow:base
//#LinkerScript:overflow.ld
//#ExpectError:small
*/
    .section .text.start, "ax"
    .globl _start
_start:
    mov table_start(%rip), %rax             # sorted by name: c is last, b in the middle, a first
    cmp $1, %rax
    jne 1f
    mov table_start+8(%rip), %rax
    cmp $2, %rax
    jne 1f
    lea after_table(%rip), %rax
    lea table_start(%rip), %rcx
    sub %rcx, %rax
    cmp $24, %rax
    jne 1f
    mov value(%rip), %edi
    jmp 2f
1:  mov $1, %edi
2:  mov $60, %eax
    syscall
    .size _start, . - _start

    .section .text.unused, "ax"
    .globl unused
unused: ret
    .section .text.kept, "ax"
    .globl kept
kept: ret

    .section .table.c, "a"
    .quad 3
    .section .table.a, "a"
    .quad 1
    .section .table.b, "a"
    .quad 2
    .section .dropped, "a"
    .quad 4
    .data
    .globl value
value: .long 42
    .section .note.GNU-stack, "", @progbits
