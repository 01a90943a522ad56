static int table[] = {20, 21, 22}; int other(int x) { return table[x % 2]; }
