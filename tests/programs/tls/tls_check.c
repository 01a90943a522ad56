// Checks variables in the first thread and in another.
#include <pthread.h>
#include <stdint.h>
#ifndef EXPORT
#define EXPORT
#endif
extern EXPORT __thread int initialised, zeroed;
extern EXPORT __thread char aligned[64];
static __thread int local_one = 5, local_two;

int *get_initialised(void) { return &initialised; }
int *get_zeroed(void) { return &zeroed; }
char *get_aligned(void) { return &aligned[3]; }
int get_both_local(void) { return local_one * 10 + local_two; }

static int check_thread(void) {
    if (*get_initialised() != 17) return 1;
    if (*get_zeroed() != 0) return 2;
    if (((uintptr_t)get_aligned() & 63) != 3) return 3;
    if (*get_aligned() != 'd') return 4;
    if (get_both_local() != 50) return 5;
    initialised++;
    zeroed--;
    local_two = 2;
    if (*get_initialised() != 18 || *get_zeroed() != -1 || get_both_local() != 52) return 6;
    if (get_initialised() == get_zeroed() || &local_one == &local_two) return 7;
    return 42;
}

static void *in_thread(void *result) {
    *(int *)result = check_thread();
    return get_initialised();
}

EXPORT int check_tls(void) {
    int first = check_thread(), second = 0;
    void *place;
    pthread_t thread;
    if (first != 42) return first;
    if (pthread_create(&thread, 0, in_thread, &second)) return 8;
    pthread_join(thread, &place);
    if (place == get_initialised()) return 9;
    return second == 42 ? 42 : second + 20;
}
