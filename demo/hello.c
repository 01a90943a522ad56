#include <stdio.h>
#include <threads.h>

static thread_local int calls;

int main(void) {
    printf("hello from C, call %d\n", ++calls);
    return 0;
}
