// A text file in the place of a library is a script that names the libraries, as libc.so is on most systems.
//#AbstractConfig:base
//#LinkerDriver:gcc
//#CompArgs:-fPIC
//#Shared:template(-L.):provided.c

//#Config:input:base
//#Object:input.so
//#ExpectDynamic:DT_NEEDED=provided.so

//#Config:group-as-needed:base
//#Variant:1
//#Object:group.so
//#NoReadelf:-d:provided

//#Config:missing:base
//#Object:missing.so
//#ExpectError:missing\.so.*nowhere|nowhere.*missing\.so

//#Config:no-script:base
//#Object:nonsense.so
//#ExpectError:nonsense\.so

int provided(void);
#if VARIANT == 1
int main(void) { return 42; }
#else
int main(void) { return provided(); }
#endif
