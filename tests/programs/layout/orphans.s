.section own_text, "ax", @progbits
.globl own_function
.type own_function, @function
own_function: mov $42, %eax
    ret
.size own_function, . - own_function
.section own_data, "aw", @progbits
.globl own_datum
own_datum: .long 4
.section own_zero, "aw", @nobits
.globl own_nothing
own_nothing: .zero 64
.section .own.constants, "a", @progbits
.globl own_constant
own_constant: .long 5
.section own_strange, "a", @0x65000001
.long 1
.section .note.GNU-stack, "", @progbits
