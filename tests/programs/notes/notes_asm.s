.section .note.eight, "a", @note
.balign 8
.long 7, 8, 1
.asciz "owner8"
.balign 8
.quad 1
.section .note.four, "a", @note
.balign 4
.long 7, 4, 1
.asciz "owner4"
.balign 4
.long 1
.section .note.GNU-stack, "", @progbits
