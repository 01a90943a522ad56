// A shared object that binds its own symbols to itself, although the program defines them too.
//#AbstractConfig:base
//#LinkerDriver:gcc
//#CompArgs:-fPIC
//#Shared:library.c
//#ExpectDynSym:function
//#ExpectDynSym:variable

//#Config:preempted:base
//#CompArgs:-fPIC -DFUNCTION=1 -DVARIABLE=1
//#LinkSoArgs:-Wl,-z,now

//#Config:symbolic:base
//#CompArgs:-fPIC -DFUNCTION=2 -DVARIABLE=2
//#LinkSoArgs:-Wl,-Bsymbolic

//#Config:symbolic-functions:base
//#CompArgs:-fPIC -DFUNCTION=2 -DVARIABLE=1
//#LinkSoArgs:-Wl,-Bsymbolic-functions

//#Config:no-symbolic:base
//#CompArgs:-fPIC -DFUNCTION=1 -DVARIABLE=1
//#LinkSoArgs:-Wl,-Bsymbolic -Wl,-Bno-symbolic
//#SkipLinker:ld
//#EnableLinker:lld

//#Config:non-weak-functions:base
//#CompArgs:-fPIC -DFUNCTION=2 -DVARIABLE=1
//#LinkSoArgs:-Wl,-Bsymbolic-non-weak-functions
//#SkipLinker:ld
//#EnableLinker:lld

//#Config:weak-functions-stay-open:base
//#CompArgs:-fPIC -DFUNCTION=1 -DVARIABLE=1 -DWEAK=__attribute__((weak))
//#LinkSoArgs:-Wl,-Bsymbolic-non-weak-functions
//#SkipLinker:ld
//#EnableLinker:lld

//#Config:dynamic-list-keeps-one-open:base
//#CompArgs:-fPIC -DFUNCTION=1 -DVARIABLE=2
//#LinkSoArgs:-Wl,-Bsymbolic
//#LinkArgs:-Wl,--dynamic-list=./function.list
//#ReferenceChecked:false

int function(void) { return 1; }
int variable = 1;
int call_function(void), read_variable(void);

int main(void) { return call_function() == FUNCTION && read_variable() == VARIABLE ? 42 : 1; }
