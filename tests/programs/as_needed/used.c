int used(void) { return 42; }
