.weak eight, sixteen, thirty_two, signed, near
.globl sized, function
eight = 8
sixteen = 16
thirty_two = 32
signed = -32
.type function, @function
function:
near: mov $55, %eax
    ret
.size function, . - function
.bss
.type sized, @object
.size sized, 24
sized: .zero 24
.section .note.GNU-stack, "", @progbits
