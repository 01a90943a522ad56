int value[4];
