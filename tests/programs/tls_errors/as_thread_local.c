extern __thread int counter; int use(void) { return counter; }
