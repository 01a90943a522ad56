// Applies the relocations of indirect functions, as libc's start code does in a static program.
#include "runtime.h"
struct rela { unsigned long offset, info; long addend; };
extern const struct rela __rela_iplt_start[], __rela_iplt_end[];

void apply_ifuncs(void) {
    for (const struct rela *one = __rela_iplt_start; one < __rela_iplt_end; one++) {
        unsigned long (*resolver)(void) = (unsigned long (*)(void))one->addend;
        *(unsigned long *)one->offset = resolver();
    }
}
