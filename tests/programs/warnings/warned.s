.globl dangerous
.type dangerous, @function
dangerous: mov $42, %eax
    ret
.section .gnu.warning.dangerous, "", @progbits
.ascii "the use of dangerous is dangerous"
.section .note.GNU-stack, "", @progbits
