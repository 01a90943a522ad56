int other; int second(void) { return 40; } int first(void) { return 42; }
