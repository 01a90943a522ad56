"""The dynamic section: names, search paths, flags, and what belongs there by default."""

from __future__ import annotations

import pytest
from elf import PT_DYNAMIC
from programs import assemble, compile_c, pic_c

MAIN = "int main(void) { return 42; }"


def program_with(link, *flags: str):
    return link(compile_c(MAIN), *flags)


@pytest.mark.parametrize(
    "form", ["-Wl,-soname,libx.so.1", "-Wl,-soname=libx.so.1", "-Wl,-h,libx.so.1", "-Wl,--soname=libx.so.1"]
)
def test_soname(link, form):
    assert link("-shared", pic_c("int f;"), form, output="libx.so").tag_strings("SONAME") == ["libx.so.1"]


def test_soname_of_a_program(link):
    """The loader takes it for the library of that name, which glibc's tests use."""
    assert program_with(link, "-Wl,-soname=libx.so.1").tag_strings("SONAME") == ["libx.so.1"]


def test_no_soname_unless_given(link):
    assert link("-shared", pic_c("int f;"), output="libx.so").tag_strings("SONAME") == []


def test_program_needs_a_library_by_its_soname(link):
    library = link(
        "-shared", pic_c("int f(void) { return 42; }"), "-Wl,-soname=libother.so.7", output="libx.so"
    )

    program = link(compile_c("int f(void); int main(void) { return f(); }"), library)

    assert program.tag_strings("NEEDED")[0] == "libother.so.7"


@pytest.mark.parametrize(
    "form", ["-Wl,-rpath,/a:/b", "-Wl,-rpath=/a:/b", "-Wl,--rpath=/a:/b", "-Wl,-rpath,/a,-rpath,/b"]
)
def test_run_path(link, form):
    assert program_with(link, form, "-Wl,--enable-new-dtags").tag_strings("RUNPATH") == ["/a:/b"]


def test_old_run_path(link):
    program = program_with(link, "-Wl,-rpath,/a,--disable-new-dtags")

    assert program.tag_strings("RPATH") == ["/a"]
    assert program.tag_strings("RUNPATH") == []


@pytest.mark.unlike("lld", reason="keeps the repetition")
def test_equal_run_paths_are_given_once(link):
    program = program_with(link, "-Wl,-rpath,/a,-rpath,/b,-rpath,/a,--enable-new-dtags")

    assert program.tag_strings("RUNPATH") == ["/a:/b"]


def test_run_path_text_is_kept_as_it_is(link):
    """Build systems pad it and edit the file in place at installation."""
    text = "$ORIGIN/../lib:" + "X" * 60

    assert program_with(link, f"-Wl,-rpath,{text},--enable-new-dtags").tag_strings("RUNPATH") == [text]


def test_run_path_finds_the_library(link):
    (link.directory / "libs").mkdir()
    library = link.shared(pic_c("int f(void) { return 42; }"), "-Wl,-soname=libf.so", output="libs/libf.so")
    main = compile_c("int f(void); int main(void) { return f(); }")

    link(main, library).run(status=127, LD_LIBRARY_PATH="")
    link(main, library, "-Wl,-rpath,$ORIGIN/libs").run(status=42, LD_LIBRARY_PATH="")


def test_debug_tag_is_in_programs_only(link):
    assert program_with(link).tag("DEBUG") == [0]
    assert link.shared(pic_c("int f;")).tag("DEBUG") == []


def test_pie_flag(link):
    """DF_1_PIE tells a PIE from a shared object."""
    assert program_with(link, "-pie").tag("FLAGS_1")[0] & 0x08000000
    assert not any(flags & 0x08000000 for flags in link.shared(pic_c("int f;")).tag("FLAGS_1"))


@pytest.mark.parametrize(
    ("keyword", "bit"),
    [
        ("nodelete", 0x8),
        ("initfirst", 0x20),
        ("nodlopen", 0x40),
        ("origin", 0x80),
        ("interpose", 0x400),
        ("nodefaultlib", 0x800),
    ],
)
def test_flags_of_keywords(link, keyword, bit):
    library = link.shared(pic_c("int f;"), f"-Wl,-z,{keyword}")

    assert library.tag("FLAGS_1")[0] & bit


def test_origin_sets_both_flags(link):
    assert link.shared(pic_c("int f;"), "-Wl,-z,origin").tag("FLAGS")[0] & 1


def test_library_that_may_not_be_dlopened_is_refused(link):
    library = link.shared(pic_c("int f;"), "-Wl,-z,nodlopen")
    main = compile_c("#include <dlfcn.h>\nint main(int n, char **v) { return dlopen(v[1], 2) ? 1 : 42; }")

    link(main).run(str(library.path), status=42)


def test_section_is_the_segment(link):
    program = program_with(link)

    section, segment = program.sections[".dynamic"], program.segments_of(PT_DYNAMIC)[0]
    assert (section.address, section.size) == (segment.address, segment.size)
    assert section.entry_size == 16


def test_required_tags_are_there(link):
    tags = {tag for tag, _ in program_with(link).dynamic}

    assert {
        "STRTAB",
        "SYMTAB",
        "STRSZ",
        "SYMENT",
        "INIT",
        "FINI",
        "RELA",
        "RELASZ",
        "RELAENT",
        "NEEDED",
    } <= tags


def test_plt_tags_come_with_a_plt(link):
    program = link(compile_c('#include <stdio.h>\nint main(void) { puts("x"); return 0; }'), "-Wl,-z,lazy")

    assert program.tag("PLTREL") == [7]
    assert program.tag("PLTRELSZ")[0] % 24 == 0
    assert program.tag("JMPREL")
    assert program.tag("PLTGOT")


@pytest.mark.parametrize("option", ["-F", "--filter="])
def test_filter(link, option):
    assert link.shared(
        pic_c("int f;"), f"-Wl,{option}libreal.so" if option.endswith("=") else f"-Wl,{option},libreal.so"
    ).tag_strings("FILTER") == ["libreal.so"]


@pytest.mark.parametrize("option", ["-f", "--auxiliary="])
def test_auxiliary_filter(link, option):
    flag = f"-Wl,{option}libreal.so" if option.endswith("=") else f"-Wl,{option},libreal.so"

    assert link.shared(pic_c("int f;"), flag).tag_strings("AUXILIARY") == ["libreal.so"]


def test_needed_names_come_first(link):
    """The loader reads DT_NEEDED in order; tools expect it at the beginning."""
    tags = [tag for tag, _ in program_with(link, "-lm", "-Wl,--no-as-needed").dynamic]

    assert tags[0] == "NEEDED"


def test_library_without_anything_dynamic_is_still_loadable(link):
    library = link.raw(assemble(".data\n.long 1"), "-shared", output="libempty.so")
    main = compile_c("#include <dlfcn.h>\nint main(int n, char **v) { return dlopen(v[1], 2) ? 42 : 1; }")

    link(main).run(str(library.path), status=42)
