extern unsigned _estack, _sidata, _sdata, _edata, _sbss, _ebss, _siccmram, _end;
int Reset_Handler(void); int hook(int);
__attribute__((section(".isr_vector"), used)) void *const vectors[] = { &_estack, Reset_Handler, hook, 0, hook };
const char msg[] = "hello"; static const double d = 3.5; int counters[7] = {1,2,3}; short odd = 3;
static int zeros[9]; int common_thing[5];
__attribute__((section(".ccmram"))) int fast[3] = {7,8,9};
__attribute__((section(".RamFunc"))) int in_ram(int x) { return x * 3; }
__attribute__((constructor)) static void ctor(void) { zeros[1] = 4; }
__attribute__((constructor(101))) static void ctor2(void) { zeros[2] = 4; }
int Reset_Handler(void) { unsigned *s = &_sidata, *p = &_sdata; while (p < &_edata) *p++ = *s++; for (p = &_sbss; p < &_ebss;) *p++ = 0; return hook(3) + in_ram(fast[1]) + (int)d + (int)(long)&_siccmram + msg[1]; }
