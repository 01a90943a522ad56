# Leaving the memory of a large link to a child that shares it (parting.py).

cdef extern from * nogil:
    """
    #include <sched.h>
    #include <signal.h>
    #include <stdint.h>
    #include <sys/mman.h>
    #include <sys/prctl.h>
    #include <sys/syscall.h>
    #include <unistd.h>

    /* By the instruction: the C library would write errno, which belongs to the parent's thread.  */
    static long wild_call(long number, long a, long b, long c) {
        long result;
        register long none __asm__("r10") = 0;
        __asm__ volatile("syscall" : "=a"(result) : "a"(number), "D"(a), "S"(b), "d"(c), "r"(none)
                         : "rcx", "r11", "memory");
        return result;
    }

    struct wild_heir {
        long parent;
        int kept;
    };

    __attribute__((no_sanitize("address", "undefined")))
    static int wild_outlive(void *context) {
        struct wild_heir heir = *(struct wild_heir *)context;
        if (heir.kept > 0)
            wild_call(SYS_close_range, 0, heir.kept - 1, 0);
        wild_call(SYS_close_range, heir.kept + 1, ~0U, 0);
        wild_call(SYS_prctl, PR_SET_PDEATHSIG, SIGKILL, 0);
        while (wild_call(SYS_getppid, 0, 0, 0) == heir.parent)
            wild_call(SYS_pause, 0, 0, 0);
        wild_call(SYS_exit_group, 0, 0, 0);
        return 0;
    }

    /* All signals stay blocked in the child: their handlers are the parent's, and would run in its memory.  */
    static int wild_start_heir(int kept) {
        static struct wild_heir heir;
        static char stack[8192] __attribute__((aligned(64)));
        sigset_t every, before;
        int child;

        heir.parent = getpid();
        heir.kept = kept;
        sigfillset(&every);
        if (pthread_sigmask(SIG_SETMASK, &every, &before) != 0)
            return -1;
        child = clone(wild_outlive, stack + sizeof stack, CLONE_VM, &heir);
        pthread_sigmask(SIG_SETMASK, &before, NULL);
        return child;
    }
    """
    int start_heir "wild_start_heir"(int kept)
