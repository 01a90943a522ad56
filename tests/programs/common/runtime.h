// A runtime for programs without libc.
#ifndef RUNTIME_H
#define RUNTIME_H
void runtime_init(void);
void exit_syscall(int status) __attribute__((noreturn));
void call_init_functions(void);
void call_fini_functions(void);
void apply_ifuncs(void);
void *ptr_black_box(void *pointer);
#define SUCCESS 42
#define REQUIRE(condition, status) do { if (!(condition)) exit_syscall(status); } while (0)
#endif
