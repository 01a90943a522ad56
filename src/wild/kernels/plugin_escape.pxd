# Calling a plugin, and hearing its messages.

ctypedef void (*OnMessage)(int level, const char *text) noexcept nogil

# What C can do and Cython cannot: a function with a variable number of arguments, and a way out of the plugin.
# After a fatal message the plugin does not expect to go on, and might crash if it did: control then returns to
# where the linker called it.  That is possible on the thread that called it only.
cdef extern from *:
    """
    #include <pthread.h>
    #include <setjmp.h>
    #include <stdarg.h>
    #include <stdio.h>
    #include <stdlib.h>

    #define WILD_ESCAPED (-1)
    static jmp_buf wild_escape;
    static pthread_t wild_caller;
    static int wild_inside;
    static void (*wild_on_message)(int level, const char *text);

    static int wild_plugin_message(int level, const char *format, ...) {
        char *text = NULL;
        va_list arguments;
        va_start(arguments, format);
        if (vasprintf(&text, format, arguments) < 0) text = NULL;
        va_end(arguments);
        wild_on_message(level, text ? text : format);
        free(text);
        if (level == 3 && wild_inside && pthread_equal(pthread_self(), wild_caller)) longjmp(wild_escape, 1);
        return 0;
    }
    static int wild_call_plugin(void *function, int arguments, const void *first, int *second, int third) {
        volatile int status = WILD_ESCAPED;
        wild_caller = pthread_self();
        wild_inside = 1;
        if (setjmp(wild_escape) == 0) {
            if (arguments == 0) status = ((int (*)(void))function)();
            else if (arguments == 1) status = ((int (*)(const void *))function)(first);
            else if (arguments == 2) status = ((int (*)(const void *, int *))function)(first, second);
            else status = ((int (*)(const void *, int *, int))function)(first, second, third);
        }
        wild_inside = 0;
        return status;
    }
    static void wild_hear(void (*function)(int, const char *)) { wild_on_message = function; }
    """
    int CALL_ESCAPED "WILD_ESCAPED"      # in the place of a status: a fatal message has ended the call
    void *plugin_message "(void *)wild_plugin_message"
    void hear_messages "wild_hear"(OnMessage function) noexcept nogil
    int call_plugin "wild_call_plugin"(void *function, int arguments, const void *first, int *second, int third) noexcept nogil
