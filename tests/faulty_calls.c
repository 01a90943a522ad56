/* Preloaded into a linker: the INJECT_AT-th call that changes a file is the last thing it does (INJECT_HOW=kill), or
   fails with an error (INJECT_HOW=error).  Calls are counted from 1; what goes to the standard streams is left alone. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static int is_hit(void) {
  static int calls;
  const char *at = getenv("INJECT_AT"), *how = getenv("INJECT_HOW");
  if (!at || !how || ++calls != atoi(at)) return 0;
  const char *mark = getenv("INJECT_MARK");
  if (mark) close(((int (*)(const char *, int, ...))dlsym(RTLD_NEXT, "open"))(mark, O_CREAT | O_WRONLY, 0600));
  if (strcmp(how, "kill") == 0) kill(getpid(), SIGKILL);
  errno = ENOSPC;
  return 1;
}

#define CALL(result, name, parameters, arguments, counts)                  \
  result name parameters {                                                 \
    static result(*real) parameters;                                       \
    if (!real) real = (result(*) parameters)dlsym(RTLD_NEXT, #name);       \
    if ((counts) && is_hit()) return -1;                                   \
    return real arguments;                                                 \
  }

CALL(ssize_t, write, (int fd, const void *data, size_t size), (fd, data, size), fd > 2)
CALL(ssize_t, pwrite, (int fd, const void *data, size_t size, off_t at), (fd, data, size, at), 1)
CALL(ssize_t, pwrite64, (int fd, const void *data, size_t size, off_t at), (fd, data, size, at), 1)
CALL(ssize_t, sendfile, (int to, int from, off_t *at, size_t size), (to, from, at, size), 1)
CALL(ssize_t, sendfile64, (int to, int from, off_t *at, size_t size), (to, from, at, size), 1)
CALL(ssize_t, copy_file_range, (int from, off_t *at, int to, off_t *there, size_t size, unsigned flags),
     (from, at, to, there, size, flags), 1)
CALL(int, rename, (const char *from, const char *to), (from, to), 1)
CALL(int, renameat, (int a, const char *from, int b, const char *to), (a, from, b, to), 1)
CALL(int, link, (const char *from, const char *to), (from, to), 1)
CALL(int, linkat, (int a, const char *from, int b, const char *to, int flags), (a, from, b, to, flags), 1)
CALL(int, unlink, (const char *path), (path), 1)
CALL(int, unlinkat, (int directory, const char *path, int flags), (directory, path, flags), 1)
CALL(int, ftruncate, (int fd, off_t size), (fd, size), 1)
CALL(int, ftruncate64, (int fd, off_t size), (fd, size), 1)
CALL(int, fchmod, (int fd, mode_t mode), (fd, mode), 1)
CALL(int, mkdir, (const char *path, mode_t mode), (path, mode), 1)
CALL(int, utimensat, (int directory, const char *path, const struct timespec times[2], int flags),
     (directory, path, times, flags), 1)

/* renameat2 has no function in every libc. */
long syscall(long number, ...) {
  static long (*real)(long, ...);
  long a[6];
  va_list rest;
  va_start(rest, number);
  for (int i = 0; i < 6; i++) a[i] = va_arg(rest, long);
  va_end(rest);
  if (!real) real = (long (*)(long, ...))dlsym(RTLD_NEXT, "syscall");
  if (number == SYS_renameat2 && is_hit()) return -1;
  return real(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}

#define OPEN(name)                                                         \
  int name(const char *path, int flags, ...) {                             \
    static int (*real)(const char *, int, ...);                            \
    va_list rest;                                                          \
    va_start(rest, flags);                                                 \
    int mode = va_arg(rest, int);                                          \
    va_end(rest);                                                          \
    if (!real) real = (int (*)(const char *, int, ...))dlsym(RTLD_NEXT, #name); \
    if (flags & (O_CREAT | O_TRUNC) && is_hit()) return -1;                \
    return real(path, flags, mode);                                        \
  }

OPEN(open)
OPEN(open64)
