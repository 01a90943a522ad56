#define S(x) __attribute__((section(x),used))
int printk(const char*,...); void schedule(void); extern char _text[], _end[], __per_cpu_start[], jiffies[]; 
unsigned long jiffies_64 = 5; long pcpu_hot;
S(".data..percpu..first") long fixed_percpu; S(".data..percpu") long gdt[4] = {1}; S(".data..percpu") int cpu_number=3; S(".data..percpu..page_aligned") __attribute__((aligned(4096))) char pcp_stack[64]={2};
S(".head.text") void startup_64(void) { schedule(); }
S(".init.text") int init_one(void) { return printk("init %p", _text) + (int)(long)jiffies; }
S(".exit.text") void exit_one(void) { printk("x"); }
S(".initcall1.init") int (*const call1)(void) = init_one; S(".initcallearly.init") int (*const call0)(void) = init_one;
S("___ksymtab+schedule") long ks2[2] = {1, 2}; S("___ksymtab+printk") long ks1[2] = {3, 4}; S("__ksymtab_strings") char kss[] = "printk";
S("__param") long param[3]={9}; S("__ex_table") int ex[3]={4}; S("__bug_table") int bugs[3] = {1};
S(".data..init_task") long init_task[20] = {1}; S(".data..page_aligned") __attribute__((aligned(4096))) char page[16]={1}; S(".data..cacheline_aligned") __attribute__((aligned(64))) int cl = 3; S(".data..read_mostly") int rm = 4; S(".data.once") char once=1; 
S(".bss..page_aligned") __attribute__((aligned(4096))) char empty_page[4096]; S(".bss..brk") char brkx[32]; S(".modinfo") char mi[]="license=GPL"; S(".discard.addressable") void *addressable = schedule; S(".exit.data") int exd = 3;
S(".init.data") int initd=8; S(".init.setup") long setup[2]={1}; S(".altinstructions") char alt[13]={1};
S(".sched.text") void schedule(void) { cl++; } S(".spinlock.text") void lock(void) { rm--; }
