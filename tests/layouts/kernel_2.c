#define S(x) __attribute__((section(x),used))
int loglevel; static char buf[100]; const char banner[] = "Linux version"; int common_k[4];
int printk(const char *f, ...) { loglevel += f[0]; buf[3] = banner[loglevel & 3]; return common_k[1]; }
S("___ksymtab+abc") long ks0[2] = {5, 6}; S(".initcall1.init") int (*const call2)(const char*,...) = printk; S(".initcall7.init") int (*const call7)(const char*,...) = printk;
S(".data..percpu") long counter[3] = {7}; S(".data..percpu..shared_aligned") __attribute__((aligned(64))) long sa = 4; S(".text.unlikely") int cold(void){return 3;} S(".data..ro_after_init") int rai=1; __asm__(".section .note.Linux,\"a\",@note\n.long 6,4,1\n.asciz \"Linux\"\n.balign 4\n.long 0\n.text\n");
