extern char _end[]; const int table[5] = {1,2,3,4,5}; static int st; int common_thing[5]; 
int hook(int x) { static char *brk = _end; st++; brk += x; return table[x] + st + (brk - _end) + common_thing[2]; }
