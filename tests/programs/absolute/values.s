    .globl number, far, negative, exported_size
    .hidden own
    .globl own
number = 0x123456
far = 0x123456789abc
negative = -0x123456789
own = 77
exported_size = 0x1000
    .type exported_size, @object
    .section .note.GNU-stack, "", @progbits
