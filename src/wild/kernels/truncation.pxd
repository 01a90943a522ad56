# A file that somebody truncates while it is mapped turns reads into SIGBUS.  While a link guards itself, that signal
# ends the process with one line that names the file, and removes the output that was being written.
# One that is told to end (SIGTERM, SIGHUP, SIGINT) removes the output too.
# Included by files.py only, because the state is static.

from libc.stdint cimport uint8_t, uint64_t

cdef extern from * nogil:
    """
    #include <signal.h>
    #include <stdint.h>
    #include <string.h>
    #include <unistd.h>

    typedef struct { const uint8_t *base; uint64_t size; const char *path; } wild_mapped;

    static const wild_mapped *wild_guard_rows;
    static uint64_t wild_guard_count;
    static const char *wild_guard_output;
    static struct sigaction wild_guard_before;
    static const int wild_guard_ends[] = {SIGTERM, SIGHUP, SIGINT};
    #define WILD_ENDS (int)(sizeof wild_guard_ends / sizeof *wild_guard_ends)
    static struct sigaction wild_guard_ends_before[WILD_ENDS];
    static int wild_guard_on;

    static char *wild_guard_add(char *at, char *end, const char *text) {
        size_t n = strlen(text);
        if (n > (size_t)(end - at))
            n = (size_t)(end - at);
        memcpy(at, text, n);
        return at + n;
    }
    /* Only async-signal-safe calls.  What is no access to a truncated file goes to the handler that was there before. */
    static void wild_guard_handler(int number, siginfo_t *info, void *context) {
        const uint8_t *address = (const uint8_t *)info->si_addr;
        const char *path = NULL;
        char line[8192], *at = line, *end = line + sizeof(line) - 1;
        (void)number; (void)context;
        if (info->si_code != BUS_ADRERR) {
            sigaction(SIGBUS, &wild_guard_before, NULL);
            return;
        }
        for (uint64_t i = 0; i < wild_guard_count; i++)
            if (address >= wild_guard_rows[i].base && (uint64_t)(address - wild_guard_rows[i].base) < wild_guard_rows[i].size)
                path = wild_guard_rows[i].path;
        at = wild_guard_add(at, end, "wild: error: ");
        if (path) {
            at = wild_guard_add(at, end, path);
            at = wild_guard_add(at, end, ": was truncated while it was being read; is something still writing it?");
        } else {
            if (wild_guard_output) {
                at = wild_guard_add(at, end, wild_guard_output);
                at = wild_guard_add(at, end, ": ");
            }
            at = wild_guard_add(at, end, "cannot write the output: the disk is full, or the file was truncated");
        }
        *at++ = '\\n';
        if (write(2, line, (size_t)(at - line)) < 0) {}
        if (wild_guard_output)
            unlink(wild_guard_output);
        _exit(1);
    }
    /* The signal is blocked here and ends the process when the handler returns. */
    static void wild_guard_end_handler(int number) {
        if (wild_guard_output)
            unlink(wild_guard_output);
        signal(number, SIG_DFL);
        raise(number);
    }
    static void wild_guard_ends_start(void) {
        struct sigaction action;
        memset(&action, 0, sizeof action);
        action.sa_handler = wild_guard_end_handler;
        for (int i = 0; i < WILD_ENDS; i++) {
            sigaction(wild_guard_ends[i], NULL, &wild_guard_ends_before[i]);
            if (wild_guard_ends_before[i].sa_handler != SIG_IGN)
                sigaction(wild_guard_ends[i], &action, NULL);
        }
    }
    static int wild_guard_start(const wild_mapped *rows, uint64_t count, const char *output) {
        struct sigaction action;
        wild_guard_rows = rows;
        wild_guard_count = count;
        wild_guard_output = output;
        if (wild_guard_on)
            return 0;
        memset(&action, 0, sizeof action);
        action.sa_sigaction = wild_guard_handler;
        action.sa_flags = SA_SIGINFO;
        wild_guard_on = sigaction(SIGBUS, &action, &wild_guard_before) == 0;
        if (wild_guard_on)
            wild_guard_ends_start();
        return wild_guard_on ? 0 : -1;
    }
    static void wild_guard_end(const wild_mapped *rows) {
        if (wild_guard_on && wild_guard_rows == rows) {
            sigaction(SIGBUS, &wild_guard_before, NULL);
            for (int i = 0; i < WILD_ENDS; i++)
                sigaction(wild_guard_ends[i], &wild_guard_ends_before[i], NULL);
            wild_guard_on = 0;
        }
    }
    """
    ctypedef struct Mapped "wild_mapped":
        const uint8_t *base
        uint64_t size
        const char *path
    int guard_start "wild_guard_start"(const Mapped *rows, uint64_t count, const char *output)
    void guard_end "wild_guard_end"(const Mapped *rows)
