.globl unused_function
unused_function: ret
.section .note.GNU-stack,"x",@progbits
