//#LinkSoArgs:-Wl,-z,now
int alpha_one(void) { return 1; }
int run(void) { return alpha_one() + 22; }
