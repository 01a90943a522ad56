// The compiler cannot know what comes out of here.
void *ptr_black_box(void *pointer) { return pointer; }
