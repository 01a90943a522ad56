/* Included before every kernel (setup.py).  When a kernel starts, Cython's code imports each kernel that it uses by
   PyImport_ImportModule, once for its classes and once for its functions: hundreds of calls in an ordinary link, each
   of which goes through the whole import system to find a module that is there, 1.7 million instructions in all.  So
   kernel_library.c is asked first, which also brings in those that are not there yet.  */

#ifndef WILD_IMPORT_ONCE_H
#define WILD_IMPORT_ONCE_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>

extern __attribute__((visibility("hidden"))) PyObject *wild_kernel(const char *name);

static inline PyObject *wild_import_once(const char *name) {
    PyObject *module = wild_kernel(name);
    return module != NULL || PyErr_Occurred() ? module : PyImport_ImportModule(name);
}
#define PyImport_ImportModule wild_import_once

#endif
