#include "types.h"

Counted::~Counted() { destroyed += value; }
thread_local Counted counted;
int destroyed;

Shape *make(bool square) { return square ? new Square : new Shape; }
void fail(const std::string &text) { throw Failure(text); }
const std::type_info &type_of_square() { return typeid(Square); }
int *counter_of_library() { return &counter; }
int *entries_of_library() { return &Registry<long>::entries; }
int *static_of_library() { return &function_static(); }
int call_back(int (*function)(int), int value) {
    try {
        return function(value);
    } catch (const Failure &) {
        return -1;
    }
}
