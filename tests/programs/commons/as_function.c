int from_as_function = 1; int buffer(void) { return 1; }
