"""Finding libraries: -l, -L, -l:FILE, sysroot, -Bstatic and -Bdynamic, library scripts, what is skipped."""

from __future__ import annotations

import shutil

import pytest
from programs import archive, assemble, compile_c, exit_with, pic_c, write

CALL_F = "int f(void); int main(void) { return f(); }"
START = ".globl _start\n_start: call f" + exit_with("%eax")
RETURN = "int f(void) {{ return {}; }}"


def install(link, path, file):
    """Put a library where a search has to find it."""
    place = link.directory / path
    place.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(file, place)
    return place


def static(value: int):
    return archive([compile_c(RETURN.format(value), name="f")])


def shared(link, value: int):
    return link.shared(pic_c(RETURN.format(value)), "-Wl,-soname=libf.so", output="libf.so")


@pytest.mark.parametrize("form", [("-lf",), ("-l", "f")])
@pytest.mark.parametrize("path", [("-Llibs",), ("-L", "libs"), ("-Wl,--library-path=libs",)])
def test_library_by_name_in_a_directory(link, form, path):
    install(link, "libs/libf.a", static(42))

    link(compile_c(CALL_F), *path, *form).run(status=42)


def test_directory_may_follow_the_library_on_the_line(link):
    """The search path is the whole line's, as in GNU ld and lld."""
    install(link, "libs/libf.a", static(42))

    link(compile_c(CALL_F), "-lf", "-Llibs").run(status=42)


def test_first_directory_wins(link):
    install(link, "one/libf.a", static(42))
    install(link, "two/libf.a", static(1))

    link(compile_c(CALL_F), "-Lone", "-Ltwo", "-lf").run(status=42)


def test_shared_object_is_preferred_within_a_directory(link):
    install(link, "libs/libf.a", static(1))
    install(link, "libs/libf.so", shared(link, 42))

    link(compile_c(CALL_F), "-Llibs", "-lf").run(status=42)


def test_archive_of_an_earlier_directory_beats_shared_object_of_a_later(link):
    install(link, "one/libf.a", static(42))
    install(link, "two/libf.so", shared(link, 1))

    link(compile_c(CALL_F), "-Lone", "-Ltwo", "-lf").run(status=42)


@pytest.mark.parametrize("static_flag", ["-Bstatic", "-dn", "-non_shared", "-static"])
@pytest.mark.parametrize("dynamic_flag", ["-Bdynamic", "-dy", "-call_shared"])
def test_static_and_dynamic_in_the_line(link, static_flag, dynamic_flag):
    install(link, "libs/libf.a", static(42))
    install(link, "libs/libf.so", shared(link, 1))

    program = link(compile_c(CALL_F), "-Llibs", f"-Wl,{static_flag}", "-lf", f"-Wl,{dynamic_flag}", "-lc")

    program.run(status=42)
    assert program.tag_strings("NEEDED") == ["libc.so.6"]


def test_static_flag_skips_shared_object_of_an_earlier_directory(link):
    install(link, "one/libf.so", shared(link, 1))
    install(link, "two/libf.a", static(42))

    link(compile_c(CALL_F), "-Lone", "-Ltwo", "-Wl,-Bstatic", "-lf", "-Wl,-Bdynamic").run(status=42)


def test_pop_state_restores_dynamic(link):
    install(link, "libs/libf.a", static(1))
    install(link, "libs/libf.so", shared(link, 42))

    program = link(compile_c(CALL_F), "-Llibs", "-Wl,--push-state,-Bstatic,--pop-state", "-lf")

    program.run(status=42)


def test_library_by_file_name(link):
    install(link, "libs/f.archive", static(42))

    link(compile_c(CALL_F), "-Llibs", "-l:f.archive").run(status=42)


def test_library_by_file_name_ignores_the_prefix_rule(link):
    install(link, "libs/libf.so", shared(link, 1))
    install(link, "libs/libf.a", static(42))

    link(compile_c(CALL_F), "-Llibs", "-l:libf.a").run(status=42)


def test_missing_library_is_an_error_that_names_it(link):
    message = link.fails(compile_c(CALL_F), "-lno_such_library")

    assert "-lno_such_library" in message or "no_such_library" in message


def test_all_missing_libraries_are_named(link):
    message = link.fails(compile_c(CALL_F), "-lmissing_one", "-lmissing_two")

    assert "missing_one" in message
    assert "missing_two" in message


@pytest.mark.only_wild
def test_missing_library_tells_where_it_was_searched_and_what_was_skipped(link):
    (link.directory / "libs").mkdir()
    (link.directory / "libs" / "libf.so").write_bytes(b"\x7fELF\2\1\1" + bytes(9) + b"\3\0\xb7\0" + bytes(44))
    (link.directory / "more").mkdir()

    text = link.fails("-Llibs", "-Lmore", "-lf", "-nostdlib", driver="raw")

    assert text == (
        "wild: error: cannot find -lf; add its directory with -L or install the library\n"
        ">>> skipped libs/libf.so: is for AArch64; this link is for x86-64\n"
        ">>> searched more\n"
    )


def test_missing_library_by_file_name_is_an_error(link):
    assert ":missing.a" in link.fails(compile_c(CALL_F), "-l:missing.a")


@pytest.mark.parametrize(
    "form",
    ["-L=/libs", pytest.param("-L$SYSROOT/libs", marks=pytest.mark.unlike("lld", reason="takes only ="))],
)
def test_directory_in_the_sysroot(link, form):
    install(link, "root/libs/libf.a", static(42))

    link.raw(assemble(START), f"--sysroot={link.directory}/root", form, "-lf").run(status=42)


@pytest.mark.unlike("lld", reason="gives another linker's sysroot to scripts only below it")
def test_library_script_in_a_sysroot_has_its_paths_there(link):
    """/libs/f.o in a script found below the sysroot means SYSROOT/libs/f.o; elsewhere it is the file
    itself.
    """
    install(link, "root/libs/f.o", compile_c(RETURN.format(42), name="f"))
    write(link.directory / "root/libs/libf.so", "GROUP ( /libs/f.o )")

    link.raw(assemble(START), f"--sysroot={link.directory}/root", "-L=/libs", "-lf").run(status=42)


def test_library_script_with_a_group(link):
    install(
        link, "libs/libone.a", archive([compile_c("int g(void); int f(void) { return g(); }", name="one")])
    )
    install(link, "libs/libtwo.a", archive([compile_c("int g(void) { return 42; }", name="two")]))
    write(
        link.directory / "libs/libf.so",
        "/* a comment */ OUTPUT_FORMAT(elf64-x86-64)\nGROUP ( -lone libtwo.a )\n",
    )

    link(compile_c(CALL_F), "-Llibs", "-lf").run(status=42)


def test_library_script_with_as_needed(link):
    install(link, "libs/libf_impl.so", link.shared(pic_c(RETURN.format(42)), output="libf_impl.so"))
    install(
        link, "libs/libunused.so", link.shared(pic_c("int unused(void) { return 0; }"), output="libunused.so")
    )
    write(link.directory / "libs/libf.so", "INPUT ( libf_impl.so AS_NEEDED ( libunused.so ) )\n")

    program = link(compile_c(CALL_F), "-Llibs", "-lf")

    program.run(status=42)
    assert program.tag_strings("NEEDED") == ["libf_impl.so", "libc.so.6"]


def test_input_script_on_the_command_line(link):
    """A text file among the objects is a script; its bare names are found beside it or in the search path."""
    shutil.copyfile(compile_c(RETURN.format(42), name="f"), link.directory / "f.o")
    script = write(link.directory / "inputs.txt", "INPUT ( f.o )\n")

    link(compile_c(CALL_F), script).run(status=42)


def test_script_named_like_an_archive(link):
    """libm.a is a script on Debian."""
    install(link, "libs/libimpl.a", static(42))
    write(link.directory / "libs/libf.a", "GROUP ( libimpl.a )\n")

    link(compile_c(CALL_F), "-Llibs", "-Wl,-Bstatic", "-lf", "-Wl,-Bdynamic").run(status=42)


def test_search_dir_command(link):
    install(link, "libs/libf.a", static(42))
    script = write(link.directory / "inputs.txt", f"SEARCH_DIR({link.directory}/libs) INPUT ( -lf )\n")

    link(compile_c(CALL_F), script).run(status=42)


def test_same_script_library_as_glibc_has(link):
    """libm is a script on Debian: a shared libm with an AS_NEEDED libmvec."""
    main = compile_c("#include <math.h>\nint main(int n, char **v) { return (int)cos(n - 1) + 41; }")

    program = link(main, "-lm")

    program.run(status=42)
    assert "libm.so.6" in program.tag_strings("NEEDED")


@pytest.mark.unlike("lld", reason="stops at a library of another machine")
def test_library_of_another_machine_is_skipped_while_searching(link):
    install(link, "foreign/libf.a", archive([other_machine(link, compile_c(RETURN.format(1), name="f"))]))
    install(link, "libs/libf.a", static(42))

    link(compile_c(CALL_F), "-Lforeign", "-Llibs", "-lf").run(status=42)


def other_machine(link, path):
    """A copy of an object whose header says AArch64."""
    data = bytearray(path.read_bytes())
    data[18:20] = (183).to_bytes(2, "little")
    foreign = link.directory / "f.o"
    foreign.write_bytes(data)
    return foreign


@pytest.mark.unlike("lld", reason="has no directories of its own")
def test_builtin_search_directories_are_used_by_a_bare_link(link):
    """`ld -lc` by hand finds the system's libc."""
    main = assemble(".globl _start\n_start: mov $42, %edi\n call _exit@PLT")

    link.raw(main, "-pie", "-dynamic-linker", "/lib64/ld-linux-x86-64.so.2", "-lc").run(status=42)


def test_nostdlib_leaves_only_the_directories_of_the_line(link):
    assert "-lc" in link.fails(
        assemble(".globl _start\n_start: call _exit@PLT"), "-nostdlib", "-lc", driver="raw"
    )


def test_object_given_twice_is_a_duplicate(link):
    """Nothing is deduplicated silently: the same object twice defines its symbols twice."""
    f = compile_c(RETURN.format(42), name="f")

    assert "f" in link.fails(compile_c(CALL_F), f, f)


def test_shared_object_given_twice_is_needed_once(link):
    library = shared(link, 42)

    program = link(compile_c(CALL_F), library, library)

    assert program.tag_strings("NEEDED").count("libf.so") == 1


def test_two_files_of_one_soname_are_needed_once(link):
    install(link, "copy/libf.so", shared(link, 42))

    program = link(compile_c(CALL_F), "libf.so", "copy/libf.so", "-Wl,--no-as-needed")

    assert program.tag_strings("NEEDED").count("libf.so") == 1


def test_library_without_soname_is_needed_by_its_name_on_the_line(link):
    """With -l the file's base name; with a path the path as given (as GNU ld and lld do)."""
    link("-shared", pic_c(RETURN.format(42)), output="libf.so")

    assert "libf.so" in link(compile_c(CALL_F), "-L.", "-lf").tag_strings("NEEDED")
    assert "./libf.so" in link(compile_c(CALL_F), "./libf.so").tag_strings("NEEDED")


@pytest.mark.parametrize("option", ["-static", "-Bstatic"])
def test_a_shared_object_that_is_named_in_a_static_link_is_refused(link, option):
    library = link.shared(pic_c("int f(void) { return 42; }"), driver="raw")
    start = assemble(".globl _start\n_start: call f\n")

    text = link.fails(option, start, library, driver="raw")

    assert str(library.path) in text
    assert "static" in text


def test_a_shared_object_may_be_named_where_dynamic_libraries_are_on_again(link):
    library = link.shared(pic_c("int f(void) { return 42; }"), driver="raw")

    link(compile_c("int f(void); int main(void) { return f(); }"), "-Wl,-Bstatic,-Bdynamic", library).run(
        status=42
    )
