#include "shape.h"
#include <stdexcept>
int other_inline_value() { return inline_value(); }
int other_value() { return 1; }
int *other_counter() { return &inline_counter; }
int *other_instance() { return &Holder<int>::instance(); }
Base *make_derived() { return new Derived; }
void throw_standard() { throw std::runtime_error("thrown"); }
