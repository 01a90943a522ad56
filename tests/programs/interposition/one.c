int value = 1;
int which(void) { return 1; }
int which_by_one(void) { return which(); }
int *value_by_one(void) { return &value; }
int (*function_by_one(void))(void) { return which; }
