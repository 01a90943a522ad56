int absent(void); int needs(void) { return absent(); } int value = 5;
