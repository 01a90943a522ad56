__asm__(".symver chosen_old, chosen@V1");
__asm__(".symver chosen_new, chosen@@V2");
int chosen_old(void) { return 41; }
int chosen_new(void) { return 43; }
