// Sections of kinds that say little to a linker: types of others, links to other sections, notes of unusual alignment.
//#AbstractConfig:base
//#LinkerDriver:gcc
//#Object:kinds.s

// A type that no document knows is taken for contents.
//#Config:unknown-type:base
//#ExpectSection:.of_its_own type=0x60000123
//#ExpectSectionBytes:.of_its_own=0x2a000000

// What is about another section shares its fate.
//#Config:link-order-collected:base
//#CompArgs:-ffunction-sections
//#LinkArgs:-Wl,--gc-sections
//#ExpectSectionBytes:.ordered=0x01

// SHF_GNU_RETAIN keeps what nothing refers to.
//#Config:retained:base
//#LinkArgs:-Wl,--gc-sections
//#ExpectSym:kept_by_flag
//#NoSym:dropped
int answer(void);
int main(void) { return answer(); }
