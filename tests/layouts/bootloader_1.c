#define LIST(name, order) __attribute__((section("__u_boot_list_2_" #name "_2_" #order), used))
struct command { const char *name; int (*run)(void); };
extern char __image_start[], __bss_start[], __bss_end[], image_size[];
int help(void), boot(void);
static int state;
LIST(cmd, help) struct command help_command = {"help", help};
LIST(driver, serial) struct command serial_driver = {"serial", boot};
LIST(cmd, boot) struct command boot_command = {"boot", boot};
__attribute__((section(".start"))) void _start(void) { for (char *at = __bss_start; at < __bss_end; at++) *at = 0; boot(); }
__attribute__((section(".text.efi_runtime"))) int runtime(void) { return state; }
__attribute__((section(".data.efi_runtime"))) int runtime_data = 3;
__attribute__((section(".discard.me"), used)) int discarded = 5;
int boot(void) { return help() + (int)(__bss_end - __image_start) + (int)(long)image_size; }
