int through(int (*function)(int), int depth) { int result = function(depth); return result + 1; }
