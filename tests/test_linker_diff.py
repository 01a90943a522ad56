"""linker-diff reports nothing on good links, and what it reports can be read, ignored and relied on."""

from __future__ import annotations

import subprocess

import pytest
from diff_programs import HELLO, PROGRAMS, REFERENCES
from linking import linker_under_test
from programs import ROOT, assemble, compile_c

from linker_diff.compare import compare, label_files
from linker_diff.defaults import DEFAULTS
from linker_diff.image import DiffError
from linker_diff.report import Difference, Row, accept, matches, merge

COMMAND = ROOT / ".venv" / "bin" / "linker-diff"


def linked(link, name: str, linker: str):
    kind = linker.rpartition("/")[2]
    return PROGRAMS[name](link, f"{name}.{kind}", linker).path


@pytest.mark.skipif(len(REFERENCES) < 2, reason="ld and lld are wanted")
@pytest.mark.parametrize("name", PROGRAMS)
def test_good_links_have_no_difference(link, name):
    theirs = [linked(link, name, reference) for reference in REFERENCES]
    ours = linked(link, name, linker_under_test())

    report = compare(theirs, ours, wild_defaults=True)

    assert not report, report.render()
    assert report.counts["functions"] > 0


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_file_is_equal_to_itself(link, name):
    ours = linked(link, name, linker_under_test())

    report = compare([ours], ours)

    assert not report, report.render()
    assert not report.ignored


ENDLESS = """
.globl _start
.type _start, @function
_start: lea .Lfirst(%rip), %rax
 lea .Lsecond(%rip), %rax
 ret
.size _start, . - _start
.section .rodata
"""
SECOND = '.Lsecond: .ascii "other text"\n'


@pytest.mark.parametrize(("text", "differs"), [("seven..", False), ("seven._", True)])
def test_texts_without_an_end_go_as_far_as_the_next_that_is_referred_to(link, text, differs):
    """As those of Rust: behind each stands what the order of the objects brings there."""
    followed = assemble(ENDLESS + '.byte 0\n.Lfirst: .ascii "seven.."\n' + SECOND + ".byte 0\n")
    alone = assemble(ENDLESS + SECOND + f'.byte 0\n.Lfirst: .ascii "{text}"\n.byte 0\n')
    reference, ours = (link.raw(source, output=source.parent.name).path for source in (followed, alone))

    assert bool(compare([reference], ours)) is differs


NUMBER_IN_SLOT = """
.globl _start
.type _start, @function
_start: movq number@GOTPCREL(%rip), %rax
 movq first@GOTTPOFF(%rip), %rdx
 ret
.size _start, . - _start
"""


@pytest.mark.parametrize(("number", "keys"), [("-5", []), ("-6", ["got.0xfffffffffffffffb"])])
def test_a_slot_with_a_small_negative_number_is_no_place_in_the_tls_block(link, number, keys):
    """Where such a place would be depends on the order of the variables."""
    source = assemble(NUMBER_IN_SLOT)
    variable = '.section .tdata, "awT"\n.globl NAME\n.type NAME, @object\n.size NAME, 4\nNAME: .long 1\n'
    first, second = (assemble(variable.replace("NAME", name)) for name in ("first", "second"))
    reference = link.raw("--no-relax", source, first, second, "--defsym=number=-5", output="reference").path

    ours = link.raw("--no-relax", source, second, first, f"--defsym=number={number}").path

    assert compare([reference], ours).keys == keys


def test_the_command_says_whether_there_is_a_difference(link):
    ours = linked(link, "pie", linker_under_test())
    other = link(compile_c(HELLO.replace("return 17", "return 18"), "-O2"), output="other").path

    equal = subprocess.run([COMMAND, ours, ours], capture_output=True, text=True, check=False)
    different = subprocess.run([COMMAND, ours, other], capture_output=True, text=True, check=False)
    ignoring = subprocess.run(
        [COMMAND, "--ignore", "asm.pick,data.*", "--ref", ours, other],
        capture_output=True,
        text=True,
        check=False,
    )

    assert (equal.returncode, equal.stdout) == (0, "")
    assert different.returncode == 1
    assert different.stdout.startswith("asm.pick")
    assert ignoring.returncode == 0, ignoring.stdout


def test_the_layout_file_tells_where_our_bytes_come_from(link):
    ours = link(compile_c(HELLO, "-O2"), output="ours", WILD_WRITE_LAYOUT="1", WILD_WRITE_TRACE="1").path
    other = link(compile_c(HELLO.replace("return 17", "return 18"), "-O2"), output="other").path

    (difference,) = compare([other], ours).differences

    assert difference.key == "asm.pick"
    assert difference.origin[0].startswith("from ")
    assert difference.origin[1].startswith("ORIG  b8 11 00 00 00")
    assert "main.o:(.text" in compare([other], ours).render()


def test_a_file_that_cannot_be_compared_is_an_error(tmp_path):
    script = tmp_path / "script"
    script.write_text("no ELF file")

    done = subprocess.run([COMMAND, script, script], capture_output=True, text=True, check=False)

    assert done.returncode == 2
    assert done.stderr == f"linker-diff: {script}: not an ELF file\n"
    with pytest.raises(DiffError, match="not an ELF file"):
        compare([script], script)


def test_an_item_counts_only_if_no_reference_agrees():
    mine = Row("ours", "3")
    against_first = [Difference("a", "", (mine, Row("ld", "1"))), Difference("b", "", (mine, Row("ld", "1")))]
    against_second = [Difference("a", "", (mine, Row("lld", "2")))]

    merged = merge([against_first, against_second])

    assert [(it.key, [row.label for row in it.rows]) for it in merged] == [("a", ["ours", "ld", "lld"])]


def test_the_milder_kind_of_a_difference_is_reported():
    first = [Difference("asm.f", "", (), ("f", 4))]
    second = [Difference("relax.got.f", "", (), ("f", 4))]

    assert [it.key for it in merge([first, second])] == ["relax.got.f"]


@pytest.mark.parametrize("pattern", ["rel.missing.foo", "rel.missing", "rel", "rel.*.foo", "*.foo"])
def test_patterns_are_globs_or_beginnings(pattern):
    assert matches("rel.missing.foo", pattern)
    assert not matches("rela.foo2", pattern)


def test_what_is_ignored_is_kept_with_the_pattern():
    left, ignored = accept([Difference("asm.f", ""), Difference("asm.g", "")], ["asm.g"])

    assert [it.key for it in left] == ["asm.f"]
    assert [(it.key, pattern) for it, pattern in ignored] == [("asm.g", "asm.g")]


def test_files_are_named_by_what_tells_them_apart(tmp_path):
    assert label_files([tmp_path / "hello.ld", tmp_path / "hello.lld"]) == ["ld", "lld"]
    assert label_files([tmp_path / "ld" / "a.out", tmp_path / "wild" / "a.out"]) == ["ld", "wild"]


def test_every_default_has_a_reason():
    assert all(len(reason) > 8 for reason in DEFAULTS.values())
