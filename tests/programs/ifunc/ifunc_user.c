typedef int (*function)(void);
int chosen(void);
function address_in_shared(void) { return chosen; }
int call_in_shared(void) { return chosen(); }
