__asm__(".section .data.retained,\"awR\",@progbits\n.globl retained_variable\nretained_variable: .quad reached_from_retained\n"
        ".section .data.reached,\"aw\",@progbits\n.globl reached_from_retained\nreached_from_retained: .quad 1\n"
        ".section .data.other,\"aw\",@progbits\n.globl not_retained\nnot_retained: .quad 1\n.text\n");
