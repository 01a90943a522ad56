.section .text.kept_once, "axG", @progbits, kept_once, comdat
.weak kept_once
.type kept_once, @function
kept_once: mov $42, %eax
 ret
.section .note.GNU-stack, "", @progbits
