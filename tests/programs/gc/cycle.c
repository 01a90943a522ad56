int pong(int); int ping(int x) { return x ? pong(x - 1) : 0; } int pong(int x) { return x ? ping(x - 1) : 1; }
