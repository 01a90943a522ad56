int wanted(void) { return 42; }
