#include <wchar.h>
#define TEN(x) x x x x x x x x x x
const char *other_string(void) { return "shared text"; }
const char *other_middle(void) { return "shared text" + 7; }
const char *other_empty(void) { return ""; }
const wchar_t *other_wide(void) { return L"wide \x4e16"; }
const double *other_double(void) { static const double e = 2.718281828; return &e; }
const char *const table_of_strings[] = {"shared text", "text", TEN(TEN(TEN("abc")))};
