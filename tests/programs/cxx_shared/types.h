#pragma once
#include <stdexcept>
#include <string>
#include <typeinfo>

struct Failure : std::runtime_error {
    using std::runtime_error::runtime_error;
};

// Without a key function: every object that uses it has the vtable and the type's description.
struct Shape {
    virtual ~Shape() = default;
    virtual int sides() const { return 0; }
};
struct Square : Shape {
    int sides() const override { return 4; }
};

inline int counter = 1;
template <class T> struct Registry {
    static inline int entries = 0;
};
inline int &function_static() {
    static int value = 5;
    return value;
}
struct Counted {
    int value = 7;
    ~Counted();
};
extern thread_local Counted counted;
extern int destroyed;

Shape *make(bool square);
void fail(const std::string &text);
const std::type_info &type_of_square();
int *counter_of_library();
int *entries_of_library();
int *static_of_library();
int call_back(int (*function)(int), int value);
