int only_from_unused = 1;
int unused_variable = 2;
const char *unused_function(void) { return only_from_unused ? "text of dropped code" : 0; }
