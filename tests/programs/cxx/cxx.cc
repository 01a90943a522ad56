// The standard library of C++, as it is linked every day.
//#AbstractConfig:base
//#LinkerDriver:g++

//#Config:default:base
//#EnableLinker:lld

//#Config:optimised:base
//#CompArgs:-O2
//#LinkArgs:-Wl,-O1,--as-needed,-z,now

// Of these inline functions, members of libstdc++ have copies that were compiled differently. Which one is kept depends
// on the order in which a linker loads the members.
//#AbstractConfig:static-library:base
//#DiffIgnore:*.*__concurrence_*lock_errorD0Ev

//#Config:static:static-library
//#LinkArgs:-static

//#Config:static-libstdcxx:static-library
//#LinkArgs:-static-libstdc++ -static-libgcc
//#NoReadelf:-d:libstdc

//#Config:static-pie:static-library
//#CompArgs:-fPIE
//#LinkArgs:-static-pie

//#Config:collected:static-library
//#CompArgs:-ffunction-sections -fdata-sections
//#LinkArgs:-static -Wl,--gc-sections

//#Config:clang:base
//#Compiler:clang
//#LinkerDriver:clang++
//#EnableLinker:lld

//#Config:demangled:base
//#Variant:1
//#ExpectError:undefined symbol: absent\(std::.*vector<int
//#ExpectError:function main

//#Config:mangled:base
//#Variant:1
//#LinkArgs:-Wl,--no-demangle
//#ExpectError:undefined symbol: _Z6absent

//#Config:missing-vtable:base
//#Variant:2
//#ExpectError:vtable for Abstract
#include <iostream>
#include <map>
#include <string>
#include <thread>
#include <vector>
#if VARIANT == 1
int absent(std::vector<int> const &);
int main() { return absent({}); }
#elif VARIANT == 2
struct Abstract { virtual int key(); virtual ~Abstract() {} };
int main() { Abstract thing; return thing.key(); }
#else
thread_local std::string mine = "mine";
static std::map<std::string, int> table{{"one", 1}, {"two", 2}};
int main() {
    int sum = 0;
    std::thread other([&] { mine += "!"; sum = (int)mine.size(); });
    other.join();
    std::vector<int> values(35, 1);
    for (int value : values) sum += value;
    std::cout << sum << std::endl;
    return sum + table["two"] + (mine == "mine" ? 0 : 1);
}
#endif
