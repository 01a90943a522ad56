int wrapped(int x) { return x + 10; }
