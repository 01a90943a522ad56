/* Included before every kernel (setup.py).  When a kernel starts, Cython's code imports each kernel that it uses by
   PyImport_ImportModule, once for its classes and once for its functions: hundreds of calls in an ordinary link, each
   of which goes through the whole import system to find a module that is there, 1.7 million instructions in all.  So
   the table of modules is asked first. */

#ifndef WILD_IMPORT_ONCE_H
#define WILD_IMPORT_ONCE_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>

static inline PyObject *wild_import_once(const char *name) {
    PyObject *module = PyDict_GetItemString(PyImport_GetModuleDict(), name);
    if (module == NULL)
        return PyImport_ImportModule(name);
    Py_INCREF(module);
    return module;
}
#define PyImport_ImportModule wild_import_once

#endif
