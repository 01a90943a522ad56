int value = 43;
