// A plugin that describes files of intermediate code as their bytes say, and compiles nothing: what fuzzing needs to reach
// all that a linker does with such descriptions. Behind the magic number, a symbol is
//   kind, type, visibility, length of the name, name, length of the version, version, length of the group, group
// and the size is the sum of these. Tags and structures are those of the documented plugin interface.
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
enum { CLAIM_FILE = 5, ALL_SYMBOLS_READ = 6, ADD_SYMBOLS = 8, GET_SYMBOLS = 25, ADD_SYMBOLS_V2 = 33 };
enum { MOST = 64, LONGEST = 1 << 16 };
struct file { const char *name; int fd; int64_t offset, size; void *handle; };
struct symbol { char *name, *version; unsigned char def, type, section, unused; int visibility; uint64_t size;
                char *key; int resolution; };
struct tag { int tag; union { int number; const char *text; void *function; } value; };
static int (*add_symbols)(void *, int, const struct symbol *);
static int (*get_symbols)(const void *, int, struct symbol *);
static struct symbol table[MOST];
static void *handle;
static int count;

static char *text(const unsigned char **at, const unsigned char *end) {
    size_t length = *at < end ? *(*at)++ % 24 : 0;
    if (length > (size_t)(end - *at)) length = end - *at;
    char *made = calloc(1, length + 1);
    memcpy(made, *at, length);
    *at += length;
    return made;
}

static int claim(const struct file *file, int *claimed) {
    static unsigned char data[LONGEST];
    ssize_t size = pread(file->fd, data, sizeof data < (size_t)file->size ? sizeof data : (size_t)file->size, file->offset);
    if (size < 4 || memcmp(data, "BC\xc0\xde", 4) || handle) return 0;
    const unsigned char *at = data + 4, *end = data + size;
    for (count = 0; at + 4 < end && count < MOST; count++) {
        struct symbol *s = &table[count];
        *s = (struct symbol){.def = at[0] % 6, .type = at[1] % 3, .visibility = at[2] % 5, .section = at[1] & 1};
        at += 3;
        s->name = text(&at, end);
        s->version = at < end && *at & 0x80 ? text(&at, end) : NULL;
        s->key = at < end && *at & 0x40 ? text(&at, end) : NULL;
        s->size = s->def * 1000 + s->type;
    }
    handle = file->handle;
    *claimed = add_symbols(handle, count, table) == 0;
    return 0;
}

static int all_read(void) {
    if (handle) get_symbols(handle, count, table);
    return 0;
}

int onload(struct tag *tags) {
    int (*on_claim)(void *) = NULL, (*on_read)(void *) = NULL;
    for (int i = 0; i < count; i++) { free(table[i].name); free(table[i].version); free(table[i].key); }
    count = 0, handle = NULL;
    for (; tags->tag; tags++) {
        if (tags->tag == CLAIM_FILE) on_claim = (int (*)(void *))tags->value.function;
        if (tags->tag == ALL_SYMBOLS_READ) on_read = (int (*)(void *))tags->value.function;
        if (tags->tag == ADD_SYMBOLS) add_symbols = (int (*)(void *, int, const struct symbol *))tags->value.function;
        if (tags->tag == GET_SYMBOLS) get_symbols = (int (*)(const void *, int, struct symbol *))tags->value.function;
    }
    if (!on_claim || !on_read || !add_symbols || !get_symbols) return 3;
    return on_claim((void *)claim) || on_read((void *)all_read);
}
