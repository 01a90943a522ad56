.section mixed,"aw",@progbits
.long 2
.section .note.GNU-stack,"",@progbits
