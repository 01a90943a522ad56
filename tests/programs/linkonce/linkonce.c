// Before there were COMDAT groups, the names of sections said what is to be kept once; a group of that symbol and a
// .gnu.linkonce section exclude each other, too.
//#AbstractConfig:base
//#LinkerDriver:gcc
//#CompArgs:-fno-pie
//#LinkArgs:-no-pie

//#Config:first-counts:base
//#Object:first.s
//#Object:second.s
//#ExpectSym:kept_once
//#SkipLinker:lld

//#Config:with-group:base
//#Object:group.s
//#Object:second.s
//#ExpectSym:kept_once
int kept_once(void);
int main(void) { return kept_once(); }
