# Is a file free to be rewritten?  Nobody else must have it open, map it or execute it.  The kernel says so when it is
# asked for a write lease (fcntl(2), F_SETLEASE), which counts mappings too, and refuses it otherwise.  Only of file
# systems known to count right: on a layered one (overlayfs) a mapping belongs to another inode.
# Included by output.py and publish.py.

cdef extern from * nogil:
    """
    #include <fcntl.h>
    #include <signal.h>
    #include <sys/vfs.h>

    static int wild_counts_users(int descriptor) {
        struct statfs fs;
        if (fstatfs(descriptor, &fs) != 0)
            return 0;
        switch ((unsigned long)fs.f_type & 0xffffffffUL) {
        case 0xEF53UL:      /* ext2, ext3, ext4 */
        case 0x01021994UL:  /* tmpfs */
        case 0x58465342UL:  /* xfs */
        case 0x9123683EUL:  /* btrfs */
        case 0xF2F52010UL:  /* f2fs */
            return 1;
        }
        return 0;
    }
    /* SIGIO tells the holder of a lease that somebody opens the file; unasked for it would end the process. */
    static int wild_lease(int descriptor) {
        signal(SIGIO, SIG_IGN);
        return wild_counts_users(descriptor) && fcntl(descriptor, F_SETLEASE, F_WRLCK) == 0;
    }
    /* Non-zero if nobody has come meanwhile. */
    static int wild_end_lease(int descriptor) {
        int held = fcntl(descriptor, F_GETLEASE) == F_WRLCK;
        fcntl(descriptor, F_SETLEASE, F_UNLCK);
        return held;
    }
    """
    int lease "wild_lease"(int descriptor)
    int end_lease "wild_end_lease"(int descriptor)
