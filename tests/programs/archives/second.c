int second(void) { return 40; }
