# A static probe, as <sys/sdt.h> makes them: the note says where it is, relative to one byte that nothing else refers to.
    .text
    .globl probed
    .type probed, @function
probed:
990:
    nop
    ret
    .size probed, .-probed

    .section .note.stapsdt, "", "note"
    .balign 4
    .4byte 992f-991f, 994f-993f, 3
991:
    .asciz "stapsdt"
992:
    .balign 4
993:
    .8byte 990b, _.stapsdt.base, 0
    .asciz "provider"
    .asciz "name"
    .asciz ""
994:
    .balign 4

    .section .stapsdt.base, "aG", "progbits", .stapsdt.base, comdat
    .weak _.stapsdt.base
    .hidden _.stapsdt.base
_.stapsdt.base:
    .space 1
    .size _.stapsdt.base, 1
    .section .note.GNU-stack, "", @progbits
