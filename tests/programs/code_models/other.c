extern int large[], large_zero[], small;
extern const int large_constant[];
int *other_place(void) { return large_zero + 1999; }
int other_sum(void) { return large[1] + large_zero[1999] + small + large_constant[0]; }
