"""Prints the option tables: as the text of `--help`, and as docs/options.md.

libtool and Autoconf look into the text for `--version-script`, `--whole-archive` and a line that matches
`: supported targets:.* elf`.
"""

from __future__ import annotations

from textwrap import fill

from wild import ignored_options, keyword_table, option_table
from wild.option_effects import EMULATIONS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from wild.option_table import Row

WIDTH = 30  # of the column of options

TARGETS = ("elf64-x86-64",)

HEAD = """\
Usage: wild [options] file...
       wild COMMAND [argument...]

Options of more than one letter take one dash or two (two if they begin with o);
-x VALUE, -x=VALUE and --x=VALUE mean the same.

Commands:"""

COMMANDS = (
    ("doctor", "Tell which linker each installed compiler uses, and how to make it wild"),
    ("duplicates OUTPUT|INPUT...", "Tell which functions a program has several times, and what that costs"),
    (
        "explain OUTPUT ADDRESS|SYMBOL",
        "Tell which input bytes of an output came from, and what was done to them",
    ),
    ("diff [--all] OLD.o NEW.o", "List the sections that an edit of an object has changed"),
    ("linker-diff REFERENCE... OURS", "Compare linked files by meaning, whatever their layout"),
    (
        "log [--last[=N]] [--output PATH] [--json]",
        "Show what the last incremental links did, and why one was a full link",
    ),
    ("run COMMAND...", "Run a build so that its links go through wild"),
)

ENVIRONMENT = (
    ("WILD_INCREMENTAL=1", "As `--incremental`, unless `--no-incremental` is given"),
    ("WILD_VERIFY_INCREMENTAL=1", "As `--verify-incremental`"),
    ("WILD_GC_SECTIONS=1", "As `--gc-sections`, unless `--no-gc-sections` is given"),
    ("WILD_THREADS=N", "As `--threads=N`, unless the number of threads is given"),
    ("WILD_SAVE_DIR=DIR", "Put a copy of all inputs, and a script that links again, into DIR"),
    ("WILD_SAVE_BASE=DIR", "The same into a new numbered directory below DIR, for builds of many links"),
    ("WILD_SAVE_SKIP_LINKING=1", "Save only, and make no output"),
    (
        "WILD_REFERENCE_LINKER=LINKER",
        "Link again with LINKER (ld, lld or a path), compare with linker-diff, and fail if the outputs differ",
    ),
    ("WILD_REFERENCE_IGNORE=GLOBS", "Accept these keys of linker-diff there, separated by commas"),
    (
        "WILD_WRITE_LAYOUT=1",
        "Write OUTPUT.layout: which bytes came from which input section (see `wild explain`)",
    ),
    ("WILD_WRITE_TRACE=1", "Write OUTPUT.trace: what was done about each relocation"),
    ("LD_RUN_PATH=DIRS", "As `-rpath DIRS`, unless `-rpath` is given"),
)

TAIL = f"""\
@FILE stands for the arguments in FILE.

wild: supported targets: {" ".join(TARGETS)}
wild: supported emulations: {" ".join(EMULATIONS)}"""

PAGE_HEAD = """\
# Options

This page is made from the option tables by `python -m wild.help > docs/options.md`; a test compares them.

An option of one letter takes one dash, and its argument may follow directly: `-o FILE`, `-oFILE`.
A longer one takes one dash or two: `-soname NAME`, `-soname=NAME`, `--soname NAME`, `--soname=NAME`.
Only those that begin with `o` need two, because `-o` followed by anything names the output.
What is written in brackets can be left out.

`@FILE` stands for the arguments in FILE.
They are separated by white space; single or double quotes keep white space in an argument.
A backslash makes the character after it an ordinary one, inside quotes too.
"""


def help_text() -> str:
    """The text of `--help`."""
    lines = [HEAD, *(f"  {name:<{WIDTH}}  {text}" for name, text in COMMANDS)]
    for row in all_rows():
        if isinstance(row, str):
            lines += ["", f"{row}:"]
        elif row[2] in ("ignore", "refuse"):
            lines.append(paragraph(row))
        else:
            lines.append(f"  {forms(row):<{WIDTH}}  {meaning(row)}")
    return "\n".join([*lines, "", TAIL])


def paragraph(row: Row) -> str:
    """The options and the reason, as many lines as that takes; the no-break space keeps each option whole."""
    options = ", ".join(form.replace(" ", "\u00a0") for form in forms(row).split(", "))
    text = f"  {options}: {row[4]}"
    return fill(text, 100, subsequent_indent="      ", break_on_hyphens=False).replace("\u00a0", " ")


def markdown() -> str:
    """The text of docs/options.md."""
    lines = [PAGE_HEAD, "| Environment variable | Effect |", "|---|---|"]
    lines += [f"| `{name}` | {text} |" for name, text in ENVIRONMENT]
    lines += ["", "## Commands", "", "| Command | Meaning |", "|---|---|"]
    lines += [f"| `wild {name}` | {text} |".replace("|SY", "\\|SY") for name, text in COMMANDS]
    for row in all_rows():
        if isinstance(row, str):
            lines += ["", f"## {row}", "", "| Option | Meaning |", "|---|---|"]
        else:
            options = ", ".join(f"`{form}`" for form in forms(row).split(", "))
            lines.append(
                "| " + " | ".join(text.replace("|", "\\|") for text in (options, meaning(row))) + " |"
            )
    return "\n".join(lines).replace("\n\n\n", "\n\n") + "\n"


def all_rows() -> Iterator[str | Row]:
    """Groups and rows; what does something comes first."""
    yield from option_table.ROWS
    yield from keyword_table.ROWS
    yield from ignored_options.ROWS


def forms(row: Row) -> str:
    """How an option is written: `-o FILE, --output FILE`, `--[no-]relax`, `-z [no]relro`."""
    spellings, argument, effect, _, _ = row
    is_keyword = row in keyword_table.ROWS
    separator = "" if argument[:1] in ("", "[") else " "
    written = []
    for spelling in sorted(spellings.split(), key=lambda name: len(name) > 1):
        if is_keyword:
            negatable = "[no]" if effect == "switch" else ""
            written.append(f"-z {negatable}{spelling}{'=' if argument else ''}{argument}")
        elif len(spelling) == 1:
            written.append(f"-{spelling}{separator}{argument}")
        else:
            negatable = "[no-]" if effect in option_table.SWITCHES else ""
            long_argument = argument.replace("[N]", "[=N]")
            written.append(f"--{negatable}{spelling}{separator}{long_argument}")
    return ", ".join(written)


def meaning(row: Row) -> str:
    """What an option does, as a phrase for a table."""
    if row[2] == "only":
        return f"Must be {' or '.join(row[3].split())}: this version does not {row[4]}"
    return row[4]


if __name__ == "__main__":
    from sys import stdout

    stdout.write(markdown())
