"""Files that cannot be linked: one clear error that names the file, exit status 1, no output (`link.fails`).

GNU ld and lld each pass most of these tests and fail others (they accept the file, do not name it, crash or
wait for ever), so the tests are run with this linker only.
"""

from __future__ import annotations

import os

import pytest
from elf import SHT_RELA, SHT_SYMTAB, Elf
from programs import archive, assemble, compile_c, exit_with, pic_c, write

pytestmark = pytest.mark.only_wild
START = ".globl _start\n_start:" + exit_with("$42")
WITH_CALL = ".globl _start\n_start: call f\n" + exit_with() + ".globl f\nf: ret\n.data\n.quad f\n"


def start():
    return assemble(START)


def bad(link, data: bytes, name: str = "bad.o"):
    path = link.directory / name
    path.write_bytes(data)
    return path


def rejected(link, data: bytes, name: str = "bad.o") -> str:
    """The message about a bad file given beside a good one; the file is named in it."""
    message = link.fails(start(), bad(link, data, name), driver="raw")
    assert name in message
    return message


def good() -> bytes:
    return assemble(WITH_CALL.replace("_start", "other"), name="good").read_bytes()


def changed(data: bytes, offset: int, width: int, value: int) -> bytes:
    """The file with one little-endian number changed."""
    return data[:offset] + (value % 2 ** (8 * width)).to_bytes(width, "little") + data[offset + width :]


def section_field(data: bytes, wanted: int | str, field: int) -> int:
    """File offset of a field of a section header (field: its offset in the header, gABI Elf64_Shdr)."""
    file = Elf(data)
    section = next(row for row in file.section_list if wanted in (row.type, row.name))
    return file.shoff + 64 * section.index + field


TYPE, OFFSET, SIZE, LINK, INFO, ALIGN, ENTSIZE = 4, 24, 32, 40, 44, 48, 56


def test_missing_file(link):
    message = link.fails(start(), "missing.o", driver="raw")

    assert "missing.o" in message


def test_all_missing_files_are_named(link):
    message = link.fails(start(), "missing1.o", "missing2.o", driver="raw")

    assert "missing1.o" in message
    assert "missing2.o" in message


def test_directory(link):
    (link.directory / "folder.o").mkdir()

    assert "folder.o" in link.fails(start(), "folder.o", driver="raw")


def test_fifo_is_refused_without_waiting(link):
    os.mkfifo(link.directory / "pipe.o")

    assert "pipe.o" in link.fails(start(), "pipe.o", driver="raw")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_unreadable_file(link):
    path = bad(link, good())
    path.chmod(0)

    assert "bad.o" in link.fails(start(), path, driver="raw")


@pytest.mark.parametrize("name", ["empty.o", "libempty.a", "libempty.so", "/dev/null"])
def test_an_empty_file_is_a_script_without_commands(link, name):
    """As to GNU ld and lld: build systems make such files in the place of libraries that are not there any more."""
    if not name.startswith("/"):
        (link.directory / name).write_bytes(b"")

    link.raw(start(), name)
    link.raw(start(), "-T", name)


@pytest.mark.only_wild
def test_an_empty_file_is_worth_a_warning(link):
    (link.directory / "empty.o").write_bytes(b"")

    assert "warning: empty.o: the file is empty" in link.raw(start(), "empty.o").messages
    assert "empty.o: the file is empty" in link.fails(start(), "empty.o", "--fatal-warnings", driver="raw")


@pytest.mark.parametrize("size", [1, 4, 15, 16, 17, 63, 64, 65, 100])
def test_file_cut_in_its_header(link, size):
    rejected(link, good()[:size])


@pytest.mark.parametrize("part", [0.3, 0.5, 0.7, 0.9, 0.99])
def test_file_cut_in_the_middle(link, part):
    data = good()

    rejected(link, data[: int(len(data) * part)])


def test_text_that_is_no_script(link):
    rejected(link, b"int main(void) { return 0; }\n", "main.c")


def test_random_bytes(link):
    rejected(link, bytes(range(256)) * 16)


def test_another_machine(link):
    message = rejected(link, changed(good(), 18, 2, 183))

    assert "aarch64" in message.lower() or "183" in message or "incompatible" in message


def test_32_bit_class(link):
    rejected(link, changed(good(), 4, 1, 1))


def test_real_32_bit_object(link):
    path = assemble(".globl f\nf: ret\n", "-m32", name="small")

    assert "small.o" in link.fails(start(), path, driver="raw")


def test_big_endian(link):
    rejected(link, changed(good(), 5, 1, 2))


@pytest.mark.parametrize("kind", [0, 2, 4, 0xFE00])
def test_file_type_that_cannot_be_linked(link, kind):
    rejected(link, changed(good(), 16, 2, kind))


def test_executable_as_input(link):
    link.raw(start(), output="tool")

    assert "tool" in link.fails(start(), "tool", driver="raw")


def test_position_independent_executable_as_input(link):
    """A PIE has the type of a shared object; DF_1_PIE tells them apart."""
    link(compile_c("int main(void) { return 0; }"), output="tool")

    assert "tool" in link.fails(compile_c("int main(void) { return 0; }"), "./tool")


@pytest.mark.parametrize("value", [0, 1, 63, 65, 0xFFFF])
def test_wrong_section_header_size(link, value):
    rejected(link, changed(good(), 58, 2, value))


@pytest.mark.parametrize("value", [1, 2**40, 2**63, 2**64 - 1, 2**64 - 64])
def test_section_headers_outside_the_file(link, value):
    rejected(link, changed(good(), 40, 8, value))


def test_more_section_headers_than_fit(link):
    rejected(link, changed(good(), 60, 2, 5000))


@pytest.mark.parametrize("value", [0xFF00, 200])
def test_section_name_table_index_out_of_range(link, value):
    rejected(link, changed(good(), 62, 2, value))


@pytest.mark.parametrize("field", [OFFSET, SIZE])
@pytest.mark.parametrize("section", [".text", ".data", SHT_SYMTAB, ".strtab", ".shstrtab", SHT_RELA])
@pytest.mark.parametrize("value", [2**40, 2**64 - 8])
def test_section_outside_the_file(link, section, field, value):
    data = good()

    rejected(link, changed(data, section_field(data, section, field), 8, value))


def test_section_name_outside_its_table(link):
    data = good()

    rejected(link, changed(data, section_field(data, ".text", 0), 4, 0x7FFFFFFF))


def test_symbol_table_linked_to_no_string_table(link):
    data = good()

    rejected(link, changed(data, section_field(data, SHT_SYMTAB, LINK), 4, 99))


def test_symbol_table_of_wrong_entry_size(link):
    data = good()

    rejected(link, changed(data, section_field(data, SHT_SYMTAB, ENTSIZE), 8, 23))


def test_first_global_beyond_the_table(link):
    data = good()

    rejected(link, changed(data, section_field(data, SHT_SYMTAB, INFO), 4, 1000))


def symbol_field(data: bytes, name: str, field: int) -> int:
    """File offset of a field of a symbol (field: its offset in Elf64_Sym)."""
    file = Elf(data)
    table = next(row for row in file.section_list if row.type == SHT_SYMTAB)
    index = [symbol.name for symbol in file.symbol_table(table)].index(name)
    return table.offset + 24 * index + field


def test_symbol_name_outside_its_table(link):
    data = good()

    rejected(link, changed(data, symbol_field(data, "f", 0), 4, 0x00FFFFFF))


def test_symbol_in_a_section_that_does_not_exist(link):
    data = good()

    rejected(link, changed(data, symbol_field(data, "f", 6), 2, 500))


def test_string_table_without_final_zero(link):
    """A name at its very end runs out of the table."""
    data = good()
    strings = Elf(data).sections[".strtab"]
    size = strings.size - 1
    shortened = changed(data, section_field(data, ".strtab", SIZE), 8, size)

    rejected(link, changed(shortened, symbol_field(data, "f", 0), 4, size - 1) if size else shortened)


def relocation_field(data: bytes, section: str, field: int) -> int:
    return Elf(data).sections[section].offset + field


def test_relocation_outside_its_section(link):
    data = good()

    message = rejected(link, changed(data, relocation_field(data, ".rela.data", 0), 8, 0x1000))

    assert ".data" in message or ".rela.data" in message


@pytest.mark.parametrize("offset", [1, 4, 7])
def test_relocation_that_ends_outside_its_section(link, offset):
    data = good()

    rejected(link, changed(data, relocation_field(data, ".rela.data", 0), 8, offset))


def test_relocation_against_a_symbol_that_does_not_exist(link):
    data = good()

    rejected(link, changed(data, relocation_field(data, ".rela.data", 12), 4, 9999))


def test_relocations_of_a_section_that_does_not_exist(link):
    data = good()

    rejected(link, changed(data, section_field(data, ".rela.data", INFO), 4, 999))


def test_relocation_table_of_wrong_entry_size(link):
    data = good()

    rejected(link, changed(data, section_field(data, ".rela.data", ENTSIZE), 8, 7))


def test_alignment_that_is_no_power_of_two(link):
    data = good()

    rejected(link, changed(data, section_field(data, ".data", ALIGN), 8, 24))


GROUPED = assemble('.section .text.f,"axG",@progbits,f,comdat\n.weak f\nf: ret\n', name="grouped")


def test_group_member_out_of_range(link):
    data = GROUPED.read_bytes()
    group = Elf(data).sections[".group"]

    rejected(link, changed(data, group.offset + 4, 4, 77))


def test_group_that_contains_itself(link):
    data = GROUPED.read_bytes()
    group = Elf(data).sections[".group"]

    rejected(link, changed(data, group.offset + 4, 4, group.index))


def test_group_of_odd_size(link):
    data = GROUPED.read_bytes()

    rejected(link, changed(data, section_field(data, ".group", SIZE), 8, 7))


def test_link_order_cycle(link):
    """Two SHF_LINK_ORDER sections that name each other."""
    source = '.section one,"ao",@progbits,two_\n.long 1\n.section two_,"ao",@progbits,one\n.long 2\n'
    try:
        path = assemble(source, name="cycle")
    except AssertionError:
        pytest.skip("the assembler refuses to write it")

    done = link.attempt(start(), path, driver="raw", output="program", linker=None)

    assert done.returncode in (0, 1)


def archive_bytes() -> bytes:
    return archive([assemble(".globl f\nf: ret\n", name="member")], "libgood.a").read_bytes()


def rejected_archive(link, data: bytes) -> None:
    main = assemble(".globl _start\n_start: call f" + exit_with())
    assert "bad.a" in link.fails(main, bad(link, data, "bad.a"), driver="raw")


def member_header(data: bytes) -> int:
    return data.index(b"member.o/")


@pytest.mark.parametrize("size", ["9999999   ", "-1        ", "abc       ", "          "])
def test_archive_member_of_impossible_size(link, size):
    data = archive_bytes()
    where = member_header(data) + 48

    rejected_archive(link, data[:where] + size.encode() + data[where + 10 :])


def test_archive_member_without_end_mark(link):
    data = archive_bytes()
    where = member_header(data) + 58

    rejected_archive(link, data[:where] + b"??" + data[where + 2 :])


def test_archive_cut_in_a_header(link):
    data = archive_bytes()

    rejected_archive(link, data[: member_header(data) + 30])


def test_archive_cut_in_a_member(link):
    data = archive_bytes()

    rejected_archive(link, data[: member_header(data) + 200])


def test_archive_member_name_outside_the_name_table(link):
    long = archive(
        {"a_name_longer_than_sixteen_bytes.o": assemble(".globl f\nf: ret\n", name="member")}, "liblong.a"
    )

    rejected_archive(link, long.read_bytes().replace(b"/0  ", b"/999", 1))


def test_bad_object_in_an_archive_is_named_with_its_member(link):
    member = bad(link, assemble(".globl f\nf: ret\n", name="member").read_bytes()[:200], "broken.o")
    library = archive({"broken.o": member, "f.o": assemble(".globl f\nf: ret", name="f")}, "libbroken.a")
    main = assemble(".globl _start\n_start: call f" + exit_with())

    message = link.fails(main, "--whole-archive", library, driver="raw")

    assert "libbroken.a" in message
    assert "broken.o" in message


def test_archive_inside_an_archive_is_not_searched(link):
    inner = archive([assemble(".globl f\nf: ret", name="f")], "inner.a")
    library = archive({"inner.a": inner}, "outer.a")

    message = link.fails(assemble(".globl _start\n_start: call f"), "--whole-archive", library, driver="raw")

    assert "undefined symbol: f" in message


def test_shared_object_with_a_dynamic_section_outside_the_file(link):
    library = link.shared(pic_c("int f(void) { return 1; }"), "-nostdlib")
    data = library.data

    main = assemble(".globl _start\n_start: call f" + exit_with())
    cut = bad(link, changed(data, section_field(data, ".dynsym", OFFSET), 8, 2**40), "bad.so")
    assert "bad.so" in link.fails(main, cut, driver="raw")


def test_text_file_with_a_syntax_error(link):
    write(link.directory / "script.ld", "GROUP ( -lm\n\n  ;;; %%%\n")

    assert "script.ld" in link.fails(start(), "script.ld", driver="raw")


def test_script_that_names_a_missing_file(link):
    write(link.directory / "script.ld", "INPUT ( missing_by_script.o )\n")

    assert "missing_by_script.o" in link.fails(start(), "script.ld", driver="raw")


def test_script_that_includes_itself(link):
    write(link.directory / "script.ld", "INPUT ( script.ld )\n")

    assert "script.ld" in link.fails(start(), "script.ld", driver="raw")


def test_no_input_at_all(link):
    assert "no input" in link.fails(driver="raw").lower()


@pytest.mark.parametrize("family", ["gcc", "clang"])
def test_intermediate_code_without_plugin_is_explained(link, family):
    """An object with only LTO code has nothing to link: the error says which option helps."""
    main = compile_c("int main(void) { return 0; }", "-flto", compiler=family, name="intermediate")

    done = link.attempt(main, driver="raw", output="program", linker=None)

    if done.returncode == 0 and family == "clang":
        pytest.skip("LLVM's plugin is installed")
    assert "intermediate.o" in done.stderr or "main" in done.stderr


@pytest.mark.only_wild
@pytest.mark.parametrize("family", ["gcc", "clang"])
def test_intermediate_code_is_called_by_its_name(link, family):
    """Bitcode gets its plugin without being asked for, if it is where one looks for it."""
    main = compile_c("int main(void) { return 0; }", "-flto", compiler=family, name="intermediate")

    done = link.attempt(main, driver="raw", output="program", linker=None)
    if done.returncode == 0 and family == "clang":
        pytest.skip("LLVM's plugin is installed")

    assert "intermediate.o: holds only" in done.stderr
    assert "-plugin" in done.stderr
    assert "-flto" in done.stderr


def test_fat_intermediate_objects_are_linked_by_their_machine_code(link):
    main = compile_c("int main(void) { return 42; }", "-flto", "-ffat-lto-objects")

    link(main, "-fno-lto").run(status=42)


def test_header_numbers_are_checked_as_a_whole(link):
    """e_shnum and e_shoff that are each plausible but overflow together."""
    data = changed(good(), 40, 8, 2**64 - 64 * 8)

    rejected(link, changed(data, 60, 2, 16))
