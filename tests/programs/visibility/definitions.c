int ordinary(void) { return 1; }
__attribute__((visibility("protected"))) int shielded(void) { return 2; }
__attribute__((visibility("hidden"))) int hidden_here(void) { return 3; }
__attribute__((visibility("internal"))) int internal_here(void) { return 4; }
int hidden_by_reference(void) { return 5; }
int from_library(void) { return shielded() == 2 ? ordinary() : 9; }
