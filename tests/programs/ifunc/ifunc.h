typedef int (*function)(void);
int chosen(void);
#ifdef HIDDEN
int concealed(void) __attribute__((visibility("hidden")));
#else
int concealed(void);
#endif
function address_elsewhere(void);
