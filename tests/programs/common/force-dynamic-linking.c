// A shared object made of this makes a program dynamic that needs nothing of it.
int force_dynamic_linking(void) { return 1; }
