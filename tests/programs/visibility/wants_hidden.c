int wanted(void); int from_library(void) { return wanted(); }
