"""RELRO: what is written only by the loader becomes read-only, in whole pages, with nothing else in them."""

from __future__ import annotations

import pytest
from elf import PF_R, PF_W, PT_GNU_RELRO, PT_LOAD
from programs import compile_c, pic_c

MAIN = (
    "#include <stdio.h>\n__attribute__((constructor)) static void c(void) {} int data = 42; "
    'int main(void) { puts("x"); return 0; }'
)
POKE = """
    #include <setjmp.h>
    #include <signal.h>
    static sigjmp_buf back;
    static void caught(int number) { siglongjmp(back, 1); }
    static int target = 1;
    static int *const table[] = { &target };
    int main(void) {
        signal(SIGSEGV, caught);
        if (sigsetjmp(back, 1)) return 42;
        *(int *volatile *)&table[0] = 0;
        return 1;
    }
"""


@pytest.mark.parametrize("kind", ["-pie", "-static-pie"])
def test_relocated_constants_cannot_be_written(link, kind):
    """.data.rel.ro is writable for the loader only; a write at run time is a segmentation fault."""
    link(compile_c(POKE, "-fpie"), kind, "-Wl,-z,relro").run(status=42)


def test_norelro_leaves_them_writable(link):
    program = link(compile_c(POKE, "-fpie"), "-Wl,-z,norelro")

    program.run(status=1)
    assert program.segments_of(PT_GNU_RELRO) == []


def test_relro_is_on_by_default(link):
    assert link(compile_c(MAIN)).segments_of(PT_GNU_RELRO)


def test_relro_lies_in_one_writable_segment(link):
    program = link(compile_c(MAIN), "-Wl,-z,relro,-z,now")

    relro = program.segments_of(PT_GNU_RELRO)[0]
    holder = program.segment_at(relro.address)
    assert holder.flags == PF_R | PF_W
    assert relro.flags == PF_R
    assert relro.address >= holder.address
    assert relro.end <= -(-holder.end // 4096) * 4096


@pytest.mark.parametrize("binding", ["now", "lazy"])
def test_data_shares_no_page_with_relro(link, binding):
    """The loader protects whole pages from the start of PT_GNU_RELRO down to the last whole page in it."""
    program = link(compile_c(MAIN), f"-Wl,-z,relro,-z,{binding}")

    relro = program.segments_of(PT_GNU_RELRO)[0]
    assert relro.address % 4096 == 0 or relro.address == program.segment_at(relro.address).address
    for name in (".data", ".bss"):
        assert program.sections[name].address >= -(-relro.end // 4096) * 4096 or relro.end % 4096 == 0


@pytest.mark.parametrize("section", [".dynamic", ".got", ".init_array", ".fini_array", ".data.rel.ro"])
def test_sections_of_relro(link, section):
    source = MAIN + "static int *const table[] = { &data }; int *const *volatile use = table;"
    program = link(compile_c(source, "-fpie"), "-Wl,-z,relro,-z,now")

    relro = program.segments_of(PT_GNU_RELRO)[0]
    assert relro.address <= program.sections[section].address
    assert program.sections[section].end <= relro.end


def test_initial_thread_local_image_lies_in_relro(link):
    program = link(compile_c("__thread int x = 42; int main(void) { return x; }"), "-Wl,-z,relro")

    relro = program.segments_of(PT_GNU_RELRO)[0]
    assert relro.address <= program.sections[".tdata"].address < relro.end


def test_relro_of_a_shared_object(link):
    library = link.shared(
        pic_c("static int x = 42; int *const p = &x; int f(void) { return *p; }"), "-Wl,-z,relro"
    )

    link(compile_c("int f(void); int main(void) { return f(); }"), library).run(status=42)
    relro = library.segments_of(PT_GNU_RELRO)[0]
    assert relro.address <= library.symbols["p"].value < relro.end


def test_last_page_of_relro_is_protected(link):
    """The loader rounds the end down: without padding to a page boundary the last part would stay writable."""
    program = link(compile_c(MAIN), "-Wl,-z,relro,-z,now")

    assert program.segments_of(PT_GNU_RELRO)[0].end % 4096 == 0


@pytest.mark.unlike("lld", "mold", reason="map that page of the file twice")
@pytest.mark.parametrize("kind", ["-pie", "-no-pie", "-shared"])
def test_no_page_of_the_file_is_mapped_twice_for_writing(link, kind):
    """Valgrind up to 3.19 finds variables by where their page of the file is mapped."""
    program = link(compile_c(MAIN, "-fPIC"), kind, "-Wl,-z,relro")

    loads = [load for load in program.segments_of(PT_LOAD) if load.flags & PF_W and load.file_size]
    pages = [set(range(load.offset // 4096, -(-(load.offset + load.file_size) // 4096))) for load in loads]
    assert loads
    assert sum(map(len, pages)) == len(set().union(*pages))
