#include "ifunc.h"
static int seven(void) { return 7; }
static int nine(void) { return 9; }
static function resolve_seven(void) { return seven; }
static function resolve_nine(void) { return nine; }
int chosen(void) __attribute__((ifunc("resolve_seven")));
int concealed(void) __attribute__((ifunc("resolve_nine")));
