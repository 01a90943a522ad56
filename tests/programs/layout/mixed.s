.section mixed,"a",@progbits
.long 1
.section .note.GNU-stack,"",@progbits
