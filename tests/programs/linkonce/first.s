.section .gnu.linkonce.t.kept_once, "ax", @progbits
.weak kept_once
.type kept_once, @function
kept_once: mov $42, %eax
 ret
.section .note.GNU-stack, "", @progbits
