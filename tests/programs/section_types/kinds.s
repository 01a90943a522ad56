 .section .of_its_own,"a",@0x60000123
 .long 42
 .section .text.one,"ax",@progbits
 .globl answer
answer: mov of_its_own(%rip), %eax
 ret
 .section .text.two,"ax",@progbits
two: ret
 .section .ordered,"ao",@progbits,.text.two
 .byte 2
 .section .ordered,"ao",@progbits,.text.one,unique,1
 .byte 1
 .section .rodata.kept,"aR",@progbits
 .globl kept_by_flag
kept_by_flag: .long 1
 .section .rodata.dropped,"a",@progbits
 .globl dropped
dropped: .long 2
 .section .of_its_own
 of_its_own = . - 4
 .section .note.GNU-stack,"",@progbits
