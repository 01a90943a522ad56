int definer_was_loaded = 1;
int absent_variable = 40;
int absent_function(void) { return 1; }
