int counter = 1;
int original = 5;
extern int alias __attribute__((alias("original")));
extern int weak_alias __attribute__((weak, alias("original")));
const int constant = 42;
char aligned[64] __attribute__((aligned(64))) = {[63] = 42};
int count(void) { return ++counter; }
int *address_of_original(void) { return &original; }
int function(void) { return 42; }
int (*address_of_function(void))(void) { return function; }
