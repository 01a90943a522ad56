.section .ctors, "aw", @progbits
.quad old_constructor
.text
old_constructor:
    sub $8, %rsp
    lea name(%rip), %rdi
    call note
    add $8, %rsp
    ret
name: .asciz "old"
.section .note.GNU-stack, "", @progbits
