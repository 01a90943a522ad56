int from_first_again; int first(void) { return 1; }
