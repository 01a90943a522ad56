# The words of the trace.

cdef extern from *:
    """
    static const char *wild_action_name(int action) {
        static const char *const names[] = {
            "none", "static", "relative", "symbolic", "plt", "got", "relax", "tlsgd", "gd-to-ie", "gd-to-le", "tlsld",
            "ld-to-le", "dtpoff", "gottp", "ie-to-le", "tpoff", "tlsdesc", "desc-to-ie", "desc-to-le", "call-to-nop",
            "dtpmod"};
        return action >= 0 && action < (int) (sizeof names / sizeof *names) ? names[action] : "unknown";
    }
    static const char *wild_rewrite_name(int how) {
        static const char *const names[] = {"none", "lea", "mov", "call", "jmp", "test", "binop"};
        return how >= 0 && how < (int) (sizeof names / sizeof *names) ? names[how] : "unknown";
    }
    """
    const char *ACTION_NAMES "wild_action_name"(int action) noexcept nogil      # of Decision.action
    const char *REWRITE_NAMES "wild_rewrite_name"(int how) noexcept nogil       # of RELAX_*
