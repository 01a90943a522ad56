"""The manual page, docs/wild.1, made from the option tables by `python -m wild.manual > docs/wild.1`."""

from __future__ import annotations

from wild.help import COMMANDS, ENVIRONMENT, all_rows, forms, meaning

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

HEAD = """\
.TH WILD 1 "" "Wild" "User Commands"
.SH NAME
wild, ld.wild \\- linker for x86-64 Linux
.SH SYNOPSIS
.B wild
.RI [ options ] " file" ...
.br
.B wild
.I command
.RI [ argument ...]
.SH DESCRIPTION
.B wild
links object files, archives and shared objects into programs and shared objects.
It takes the options of GNU ld, lld and mold, and is meant to be called by a compiler driver:
.PP
.RS
.nf
gcc -B"$(wild --print-gcc-dir)" hello.c -o hello
clang --ld-path=wild hello.c -o hello
wild run make
.fi
.RE
.PP
Options of more than one letter take one dash or two (two if they begin with o);
.BR \\-x " value,"
.BR \\-x =value
and
.BR \\-\\-x =value
mean the same.
.BI @ FILE
stands for the arguments in FILE, which are separated by white space.
Quotes keep white space in an argument, a backslash makes the character after it an ordinary one."""

TAIL = """\
.SH EXIT STATUS
0 if the output was made, 1 if there were errors; then no output is left, or an older one as it was.
.SH SEE ALSO
.BR ld (1),
.BR gcc (1),
.BR elf (5)"""


def page() -> str:
    """The text of the manual page."""
    lines = [HEAD, ".SH COMMANDS"]
    lines += entries((f"wild {name}", text) for name, text in COMMANDS)
    for row in all_rows():
        if isinstance(row, str):
            lines.append(f".SH {row.upper()}")
        else:
            lines += entries([(forms(row), meaning(row))])
    lines.append(".SH ENVIRONMENT")
    lines += entries(ENVIRONMENT)
    return "\n".join([*lines, TAIL]) + "\n"


def entries(pairs: Iterable[tuple[str, str]]) -> list[str]:
    """A list of terms with their meanings."""
    lines = []
    for term, text in pairs:
        lines += [".TP", f".B {escaped(term)}", escaped(text.replace("`", ""))]
    return lines


def escaped(text: str) -> str:
    """Text as roff reads it: no line begins with a control character, and a dash is the one that is typed."""
    text = text.replace("\\", "\\e").replace("-", "\\-")
    return f"\\&{text}" if text[:1] in ".'" else text


if __name__ == "__main__":
    with open(1, "w", encoding="utf-8") as file:  # standard output
        file.write(page())
