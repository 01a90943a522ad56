// A thread-local symbol is no ordinary one, and local-exec is for executables.
//#AbstractConfig:base
//#LinkerDriver:gcc

//#Config:ordinary-reference:base
//#Object:as_variable.c
//#ExpectError:as_variable\.c\.o.*counter
//#ExpectError:(?i)TLS|thread-local

//#Config:thread-local-reference:base
//#Variant:1
//#Object:as_thread_local.c
//#ExpectError:as_thread_local\.c\.o.*counter
//#ExpectError:(?i)TLS|thread-local

//#Config:local-exec-in-shared:base
//#CompArgs:-ftls-model=local-exec -fno-pic
//#LinkArgs:-shared
//#ExpectError:tls_errors\.c\.o.*R_X86_64_TPOFF32
//#ExpectError:-fPIC

//#Config:undefined:base
//#Variant:2
//#CompArgs:-fPIC
//#ExpectError:undefined symbol: absent
#if VARIANT == 1
int counter;
int main(void) { return 42; }
#elif VARIANT == 2
extern __thread int absent;
int main(void) { return absent; }
#else
__thread int counter;
int main(void) { return counter + 42; }
#endif
