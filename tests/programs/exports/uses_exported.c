int exported(void); int uses_exported(void) { return exported(); }
