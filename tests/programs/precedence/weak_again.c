int value __attribute__((weak)) = 2;
