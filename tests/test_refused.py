"""What this version does not do is refused by name, never done halfway."""

from __future__ import annotations

import pytest
from programs import archive, assemble

START = ".globl _start\n_start: mov $60, %eax\n xor %edi, %edi\n syscall\n"


def test_missing_script_is_an_error(link):
    message = link.fails(assemble(START), "-T", "absent.ld", driver="raw")

    assert "absent.ld" in message


@pytest.mark.only_wild
def test_object_or_archive_given_as_a_script_is_an_error(link):
    program = assemble(START)
    library = archive([program], "libone.a")

    for wrong in (program, library):
        message = link.fails(program, "-T", wrong, driver="raw")
        assert f"{wrong}: no linker script" in message


def test_script_that_names_inputs_is_followed(link):
    program = assemble(START)
    script = link.directory / "inputs.ld"
    script.write_text(f"INPUT({program})\n")

    assert link("-T", script, driver="raw").run() == ""


def test_script_can_name_the_entry(link):
    program = assemble(START.replace("_start", "begin"))
    script = link.directory / "entry.ld"
    script.write_text("ENTRY(begin)\n")

    assert link(program, script, driver="raw").run() == ""
