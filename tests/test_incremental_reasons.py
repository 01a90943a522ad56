"""Every reason for a full link has a code, an entry in docs/incremental.md, and an edit here that leads to it."""

from __future__ import annotations

import fcntl
import marshal
import os
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from zlib import crc32

import pytest
from editing import Project
from programs import tool

from wild.errors import CannotUpdate
from wild.incremental import session as sessions
from wild.incremental.command_line import CommandLine
from wild.incremental.control import MAGIC, read_control, write_control
from wild.kernels.rewrite import InputMaps

pytestmark = pytest.mark.only_wild

ROOT = Path(__file__).parents[1]
MAIN = "int value(int); int main(void) { return value(3) - 9; }\n"
PART = "int value(int x) { return x * 3; }\n"
SCENARIOS: dict[str, Callable[[Project, pytest.MonkeyPatch], None]] = {}


def reason(code: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """The function shows this reason; it begins with an empty project."""

    def enter(function: Callable[..., None]) -> Callable[..., None]:
        SCENARIOS[code] = function
        return function

    return enter


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if metafunc.function is test_reason:
        metafunc.parametrize("code", sorted(SCENARIOS))


def test_reason(tmp_path, monkeypatch, code):
    project = Project(tmp_path / "project")
    monkeypatch.chdir(project.directory)
    SCENARIOS[code](project, monkeypatch)


def test_every_code_is_documented_and_shown():
    sources = [path.read_text() for path in (ROOT / "src/wild").rglob("*.py")]
    patterns = (r'(?:CannotUpdate|ObjectsNeeded)\(\s*"([A-Z]\d+)"', r'reason = \(\s*"([A-Z]\d+)"')
    used = {code for text in sources for pattern in patterns for code in re.findall(pattern, text)}
    documented = set(re.findall(r"\b([A-Z]\d+)\b", "\n".join(
        line.split("|")[1] for line in (ROOT / "docs/incremental.md").read_text().splitlines()
        if re.match(r"\| [A-Z]\d", line)
    )))  # fmt: skip

    assert used == documented
    assert used - set(SCENARIOS) == {"V1"}  # that is in test_incremental.py


def begin(project: Project, *more: str, main: str = MAIN, part: str = PART, **files: str) -> None:
    """The initial link of main.c, part.c and further sources, by name with `_` for the dot."""
    project.write("main.c", main)
    project.write("part.c", part)
    for name, text in files.items():
        project.write(name.replace("_", "."), text)
    line = project.link(*more)
    assert (line["mode"], line["code"]) == ("initial", "A1")


def expect(project: Project, code: str, *more: str, mode: str = "initial") -> None:
    """The next link is a full one for this reason, and does what any full link does."""
    line = project.link(*more, check=mode != "failed")
    assert (line["mode"], line["code"]) == (mode, code), line["reason"]
    if mode != "failed":
        project.check(*more)


def expect_after(
    project: Project, code: str, name: str, text: str, *more: str, mode: str = "initial"
) -> None:
    """The same, after a source has changed."""
    project.write(name, text)
    expect(project, code, *more, mode=mode)


# --- the state ---------------------------------------------------------------------------------------------


@reason("A1")
def no_state(project, monkeypatch):
    begin(project)
    shutil.rmtree("program.incr")
    expect(project, "A1")


def change_control(name: str, value: object) -> None:
    path = Path("program.incr/control")
    control = marshal.loads(path.read_bytes()[len(MAGIC) + 4 :])
    control[name] = value
    body = marshal.dumps(control)
    path.write_bytes(MAGIC + crc32(body).to_bytes(4, "little") + body)


@reason("A2")
def other_tables(project, monkeypatch):
    begin(project)
    change_control("tables", [(0, 0, 0)])
    expect_after(project, "A2", "part.c", PART + "int more;\n")


@reason("A3")
def another_version(project, monkeypatch):
    begin(project)
    change_control("code", (0, "0.0.0", 0, 0))
    expect(project, "A3")


@reason("A4")
def modified_tables(project, monkeypatch):
    begin(project)
    with open("program.incr/tables", "r+b") as file:
        file.write(b"damage")
    expect(project, "A4")


@reason("A5")
def started_anew(project, monkeypatch):
    begin(project)
    change_control("boot", b"of another day\n")
    expect(project, "A5")


@reason("A6")
def locked_for_long(project, monkeypatch):
    monkeypatch.setattr(sessions, "LOCK_SECONDS", 0.05)
    os.mkdir("program.incr")
    with open("program.incr/lock", "w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        session = sessions.Session("program", CommandLine([]))
        assert (session.usable, session.reason[0]) == (False, "A6")
    assert sessions.Session("program", CommandLine([])).usable


@reason("A7")
def no_directory_for_the_state(project, monkeypatch):
    Path("program.incr").write_text("something else")
    project.write("main.c", MAIN)
    expect_after(project, "A7", "part.c", PART, mode="full")
    assert Path("program.incr").read_text() == "something else"


@reason("A8")
def state_that_cannot_be_written(project, monkeypatch):
    begin(project)
    os.mkdir("program.incr/image-1")
    expect_after(project, "A8", "part.c", PART + "int more = 4;\n", mode="full")


# --- the inputs --------------------------------------------------------------------------------------------


@reason("B1")
def input_that_cannot_be_read(project, monkeypatch):
    Path("empty.o").write_text("")
    with pytest.raises(CannotUpdate) as raised:
        InputMaps().get(0, b"empty.o")
    assert raised.value.code == "B1"


@reason("B2")
def many_files(project, monkeypatch):
    project.write("empty.c", "")
    for number in range(4097):
        os.link("empty.o", f"empty{number}.o")
        project.objects.append(f"empty{number}.o")
    begin(project)
    os.utime("empty.o")
    expect(project, "B2")


@reason("B5")
def library_offers_other_symbols(project, monkeypatch):
    def library(text: str) -> None:
        Path("own.c").write_text(text)
        project.call(tool("gcc"), "-shared", "-fPIC", "own.c", "-o", "libown.so")

    library("int own(void) { return 0; }\n")
    project.link_flags = ["libown.so"]
    begin(project, main="int own(void);" + MAIN.replace("return", "return own() +"))
    library("int own(void) { return 0; } int other;\n")
    expect(project, "B5")


@reason("B7")
def archive_with_other_members(project, monkeypatch):
    project.write("more.c", "int more;\n")
    project.objects = []
    project.write("member.c", PART)
    project.objects = []
    project.call(tool("ar"), "rc", "libpart.a", "member.o")
    project.link_flags = ["libpart.a"]
    project.write("main.c", MAIN)
    assert project.link()["code"] == "A1"
    project.call(tool("ar"), "rc", "libpart.a", "more.o")
    expect(project, "B7")


@reason("B8")
def input_that_changes_during_the_link(project, monkeypatch):
    from wild.incremental.update import Update

    begin(project)
    project.write("part.c", PART + "int more = 4;\n")
    words = [*project.command("program", "-Wl,--incremental"), "-###"]
    lines = subprocess.run(words, capture_output=True, text=True, check=True).stderr.splitlines()
    collect = next(line for line in lines if "collect2" in line)
    arguments = [word.strip('"') for word in collect.split()[1:]]
    write = Update.write

    def write_late(self: Update) -> None:
        write(self)
        project.write("part.c", PART + "int more = 5, other;\n")

    monkeypatch.setattr(Update, "write", write_late)
    session = sessions.Session("program", CommandLine(arguments))
    session.strict = False
    assert not session.try_update(lambda: None)
    assert session.reason[0] == "B8"


# --- the command line --------------------------------------------------------------------------------------


@reason("C1")
def another_option(project, monkeypatch):
    begin(project)
    expect(project, "C1", "-Wl,-z,now")


@reason("C2")
def another_script(project, monkeypatch):
    Path("exports").write_text("{ main; };\n")
    begin(project, "-Wl,--dynamic-list=exports")
    Path("exports").write_text("{ main; value; };\n")
    expect(project, "C2", "-Wl,--dynamic-list=exports")


@reason("C3")
def output_that_cannot_be_updated(project, monkeypatch):
    begin(project)
    expect(project, "C3", "-Wl,--defsym=other=5", mode="full")


@reason("C4")
def object_for_link_time_optimization(project, monkeypatch):
    begin(project)
    project.flags.append("-flto")
    project.write("part.c", PART)
    line = project.link(check=False)
    assert line["code"] == "C4"


@reason("C6")
def canonical(project, monkeypatch):
    begin(project)
    expect(project, "C6", "-Wl,--incremental=canonical")


@reason("C7")
def library_found_elsewhere(project, monkeypatch):
    os.mkdir("first")
    os.mkdir("second")
    project.write("member.c", PART)
    project.objects = []
    project.call(tool("ar"), "rc", "second/libpart.a", "member.o")
    project.link_flags = ["-Lfirst", "-Lsecond", "-lpart"]
    project.write("main.c", MAIN)
    assert project.link()["code"] == "A1"
    shutil.copy("second/libpart.a", "first/libpart.a")
    expect(project, "C7")


# --- room --------------------------------------------------------------------------------------------------


@reason("D1")
def no_room_in_a_section(project, monkeypatch):
    begin(project, part=PART + "int data[4] = {1};\n")
    expect_after(project, "D1", "part.c", PART + "int data[90000] = {1};\n")


@reason("D2")
def no_room_for_relocations(project, monkeypatch):
    pointers = "void *data[%d] = {" + "data, " * 300 + "};\n"
    begin(project, part=PART + "void *data[500] = {0};\n")
    expect_after(project, "D2", "part.c", PART + pointers % 500)


@reason("D5")
def value_that_does_not_fit(project, monkeypatch):
    number = 'asm(".globl number\\nnumber = %d");\n'
    begin(project, "-no-pie", part=PART + number % 5, byte_c='asm(".data\\n.byte number");\n')
    expect_after(project, "D5", "part.c", PART + number % 300, "-no-pie", mode="failed")


@reason("D6")
def no_room_in_a_table(project, monkeypatch):
    begin(project)
    names = "".join(f"name{number}:\\n.globl name{number}\\n" for number in range(100000))
    expect_after(project, "D6", "part.c", PART + f'asm("{names}");\n')


@reason("D8")
def section_of_a_new_kind(project, monkeypatch):
    begin(project)
    expect_after(project, "D8", "part.c", PART + '__attribute__((section("strange"))) int odd = 4;\n')


# --- names -------------------------------------------------------------------------------------------------


@reason("E1")
def function_that_the_loader_calls(project, monkeypatch):
    begin(project, "-Wl,-init=value")
    expect_after(project, "E1", "part.c", PART + "int more = 3;\n", "-Wl,-init=value")


@reason("E2")
def name_that_nothing_defines(project, monkeypatch):
    begin(project)
    expect_after(project, "E2", "part.c", PART.replace("x * 3", "missing(x)"), mode="failed")


@reason("E3")
def two_new_definitions(project, monkeypatch):
    begin(project)
    project.write("main.c", MAIN + "int twice = 1;\n")
    expect_after(project, "E3", "part.c", PART + "int twice = 2;\n", mode="failed")


@reason("E5")
def removed_definition(project, monkeypatch):
    begin(project)
    expect_after(project, "E5", "part.c", PART.replace("value", "other"), mode="failed")


@reason("E6")
def another_visibility(project, monkeypatch):
    begin(project)
    expect_after(project, "E6", "part.c", '__attribute__((visibility("hidden"))) ' + PART)


@reason("E7")
def new_export(project, monkeypatch):
    project.flags.append("-fPIC")
    project.output = "libown.so"
    begin(project, "-shared", "-Wl,--hash-style=sysv")
    more = PART + "int exported(void) { return 1; }\n"
    expect_after(project, "E7", "part.c", more, "-shared", "-Wl,--hash-style=sysv")


@reason("E8")
def longer_list(project, monkeypatch):
    entry = '__attribute__((section("list"), used)) static int entry%d = 1;\n'
    begin(project, part=PART + entry % 1)
    expect_after(project, "E8", "part.c", PART + entry % 1 + entry % 2)


@reason("E9")
def long_chain_of_dropped_functions(project, monkeypatch):
    project.flags.append("-ffunction-sections")
    chain = {
        f"link{n}_c": f"int link{n + 1}(int); int link{n}(int x) {{ return link{n + 1}(x) + 1; }}\n"
        for n in range(60)
    }
    begin(project, "-Wl,--gc-sections", **chain, link60_c="int link60(int x) { return x; }\n")
    # How long a link of so little takes says how busy the machine is.
    write_control("program.incr", read_control("program.incr") | {"full": 1.0})
    expect_after(
        project, "E9", "part.c", "int link0(int);\n" + PART.replace("x * 3", "link0(x) + x + x - 60"),
        "-Wl,--gc-sections",
    )  # fmt: skip


@reason("E12")
def common_symbols(project, monkeypatch):
    project.flags.append("-fcommon")
    begin(project, part=PART + "int common;\n")
    expect_after(project, "E12", "part.c", PART + "int common[2];\n")


@reason("E13")
def indirect_function_moves(project, monkeypatch):
    indirect = "static int one(void) { return 1; } static int (*pick(void))(void) { return one; }\n"
    indirect += 'int indirect(void) __attribute__((ifunc("pick")));\n'
    main = "int indirect(void); " + MAIN.replace("return", "return indirect() - 1 +")
    begin(project, main=main, part=PART + indirect)
    expect_after(project, "E13", "part.c", "int before(int x) { return x - 1; }\n" + PART + indirect)


@reason("E14")
def call_frame_record_refers_to_a_moved_name(project, monkeypatch):
    frame = 'asm(".cfi_startproc\\n.cfi_personality 0x1b, value\\nret\\n.cfi_endproc");\n'
    begin(project, frame_c=frame)
    expect_after(project, "E14", "part.c", "int before(int x) { return x - 1; }\n" + PART)


@reason("E15")
def member_that_is_not_linked_and_defines_another_name(project, monkeypatch):
    for text in ("int unused = 1;\n", "int unused = 2; int value2;\n"):
        project.write("member.c", text)
        project.objects = ["main.o", "part.o"]
        Path("libmore.a").unlink(missing_ok=True)
        project.call(tool("ar"), "rc", "libmore.a", "member.o")
        project.link_flags = ["libmore.a"]
        if text.endswith("1;\n"):
            begin(project)
    expect(project, "E15")


@reason("E16")
def versions_in_an_object(project, monkeypatch):
    project.flags.append("-fPIC")
    project.output = "libown.so"
    Path("versions").write_text("V1 { value; };\n")
    own = 'asm(".symver own, own@V1");\nint own(void) { return %d; }\n'
    begin(project, "-shared", "-Wl,--version-script=versions", part=PART + own % 1)
    expect_after(project, "E16", "part.c", PART + own % 2, "-shared", "-Wl,--version-script=versions")


@reason("E17")
def symbol_outside_its_section(project, monkeypatch):
    section = (
        'asm(".pushsection .rodata.str1.1,\\"aMS\\",@progbits,1\\n.string \\"text\\"\\n.globl text\\n'
        'text = . + %d\\n.popsection");\n'
    )
    begin(project, part=PART + section % -2)
    expect_after(project, "E17", "part.c", PART + section % 90)


@reason("E18")
def warning_about_a_symbol(project, monkeypatch):
    begin(project)
    warning = 'asm(".pushsection .gnu.warning.value\\n.string \\"do not use it\\"\\n.popsection");\n'
    expect_after(project, "E18", "part.c", PART + warning)


@reason("E19")
def compressed_sections(project, monkeypatch):
    project.flags.append("-g")
    begin(project)
    project.flags.append("-gz")
    expect_after(project, "E19", "part.c", PART + "int a_long_name_" + "x" * 500 + ";\n")


@reason("E20")
def size_of_a_symbol_that_moves(project, monkeypatch):
    begin(project, size_c='asm(".data\\n.quad value@SIZE");\n')
    expect_after(project, "E20", "part.c", "int before(int x) { return x - 1; }\n" + PART)


@reason("F1")
def update_would_take_longer_than_a_full_link(project, monkeypatch):
    def write(number: int) -> None:
        for part in range(10):
            project.write(f"other{part}.c", f"int other{part} = {number};\n")

    write(1)
    begin(project)
    # How long a link of so little takes says how busy the machine is.
    write_control("program.incr", read_control("program.incr") | {"full": 60_000.0})
    write(2)
    assert project.link()["mode"] == "update"
    control = read_control("program.incr")
    assert 0 < control["cost"] < control["full"]
    write_control("program.incr", control | {"cost": control["full"]})
    write(3)
    expect(project, "F1")


@reason("F5")
def name_that_very_many_mention(project, monkeypatch):
    project.write("mention.c", "int value(int); static int (*pointer)(int) __attribute__((used)) = value;\n")
    project.objects = []
    for number in range(520):
        os.link("mention.o", f"mention{number}.o")
        project.objects.append(f"mention{number}.o")
    begin(project)
    expect_after(project, "F5", "part.c", "int before(int x) { return x - 1; }\n" + PART)
