#include "ifunc.h"
function address_elsewhere(void) { return chosen; }
