int value = 2;
int which(void) { return 2; }
int which_by_two(void) { return which(); }
int *value_by_two(void) { return &value; }
int (*function_by_two(void))(void) { return which; }
