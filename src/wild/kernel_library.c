/* The library that holds all kernels: it brings each of them in, without a detour through the import system, and reads
   the bundle of the other modules (bundle.py).

   `_imp.create_dynamic` opens the library once more for each kernel, encodes and audits its name, and makes a spec with
   interpreted code: 40,000 instructions, for each of seventy kernels at every start.  What has to happen is what PEP 489
   says ("Module Creation Phase", "Module Execution Phase"): call PyInit_NAME, make the module that its definition
   describes, run the slots that fill it.  Kernels that use each other are brought in by import_once.h while one of them
   is being filled, so a kernel is among the modules before that.

   The bundle is mapped: to read it would take a buffer of new pages, each of which costs more than a microsecond.  */

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <marshal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define KERNELS "wild.kernels."
#define LONGEST_SYMBOL 128

PyObject *wild_kernel(const char *name);

static void *library;          /* as dlopen knows it */
static PyObject *spec_class;   /* called with the name of a kernel, its result becomes `__spec__` */
static PyObject *module_class; /* what kernels are made instances of */
static PyObject *initialised;  /* the list of kernels that are ready, each behind those that it uses */

/* The function of a kernel that PEP 489 calls its export hook; NULL if the library has no such kernel.  */
static PyObject *(*export_hook(const char *name))(void) {
    char symbol[LONGEST_SYMBOL];
    PyObject *(*hook)(void) = NULL;
    size_t package = sizeof KERNELS - 1;

    if (library != NULL && strncmp(name, KERNELS, package) == 0 &&
        (size_t)snprintf(symbol, sizeof symbol, "PyInit_%s", name + package) < sizeof symbol)
        *(void **)&hook = dlsym(library, symbol);
    return hook;
}

/* Makes the module and fills it.  */
static PyObject *bring_in(PyObject *(*hook)(void), const char *name, PyObject *modules) {
    PyObject *spec = NULL, *module = NULL, *full_name = PyUnicode_FromString(name);
    PyModuleDef *definition = (PyModuleDef *)hook(); /* borrowed: kernels use multi-phase initialisation */

    if (full_name == NULL || definition == NULL)
        goto done;
    spec = PyObject_CallOneArg(spec_class, full_name);
    if (spec == NULL)
        goto done;
    module = PyModule_FromDefAndSpec(definition, spec);
    if (module == NULL)
        goto done;
    if (PyObject_SetAttrString(module, "__class__", module_class) < 0 ||
        PyObject_SetAttrString(module, "__spec__", spec) < 0 || PyDict_SetItem(modules, full_name, module) < 0) {
        Py_CLEAR(module);
    } else if (PyModule_ExecDef(module, definition) < 0 || PyList_Append(initialised, full_name) < 0) {
        PyObject *type, *value, *traceback;
        PyErr_Fetch(&type, &value, &traceback);
        if (PyDict_DelItem(modules, full_name) < 0)
            PyErr_Clear();
        PyErr_Restore(type, value, traceback);
        Py_CLEAR(module);
    }
done:
    Py_XDECREF(spec);
    Py_XDECREF(full_name);
    return module;
}

/* A kernel by its full name, as a new reference.  NULL without an exception if this library has no such kernel.  */
PyObject *wild_kernel(const char *name) {
    PyObject *modules = PyImport_GetModuleDict();
    PyObject *module = PyDict_GetItemString(modules, name);
    PyObject *(*hook)(void);

    if (module != NULL)
        return Py_NewRef(module);
    hook = export_hook(name);
    return hook == NULL ? NULL : bring_in(hook, name, modules);
}

static PyObject *kernel(PyObject *self, PyObject *name) {
    const char *text = PyUnicode_AsUTF8(name);
    PyObject *module = text == NULL ? NULL : wild_kernel(text);

    if (module == NULL && !PyErr_Occurred())
        PyErr_Format(PyExc_ImportError, "%U: no such kernel", name);
    return module;
}

static PyObject *initialise(PyObject *self, PyObject *names) {
    PyObject *module;
    const char *name;

    if (!PyList_Check(names))
        return PyErr_Format(PyExc_TypeError, "a list of names is wanted");
    for (Py_ssize_t index = 0; index < PyList_GET_SIZE(names); index++) {
        name = PyUnicode_AsUTF8(PyList_GET_ITEM(names, index));
        module = name == NULL ? NULL : wild_kernel(name);
        if (module == NULL) {
            if (PyErr_Occurred())
                return NULL;
            break;
        }
        Py_DECREF(module);
    }
    Py_RETURN_NONE;
}

static PyObject *prepare(PyObject *self, PyObject *arguments) {
    Dl_info place;

    if (!PyArg_ParseTuple(arguments, "OOO!", &spec_class, &module_class, &PyList_Type, &initialised))
        return NULL;
    Py_INCREF(spec_class);
    Py_INCREF(module_class);
    Py_INCREF(initialised);
    if (dladdr((void *)&wild_kernel, &place) != 0)
        library = dlopen(place.dli_fname, RTLD_NOW | RTLD_NOLOAD);
    if (library == NULL)
        return PyErr_Format(PyExc_ImportError, "the library of the kernels cannot find itself");
    Py_RETURN_NONE;
}

static PyObject *load(PyObject *self, PyObject *path) {
    const char *name = PyUnicode_AsUTF8(path);
    struct stat status;
    void *bytes = MAP_FAILED;
    PyObject *value;
    int file;

    if (name == NULL)
        return NULL;
    file = open(name, O_RDONLY | O_CLOEXEC);
    if (file >= 0 && fstat(file, &status) == 0)
        bytes = mmap(NULL, (size_t)status.st_size, PROT_READ, MAP_PRIVATE | MAP_POPULATE, file, 0);
    if (bytes == MAP_FAILED)
        PyErr_SetFromErrnoWithFilename(PyExc_OSError, name);
    if (file >= 0)
        close(file);
    if (bytes == MAP_FAILED)
        return NULL;
    value = PyMarshal_ReadObjectFromString(bytes, status.st_size);
    munmap(bytes, (size_t)status.st_size);
    return value;
}

static PyMethodDef methods[] = {
    {"prepare", prepare, METH_VARARGS,
     "prepare(spec_class, module_class, initialised): what `__spec__` is made with, what kernels are instances of, and\n"
     "the list that they are noted down in."},
    {"kernel", kernel, METH_O, "kernel(name): the kernel of that full name; raises ImportError if there is none."},
    {"initialise", initialise, METH_O,
     "initialise(names): bring in kernels in an order that was noted down, up to the first that is not there."},
    {"load", load, METH_O,
     "load(path): the marshalled object that a file holds; raises OSError, EOFError, ValueError, TypeError."},
    {NULL, NULL, 0, NULL}};

static struct PyModuleDef description = {.m_base = PyModuleDef_HEAD_INIT,
                                         .m_name = "wild.kernels._library",
                                         .m_doc = "Brings in the kernels, all of which are in this library.",
                                         .m_methods = methods};

PyMODINIT_FUNC PyInit__library(void) {
    return PyModuleDef_Init(&description);
}
