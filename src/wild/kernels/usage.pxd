# How a file mentions a name.

cdef enum:
    MENTION_REFERENCE = 0
    MENTION_DEFINITION = 1
    MENTION_COMMON = 2
    MENTION_SHARED = 3           # defined by a shared object
    MENTION_LAZY = 4             # defined by an archive member that is not linked
