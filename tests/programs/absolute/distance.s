    .data
    .quad far - .
    .section .note.GNU-stack, "", @progbits
