int used(void); int uses_used(void) { return used(); }
