extern int counter; int use(void) { return counter; }
