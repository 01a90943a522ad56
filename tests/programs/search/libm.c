double cos(double x) { return x + 7; }
