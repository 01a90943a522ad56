char buffer[8] = "x";
int from_initialised = 1;
