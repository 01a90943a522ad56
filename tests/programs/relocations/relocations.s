/*
Every kind of relocation that a compiler does not make of itself, and the ranges of the small ones.

//#AbstractConfig:base
//#Object:values.s

//#Config:static:base
//#EnableLinker:lld

//#Config:static-collected:base
//#LinkArgs:-z now --gc-sections

//#Config:far-8:base
//#LinkArgs:--defsym=eight=256
//#ExpectError:relocations\.s\.o:\(\.data\+0x0\)
//#ExpectError:R_X86_64_8
//#EnableLinker:lld

//#Config:far-16:base
//#LinkArgs:--defsym=sixteen=65536
//#ExpectError:R_X86_64_16
//#EnableLinker:lld

//#Config:far-32:base
//#LinkArgs:--defsym=thirty_two=0x100000000
//#ExpectError:R_X86_64_32 .*thirty_two
//#EnableLinker:lld

//#Config:far-32s:base
//#LinkArgs:--defsym=signed=0x80000000
//#ExpectError:R_X86_64_32S.*signed
//#EnableLinker:lld

//#Config:far-pc32:base
//#LinkArgs:--defsym=near=0x700000000000
//#ExpectError:R_X86_64_P(C|LT)32.*near
//#EnableLinker:lld

//#Config:largest:base
//#LinkArgs:--defsym=eight=255 --defsym=sixteen=65535 --defsym=thirty_two=0xffffffff --defsym=signed=0x7fffffff
//#RunEnabled:false
//#EnableLinker:lld

//#Config:smallest:base
//#LinkArgs:--defsym=signed=0xffffffff80000000 --defsym=eight=0xffffffffffffff80
//#RunEnabled:false
//#SkipLinker:ld
*/
.data
data:
    .byte eight
    .value sixteen
    .long thirty_two
    .quad sized@SIZE
    .long sized@SIZE
    .long . - data
    .quad 1f - .
    .byte 1f - .
1:
.text
.globl _start
.type _start, @function
_start:
    mov $1, %edi
    cmpb $8, data(%rip)
    jne 9f
    inc %edi
    cmpw $16, data+1(%rip)
    jne 9f
    inc %edi
    cmpl $32, data+3(%rip)
    jne 9f
    inc %edi
    cmpq $24, data+7(%rip)
    jne 9f
    inc %edi
    cmpl $24, data+15(%rip)
    jne 9f
    inc %edi
    mov $signed, %rax
    cmp $-32, %rax
    jne 9f
    inc %edi
    lea _GLOBAL_OFFSET_TABLE_(%rip), %rbx
    movabs $value@GOTOFF, %rax
    cmpq $77, (%rbx, %rax)
    jne 9f
    inc %edi
    movabs $value@GOT, %rax
    mov (%rbx, %rax), %rax
    cmpq $77, (%rax)
    jne 9f
    inc %edi
    movabs $function@PLTOFF, %rax
    add %rbx, %rax
    call *%rax
    cmp $55, %eax
    jne 9f
    inc %edi
    call near
    cmp $55, %eax
    jne 9f
    mov $42, %edi
9:  mov $60, %eax
    syscall
.size _start, . - _start
.globl value
value: .quad 77
.section .note.GNU-stack, "", @progbits
