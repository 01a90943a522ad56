# Two files exchange their names in one step: renameat2(2), RENAME_EXCHANGE.  By the system call, because not every libc
# has the function.

cdef extern from * nogil:
    """
    #include <fcntl.h>
    #include <stdio.h>
    #include <sys/stat.h>
    #include <sys/syscall.h>
    #include <unistd.h>

    static int wild_exchange(const char *one, const char *other) {
        struct stat status;
        if (lstat(other, &status) != 0 || !S_ISREG(status.st_mode))
            return -1;
        return (int)syscall(SYS_renameat2, AT_FDCWD, one, AT_FDCWD, other, 2);
    }
    """
    int exchange_names "wild_exchange"(const char *one, const char *other)
