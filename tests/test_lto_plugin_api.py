"""The plugin interface itself, by a plugin that does what compilers' plugins do only now and then.

It "compiles" by naming machine code that was made beforehand, and says what it is told.  Inputs are fat
objects, since such are offered to plugins.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from programs import archive, cached, compile_c, identity, tool
from texts import errors, said

pytestmark = pytest.mark.only_wild

# Tags and status values by the numbers of the documented interface.
PLUGIN = r"""
#include <stdint.h>
#include <stdlib.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <pthread.h>
enum { OUTPUT = 3, OPTION = 4, CLAIM = 5, ALL_READ = 6, CLEANUP = 7, ADD_SYMBOLS = 8, GET_V1 = 9, ADD_FILE = 10,
       MESSAGE = 11, GET_FILE = 12, RELEASE_FILE = 13, ADD_LIBRARY = 14, NAME = 15, LIBRARY_PATH = 16, VIEW = 18,
       GET_V2 = 25, GET_V3 = 28, WRAPS = 32, ADD_V2 = 33, VERSION = 34, CLAIM_V2 = 35 };
struct file { const char *name; int fd; int64_t offset, size; void *handle; };
struct symbol { char *name, *version; unsigned char def, type, section, unused; int visibility; uint64_t size;
                char *key; int resolution; };
struct tag { int tag; union { int number; const char *text; void *function; } value; };
static struct tag tags[64];
static char *options[32];
static int count, claims;
static struct file files[8];
static struct symbol table[8][4];
static void *find(int tag) {
    for (struct tag *at = tags; at->tag; at++) if (at->tag == tag) return at->value.function;
    return NULL;
}
static const char *option(const char *name) {
    size_t length = strlen(name);
    for (int i = 0; i < count; i++)
        if (!strncmp(options[i], name, length) && options[i][length] == '=') return options[i] + length + 1;
    return NULL;
}
#define CALL(tag, ...) ((int (*)())find(tag))(__VA_ARGS__)
#define SAY(level, ...) ((int (*)(int, const char *, ...))find(MESSAGE))(level, __VA_ARGS__)
static const char *base(const char *path) { return strrchr(path, '/') ? strrchr(path, '/') + 1 : path; }

static int claim(const struct file *file, int *claimed) {
    const char *taken = option("claim");
    char magic[4];
    if (option("fail-claim")) return 3;
    if (!taken || !strstr(taken, base(file->name))) return 0;
    if (pread(file->fd, magic, 4, file->offset) != 4 || memcmp(magic, "\177ELF", 4)) SAY(2, "no ELF file there");
    struct symbol *s = table[claims];
    s[0] = (struct symbol){.name = strdup(option("define") ? option("define") : "defined"), .size = 4, .type = 1};
    s[1] = (struct symbol){.name = "needed", .def = 2};
    s[2] = (struct symbol){.name = "main", .type = 1};
    if (option("bad-symbol")) s[1].name = NULL;
    if (option("bad-kind")) s[1].def = 77;
    files[claims++] = *file;
    int status = CALL(ADD_V2, option("bad-handle") ? (void *)99 : file->handle, option("main") ? 3 : 2, s);
    if (option("bad-handle")) SAY(0, "status of a bad handle: %d", status);
    *claimed = status == 0;
    return 0;
}
static int claim_v2(const struct file *file, int *claimed, int known_used) {
    SAY(0, "%s is %s", base(file->name), known_used ? "used" : "perhaps used");
    return claim(file, claimed);
}
static void *talk(void *nothing) { SAY(1, "a thread %s", "speaks"); return nothing; }
static int all_read(void) {
    if (option("fatal")) { SAY(3, "stop %d", 7); abort(); }
    if (option("error")) SAY(2, "this is wrong");
    if (option("fail-read")) return 3;
    if (option("thread")) { pthread_t t; pthread_create(&t, 0, talk, 0); pthread_join(t, 0); }
    for (int i = 0; i < claims; i++) {
        int n = option("main") ? 3 : 2, v1 = CALL(GET_V1, files[i].handle, n, table[i]), r1 = table[i][0].resolution;
        int v2 = CALL(GET_V2, files[i].handle, n, table[i]), r2 = table[i][0].resolution;
        int v3 = CALL(GET_V3, files[i].handle, n, table[i]);
        SAY(0, "symbols: %d/%d %d/%d %d/%d %d, wrong count: %d", v1, r1, v2, r2, v3, table[i][0].resolution,
            table[i][1].resolution, CALL(GET_V3, files[i].handle, 1, table[i]));
        struct file again;
        const char *view;
        char magic[4];
        int status = CALL(GET_FILE, files[i].handle, &again);
        int at = status ? -1 : pread(again.fd, magic, 4, again.offset);
        CALL(VIEW, files[i].handle, &view);
        SAY(0, "file: %d %d, same bytes: %d, same size: %d, released: %d %d", status, at, !memcmp(view, magic, 4),
            again.size == files[i].size, CALL(RELEASE_FILE, files[i].handle), CALL(RELEASE_FILE, (void *)77));
    }
    uint64_t wraps; const char **names;
    CALL(WRAPS, &wraps, &names);
    for (uint64_t i = 0; i < wraps; i++) SAY(0, "wraps %s", names[i]);
    if (option("directory")) CALL(LIBRARY_PATH, option("directory"));
    if (option("file")) CALL(ADD_FILE, option("file"));
    if (option("library")) CALL(ADD_LIBRARY, option("library"));
    return 0;
}
static int cleanup(void) { if (option("clean")) SAY(0, "cleaned up"); return 0; }
int onload(struct tag *vector) {
    const char *linker, *version;
    for (int i = 0; vector->tag; vector++) {
        if (vector->tag == OPTION) options[count++] = strdup(vector->value.text);
        tags[i++] = *vector;
    }
    if (option("fail-load")) return 3;
    if (option("versions")) {
        int none = CALL(VERSION, "me", "1", 0, 0, &linker, &version);
        int one = CALL(VERSION, "me", "1", 0, 1, &linker, &version);
        SAY(0, "api %d %d %d, linker %s", none, one, CALL(VERSION, "me", "1", 0, 9, &linker, &version), linker);
    }
    if (option("v2")) CALL(CLAIM_V2, claim_v2); else CALL(CLAIM, claim);
    CALL(ALL_READ, all_read);
    CALL(CLEANUP, cleanup);
    return 0;
}
"""
MAIN = "int defined(void); int main(void) { return defined(); }"


def plugin() -> Path:
    program = tool("gcc")
    command = [program, "-w", "-shared", "-fPIC", "-pthread", "{source}", "-o", "{output}"]
    return cached("plugin.so", (".c", identity(program)), command, PLUGIN)


def fat(source: str, name: str) -> Path:
    return compile_c(source, "-O2", "-flto", "-ffat-lto-objects", name=name)


def words(**options: object) -> list[str]:
    """The plugin and its options, for the compiler driver."""
    return [
        "-fno-lto",
        f"-Wl,-plugin,{plugin()}",
        *(f"-Wl,-plugin-opt={k.replace('_', '-')}={v}" for k, v in options.items()),
    ]


def compiled(source: str = "int defined(void) { return 42; }", name: str = "compiled") -> Path:
    return compile_c(source, name=name)


def test_files_are_claimed_compiled_and_replaced(link):
    """The prevailing definition is 2: main.o mentions it; `needed` is undefined, 1."""
    ir = fat("int defined(void) { return 1; }", "ir")
    program = link(*words(claim="ir.o", file=compiled(), clean=1), compile_c(MAIN), ir)

    program.run(status=42)
    assert said(program.messages, link).splitlines() == [
        "plugin.so: symbols: 0/2 0/2 0/2 1, wrong count: 3",
        "plugin.so: file: 0 4, same bytes: 1, same size: 1, released: 0 2",
        "plugin.so: cleaned up",
    ]


def test_members_of_archives_are_known_by_their_place(link):
    ir = archive([fat("int defined(void) { return 1; }", "ir")], "ir.a")
    unused = archive([fat("int unused(void) { return 1; }", "unused")], "unused.a")
    program = link(*words(claim="ir.a", file=compiled(), v2=1), compile_c(MAIN), unused, ir)

    program.run(status=42)
    assert said(program.messages, link).splitlines()[:3] == [
        "plugin.so: unused.a is perhaps used",
        "plugin.so: ir.a is perhaps used",
        "plugin.so: symbols: 0/2 0/2 0/2 1, wrong count: 3",
    ]


def test_member_that_is_not_loaded_has_no_symbols(link):
    """Version 3 says so (1); the others call its definitions pre-empted (4)."""
    unused = archive([fat("int other(void) { return 1; }", "unused")], "unused.a")
    ir = fat("int defined(void) { return 1; }", "ir")
    options = words(claim="unused.a+ir.o", file=compiled())
    program = link(*options, compile_c(MAIN), ir, unused)

    assert "symbols: 0/4 0/4 1/4" in program.messages


def test_symbols_that_only_ir_or_the_loader_sees(link):
    ir = fat("int main(void) { return 1; }", "ir")
    code = compiled("int main(void) { return 42; } int exported(void) { return 1; }")
    options = words(claim="ir.o", define="exported", main=1, file=code)
    plain, exported = link(*options, ir), link(*options, ir, "-rdynamic")

    plain.run(status=42)
    assert "symbols: 0/3 0/3 0/3" in plain.messages
    assert "symbols: 0/2 0/9 0/9" in exported.messages


def test_versions_of_the_interface_are_agreed_on(link):
    program = link(
        *words(versions=1, claim="none"), compile_c("int main(void) { return 42; }"), fat("int f;", "f")
    )

    assert "plugin.so: api 0 1 1, linker wild\n" in said(program.messages, link)


def test_wrapped_symbols_are_told(link):
    ir = fat("int defined(void) { return 1; }", "ir")
    program = link(*words(claim="ir.o", file=compiled()), "-Wl,--wrap=one,--wrap=two", compile_c(MAIN), ir)

    assert "plugin.so: wraps one\nplugin.so: wraps two\n" in said(program.messages, link)


def test_libraries_are_searched_for_where_the_plugin_says(link, tmp_path):
    (tmp_path / "hidden").mkdir()
    library = archive([compiled()], "libgiven.a")
    (tmp_path / "hidden" / "libgiven.a").write_bytes(library.read_bytes())
    ir = fat("int defined(void) { return 1; }", "ir")

    link(*words(claim="ir.o", directory=tmp_path / "hidden", library="given"), compile_c(MAIN), ir).run(
        status=42
    )
    text = errors(link, *words(claim="ir.o", library="given"), compile_c(MAIN), ir)
    assert "error: plugin.so: cannot find -lgiven" in text


def test_messages_come_from_any_thread(link):
    ir = fat("int defined(void) { return 1; }", "ir")
    program = link(*words(claim="ir.o", file=compiled(), thread=1), compile_c(MAIN), ir)

    assert "wild: warning: plugin.so: a thread speaks\n" in said(program.messages, link)


FAILURES = {
    "fail_load": "plugin.so: loading it failed",
    "fail_claim": "ir.o: plugin.so: reading it failed",
    "fail_read": "plugin.so: compiling failed",
    "error": "plugin.so: this is wrong",
    "fatal": "plugin.so: stop 7",
    "bad_symbol": "ir.o: plugin.so: symbol 1, as the plugin describes it, makes no sense",
    "bad_kind": "ir.o: plugin.so: symbol 1, as the plugin describes it, makes no sense",
}


@pytest.mark.parametrize("failure", FAILURES)
def test_failing_plugin_fails_the_link(link, failure):
    ir = fat("int defined(void) { return 1; }", "ir")
    options = words(claim="ir.o", file=compiled(), clean=1, **{failure: 1})

    text = errors(link, *options, compile_c(MAIN), ir)

    assert [line for line in text.splitlines() if "error" in line] == [f"wild: error: {FAILURES[failure]}"]


def test_claim_without_symbols_is_undone(link):
    """A handle that the plugin made up is refused, and the file is linked as machine code."""
    ir = fat("int defined(void) { return 41; }", "ir")
    program = link(*words(claim="ir.o", bad_handle=1), compile_c(MAIN), ir)

    program.run(status=41)
    assert "plugin.so: status of a bad handle: 2\n" in said(program.messages, link)


def test_file_that_the_plugin_names_and_that_is_not_there(link):
    ir = fat("int defined(void) { return 1; }", "ir")

    text = errors(link, *words(claim="ir.o", file="none.o"), compile_c(MAIN), ir)

    assert text == "wild: error: none.o: cannot open: No such file or directory\n"
