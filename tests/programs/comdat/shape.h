#include <typeinfo>
struct Failure { int code; };
struct Base { virtual ~Base() {} virtual void fail() { throw Failure{40}; } };
struct Derived : Base { void fail() override { throw Failure{41}; } };
template <class T> struct Holder { static T &instance() { static T value; return value; } };
inline int inline_counter;
inline int inline_value() { static int calls; return ++calls > 0; }
int other_inline_value(), other_value(), *other_counter(), *other_instance();
Base *make_derived();
void throw_standard();
