int wanted(void);
int call_wanted(void) { return wanted(); }
