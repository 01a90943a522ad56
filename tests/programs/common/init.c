// Runs the functions that libc's start code would run, in its order.
#include "runtime.h"
typedef void (*function)(void);
extern function __preinit_array_start[], __preinit_array_end[];
extern function __init_array_start[], __init_array_end[];
extern function __fini_array_start[], __fini_array_end[];

void call_init_functions(void) {
    for (function *one = __preinit_array_start; one < __preinit_array_end; one++) (*one)();
    for (function *one = __init_array_start; one < __init_array_end; one++) (*one)();
}

void call_fini_functions(void) {
    for (function *one = __fini_array_end; one > __fini_array_start;) (*--one)();
}
