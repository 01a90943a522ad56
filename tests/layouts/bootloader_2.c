const char small = 1; const long large[3] = {1, 2, 3}; const short middle = 2;
static char buffer[100]; int counter = 7; int shared_area[6];
__attribute__((section("__u_boot_list_2_cmd_2_alpha"), used)) long alpha_command[2] = {4, 5};
__attribute__((section("__u_boot_list_1"), used)) char begin[0];
__attribute__((section("__u_boot_list_3"), used)) char end[0];
int help(void) { buffer[counter & 63] = small; return large[1] + middle + shared_area[2] + (int)(end - begin); }
