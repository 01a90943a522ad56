/* Included before every kernel (setup.py).  When a kernel starts, Cython's code imports each kernel that it uses by
   PyImport_ImportModule, once for its classes and once for its functions: hundreds of calls in an ordinary link, each
   of which goes through the whole import system to find a module that is there, 1.7 million instructions in all.  So
   the table of modules is asked first.  Kernels that use each other cannot be put into an order (bundle.py) in which
   all are there when they are asked for; the package brings one in for a third of what the import system takes. */

#ifndef WILD_IMPORT_ONCE_H
#define WILD_IMPORT_ONCE_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <string.h>

#define WILD_KERNELS "wild.kernels"

static inline PyObject *wild_import_once(const char *name) {
    PyObject *modules = PyImport_GetModuleDict();
    PyObject *module = PyDict_GetItemString(modules, name);
    PyObject *package;
    if (module == NULL && strncmp(name, WILD_KERNELS ".", sizeof WILD_KERNELS) == 0 &&
        (package = PyDict_GetItemString(modules, WILD_KERNELS)) != NULL) {
        PyObject *done = PyObject_CallMethod(package, "initialise", "([s])", name);
        if (done == NULL)
            return NULL;
        Py_DECREF(done);
        module = PyDict_GetItemString(modules, name);
    }
    if (module == NULL)
        return PyImport_ImportModule(name);
    Py_INCREF(module);
    return module;
}
#define PyImport_ImportModule wild_import_once

#endif
