int second(void);
static __thread int per_thread = 40;
int shared_common;
int first(void) { return second() + per_thread; }
