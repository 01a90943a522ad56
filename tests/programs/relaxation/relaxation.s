/*
Loads from the GOT that need no GOT: every instruction that R_X86_64_GOTPCRELX and REX_GOTPCRELX allow to rewrite.
The trap is in what must not be rewritten: absolute symbols and undefined weak ones in position-independent output,
operands that need the address as an immediate, and addresses beyond 31 bits.

//#AbstractConfig:base
//#DiffIgnore:section.got*
//#ExpectSym:_start section=".text"

//#Config:static:base
//#ExpectCode:load:(mov +\$0x|lea )
//#NoCode:load:mov .*\(%rip\)
//#ExpectCode:call_it:call +[0-9a-f]+ <callee>
//#ExpectCode:jump_to_it:jmp +[0-9a-f]+ <callee>
//#EnableLinker:lld

//#Config:static-no-relax:base
//#LinkArgs:--no-relax
//#ExpectCode:load:mov .*\(%rip\)
//#ExpectCode:call_it:call +\*
//#ExpectSection:.got flags=WA
//#ReferenceChecked:false

//#Config:pie:base
//#Mode:dynamic
//#LinkArgs:-pie -z now
//#Shared:force-dynamic-linking.c
//#ExpectCode:load:lea
//#ExpectCode:add_it:\(%rip\)
//#ExpectCode:test_it:\(%rip\)
//#NoRelocation:GLOB_DAT symbol=value

//#Config:pie-no-relax:base
//#Mode:dynamic
//#LinkArgs:-pie -z now --no-relax
//#Shared:force-dynamic-linking.c
//#ExpectCode:load:mov .*\(%rip\)
//#ReferenceChecked:false

//#Config:shared:base
//#Mode:unspecified
//#LinkArgs:-shared -z now
//#RunDynSym:check_all
//#ExpectRelocation:GLOB_DAT symbol=missing
//#NoRelocation:GLOB_DAT symbol=value
//#ExpectDynSym:check_all
// The entry of a shared object, which nobody asked for.
//#DiffIgnore:header.entry

//#Config:far:base
//#LinkArgs:--image-base=0x700000000
//#SkipLinker:ld
//#EnableLinker:lld
//#ExpectCode:load:(lea|mov) .*\(%rip\)
//#ExpectCode:add_it:\(%rip\)
//#ExpectCode:test_it:\(%rip\)

//#Config:defsym:base
//#LinkArgs:--defsym=missing=0x5000 --defsym=check_missing=1
// GNU ld needs no GOT here.
//#DiffIgnore:segment.GNU_RELRO
//#ExpectSym:missing section="ABS",address=0x5000
//#RunEnabled:false
*/

.macro function name
.type \name, @function
\name:
.endm

.section .text
.globl _start, check_all
.hidden value, callee
.weak missing

function load
    mov value@GOTPCREL(%rip), %rax
    ret
.size load, .-load
function load32
    mov value@GOTPCREL(%rip), %r9
    ret
.size load32, .-load32
function call_it
    call *callee@GOTPCREL(%rip)
    ret
.size call_it, .-call_it
function jump_to_it
    jmp *callee@GOTPCREL(%rip)
.size jump_to_it, .-jump_to_it
function add_it
    xor %eax, %eax
    add value@GOTPCREL(%rip), %rax
    ret
.size add_it, .-add_it
function test_it
    mov $-1, %rax
    test value@GOTPCREL(%rip), %rax
    setnz %al
    ret
.size test_it, .-test_it
function sub_it
    lea value(%rip), %r11
    sub value@GOTPCREL(%rip), %r11
    mov %r11, %rax
    ret
.size sub_it, .-sub_it
function cmp_it
    lea value(%rip), %rdx
    cmp value@GOTPCREL(%rip), %rdx
    setne %al
    movzbl %al, %eax
    ret
.size cmp_it, .-cmp_it
function logic
    xor %r12d, %r12d
    or value@GOTPCREL(%rip), %r12
    xor value@GOTPCREL(%rip), %r12
    lea value(%rip), %rcx
    and value@GOTPCREL(%rip), %rcx
    adc value@GOTPCREL(%rip), %rcx
    sbb value@GOTPCREL(%rip), %rcx
    lea value(%rip), %rax
    sub %rcx, %rax
    or %r12, %rax
    ret
.size logic, .-logic
function load_absolute
    mov absolute@GOTPCREL(%rip), %rax
    ret
.size load_absolute, .-load_absolute
function load_missing
    mov missing@GOTPCREL(%rip), %rax
    ret
.size load_missing, .-load_missing
function callee
    mov $11, %eax
    ret
.size callee, .-callee

# Returns 42, or the number of the check that failed.
.type check_all, @function
check_all:
    push %r12
    push %rbx
    lea value(%rip), %rbx
    call load
    cmp %rbx, %rax
    mov $1, %edi
    jne 9f
    call load32
    cmp %rbx, %r9
    mov $2, %edi
    jne 9f
    call call_it
    cmp $11, %eax
    mov $3, %edi
    jne 9f
    call jump_to_it
    cmp $11, %eax
    mov $4, %edi
    jne 9f
    call add_it
    cmp %rbx, %rax
    mov $5, %edi
    jne 9f
    call test_it
    cmp $1, %al
    mov $6, %edi
    jne 9f
    call sub_it
    test %rax, %rax
    mov $7, %edi
    jnz 9f
    call cmp_it
    test %eax, %eax
    mov $8, %edi
    jnz 9f
    call logic
    test %rax, %rax
    mov $9, %edi
    jnz 9f
    call load_absolute
    cmp $0x12345678, %rax
    mov $10, %edi
    jne 9f
    call load_missing
    test %rax, %rax
    mov $11, %edi
    jnz 9f
    mov $42, %edi
9:  mov %edi, %eax
    pop %rbx
    pop %r12
    ret
.size check_all, .-check_all

.type _start, @function
_start:
    call check_all
    mov %eax, %edi
    mov $60, %eax
    syscall
.size _start, .-_start

.data
.globl value, absolute, missing
value: .quad 1
absolute = 0x12345678
.hidden absolute
.section .note.GNU-stack, "", @progbits
