"""Linker scripts that stand in for a library: `libc.so` and its kind.

Many libraries are not files of code but a few lines of text that name other files, written as GNU ld's manual
describes in "Linker Scripts" (chapters "Simple Commands" and "Implicit Linker Scripts"). What such a script
says is collected into a `Script`; finding and opening the files it names is the caller's business (`-lname`,
a leading `=` or `$SYSROOT`, and bare names all stay as they are written).

Nearly every dynamic link reads `libc.so`, so this module belongs to start-up: no `re`, and the tokenizer
leaves scanning to `str` methods. A copy of the text whose delimiters are all spaces makes "where does this
word end" one `find`; lines and columns are counted only when an error is reported.

What lays out the output (SECTIONS, MEMORY, PHDRS …) is read by `wild.scripted.parser`, and expressions by
`wild.expression`, both loaded when there is one. The text inside VERSION { } is returned as it stands, for
`wild.versions`.
"""

from __future__ import annotations

from wild.errors import LinkError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from wild.expression import Node
    from wild.scripted.tree import LayoutScript

AS_NEEDED = 1  # flag of an input: named inside AS_NEEDED ( )

PROVIDE = 1  # flags of an assignment: only if something refers to the symbol and nothing defines it
HIDDEN = 2  # the symbol is not exported

_BLANKS = " \t\n\r\f\v"
_TO_BLANK = str.maketrans(dict.fromkeys('(){};,"\t\n\r\f\v', " "))
_ASSIGNMENTS = ("<<=", ">>=", "+=", "-=", "*=", "/=", "&=", "|=", "^=", "=")
_SYMBOL_ENDS = "=+-*/<>&|^" + _BLANKS + '(){};,:?[]"!~'

# Bytes that a text may hold; those above 0x7f belong to names in UTF-8 or Latin-1.
_TEXT_BYTES = bytes([9, 10, 11, 12, 13, *range(32, 127), *range(128, 256)])

# Commands that wild.scripted.parser reads, and those that say what is done anyway: common symbols are given their
# memory, and the members of groups their places, in every link but -r, which no script can change.
_LAYOUT = {
    "ASSERT", "INCLUDE", "INSERT", "MEMORY", "NOCROSSREFS", "NOCROSSREFS_TO", "OVERWRITE_SECTIONS", "PHDRS",
    "REGION_ALIAS", "SECTIONS",
}  # fmt: skip
# Commands that stand for an option: (its attribute of Options, the value).
_OPTIONS = {
    "FORCE_COMMON_ALLOCATION": ("define_common", True),
    "INHIBIT_COMMON_ALLOCATION": ("define_common", False),
    "FORCE_GROUP_ALLOCATION": ("force_group_allocation", True),
}


class Script:
    """What a linker script says, in its order.

    `inputs`: (name, flags) of GROUP and INPUT, flags being 0 or AS_NEEDED; a library keeps its `-l`.
    `output`, `output_format`, `output_arch`, `entry`, `startup`: the argument of the last such command, or None.
    `search_dirs`, `externs`: the arguments of SEARCH_DIR and EXTERN.
    `version_text`: what stands inside VERSION { }, moved to the same line and column, or None.
    `assignments`: (symbol, expression, flags), flags being PROVIDE and HIDDEN bits; the expression as
    `wild.expression.parse_expression` returns it.
    `layout`: what lays out the output, None if nothing does; it has the assignments then.
    `included`: the files that INCLUDE named.
    `options`: attributes of Options that commands set, and their values.
    """

    __slots__ = (
        "assignments",
        "entry",
        "externs",
        "included",
        "inputs",
        "layout",
        "options",
        "output",
        "output_arch",
        "output_format",
        "search_dirs",
        "startup",
        "version_text",
    )

    def __init__(self) -> None:
        self.included: list[str] = []
        self.inputs: list[tuple[str, int]] = []
        self.output: str | None = None
        self.startup: str | None = None
        self.output_format: str | None = None
        self.output_arch: str | None = None
        self.search_dirs: list[str] = []
        self.entry: str | None = None
        self.externs: list[str] = []
        self.version_text: str | None = None
        self.assignments: list[tuple[str, Node, int]] = []
        self.layout: LayoutScript | None = None
        self.options: dict[str, bool] = {}


def is_script(head: bytes) -> bool:
    """Is `head`, the beginning of a file, text?  Then it may be a linker script; others fail to parse."""
    return bool(head) and not head.translate(None, _TEXT_BYTES)


def parse_script(text: str, path: str, directories: Sequence[str] = ()) -> Script:
    """Read a script.

    `path` is for error texts, and with `directories` for finding the files that INCLUDE names. Raises
    LinkError, which begins with `path:line:column`, for bad syntax and for commands that are not supported.
    """
    parser = ScriptParser(text, path, directories)
    parser.commands()
    return parser.script


class ScriptParser:
    """A recursive-descent parser that is its own tokenizer: `at` is where the next token is looked for."""

    __slots__ = (
        "at", "blanked", "depth", "directories", "first_statement", "path", "quoted", "script", "start", "text",
    )  # fmt: skip

    def __init__(self, text: str, path: str, directories: Sequence[str] = ()) -> None:
        self.directories = directories
        self.depth = 0  # of INCLUDE
        self.first_statement = 0  # of the last SECTIONS, in Script.layout
        self.text = text
        self.blanked = text.translate(_TO_BLANK) + " "
        self.path = path
        self.at = 0
        self.start = 0  # of the token read last, for errors
        self.quoted = False  # was it a quoted name?
        self.script = Script()

    # --- tokens
    # -------------------------------------------------------------------------------------------------

    def next_token(self) -> str:
        """A punctuation character, a word, or the inside of a quoted name; "" at the end of the text."""
        start = self.start = self.skip_blanks(self.at)
        self.quoted = False
        if start == len(self.text):
            self.at = start
            return ""
        first = self.text[start]
        if first == '"':
            end = self.text.find('"', start + 1)
            if end < 0:
                raise self.error("this quote is never closed")
            self.at = end + 1
            self.quoted = True
            return self.text[start + 1 : end]
        if first in "(){};,":
            self.at = start + 1
            return first
        self.at = end = self.blanked.find(" ", start)
        return self.text[start:end]

    def skip_blanks(self, at: int) -> int:
        """The first place at or after `at` that is neither blank nor in a comment."""
        text = self.text
        size = len(text)
        while at < size:
            char = text[at]
            if char in _BLANKS:
                at += 1
            elif char == "#":
                at = text.find("\n", at)
                if at < 0:
                    return size
            elif text.startswith("/*", at):
                end = text.find("*/", at + 2)
                if end < 0:
                    self.start = at
                    raise self.error("this comment is never closed")
                at = end + 2
            else:
                return at
        return size

    def error(self, what: str) -> LinkError:
        return LinkError(f"{self.place(self.start)}: {what}")

    def place(self, at: int) -> str:
        line = self.text.count("\n", 0, at) + 1
        return f"{self.path}:{line}:{at - self.text.rfind(chr(10), 0, at)}"

    def expected(self, what: str, token: str) -> LinkError:
        found = f"'{token}'" if token or self.quoted else "the end of the file"
        return self.error(f"expected {what}, found {found}")

    def expect(self, wanted: str, why: str) -> None:
        token = self.next_token()
        if token != wanted or self.quoted:
            raise self.expected(f"'{wanted}' {why}", token)

    # --- commands
    # -----------------------------------------------------------------------------------------------

    def commands(self) -> None:
        while word := self.next_token():
            self.command(word)

    def command(self, word: str) -> None:
        start = self.start
        handler = None if self.quoted else _COMMANDS.get(word)
        if handler is not None:
            self.expect("{" if word == "VERSION" else "(", f"after {word}")
            handler(self, word)
        elif word in _LAYOUT and not self.quoted:
            from wild.scripted.parser import layout_command

            layout_command(self, word)
        elif word in _OPTIONS and not self.quoted:
            name, value = _OPTIONS[word]
            self.script.options[name] = value
        elif word != ";" and not self.assignment(word):
            self.start = start
            raise self.expected("a linker script command such as GROUP, INPUT or OUTPUT_FORMAT", word)

    def names(self, command: str) -> list[str]:
        """The arguments up to the closing parenthesis, separated by blanks or commas."""
        names = []
        while (token := self.next_token()) != ")" or self.quoted:
            if token == "," and not self.quoted:
                continue
            names.append(self.name(token, command))
        return names

    def name(self, token: str, command: str) -> str:
        if not token or (token in "(){};," and not self.quoted):
            raise self.expected(f"a name or ')' in {command}", token)
        return token

    def one_name(self, command: str) -> str:
        names = self.names(command)
        if len(names) != 1:
            raise self.error(f"{command} takes one name, not {len(names)}")
        return names[0]

    def input_files(self, command: str, flags: int = 0) -> None:
        while (token := self.next_token()) != ")" or self.quoted:
            if token == "," and not self.quoted:
                continue
            if token == "AS_NEEDED" and not flags and not self.quoted:
                self.expect("(", "after AS_NEEDED")
                self.input_files(token, AS_NEEDED)
            else:
                self.script.inputs.append((self.name(token, command), flags))

    def output_format(self, command: str) -> None:
        """OUTPUT_FORMAT(default) or (default, big, little): without -EB or -EL the first counts."""
        formats = self.names(command)
        if len(formats) not in {1, 3}:
            raise self.error(f"{command} takes one name or three, not {len(formats)}")
        self.script.output_format = formats[0]

    def output_arch(self, command: str) -> None:
        self.script.output_arch = self.one_name(command)

    def target(self, command: str) -> None:
        """The format of the inputs that follow: ELF files say what they are, others are refused."""
        name = self.one_name(command)
        if not name.startswith("elf") and name != "default":
            raise self.error(f"{command}({name}): only ELF inputs are supported")

    def search_dir(self, command: str) -> None:
        self.script.search_dirs.append(self.one_name(command))

    def entry(self, command: str) -> None:
        self.script.entry = self.one_name(command)

    def output(self, command: str) -> None:
        self.script.output = self.one_name(command)

    def startup(self, command: str) -> None:
        self.script.startup = self.one_name(command)

    def feature(self, command: str) -> None:
        """LD_FEATURE("SANE_EXPR"): the rules for numbers of scripts without it are those of before 2011."""
        name = self.one_name(command)
        if name != "SANE_EXPR":
            raise self.error(f"{command}: unknown feature {name}")

    def extern(self, command: str) -> None:
        self.script.externs += self.names(command)

    def version(self, command: str) -> None:
        """Keep what stands between the braces, with newlines and spaces before it that preserve its place."""
        begin = self.at
        depth = 1
        while depth:
            token = self.next_token()
            if not token and not self.quoted:
                raise self.expected(f"'}}' at the end of {command}", token)
            if not self.quoted:
                depth += (token == "{") - (token == "}")
        before = self.script.version_text or ""
        lines = self.text.count("\n", 0, begin) - before.count("\n")
        column = begin - self.text.rfind("\n", 0, begin) - 1
        if not lines:
            column -= len(before) - before.rfind("\n") - 1
        self.script.version_text = before + "\n" * lines + " " * column + self.text[begin : self.start]

    # --- assignments
    # --------------------------------------------------------------------------------------------

    def provide(self, command: str) -> None:
        flags = {"PROVIDE": PROVIDE, "HIDDEN": HIDDEN, "PROVIDE_HIDDEN": PROVIDE | HIDDEN}[command]
        if not self.assignment(self.next_token(), flags, command):
            raise self.error(f"expected symbol = expression in {command}")

    def assignment(self, word: str, flags: int = 0, command: str = "") -> bool:
        """Read `symbol op expression ;` (or `)` inside a command); False when no assignment follows."""
        start = self.start
        symbol = word if self.quoted else word[: symbol_length(word, 0)]
        if not symbol or symbol in "(){};,":
            return False
        if not self.quoted:
            self.at = start + len(symbol)  # `a=b` is one word
        at = self.skip_blanks(self.at)
        operator = assignment_operator(self.text, at)
        if not operator:
            return False
        if symbol == "." and self.script.layout is None:
            raise self.error(
                ".: the location counter can be assigned to inside of SECTIONS, or behind it, only"
            )
        self.at = at + len(operator)
        value = self.expression(")" if command else ";")
        if operator != "=":
            value = ("binary", operator[:-1], ("symbol", symbol), value)
        if self.script.layout is None:
            self.script.assignments.append((symbol, value, flags))
        else:
            self.script.layout.add_assignment(symbol, value, flags, self.place(start))
        return True

    def expression(self, end: str) -> Node:
        """The expression before `end`, which is a `;`, or the `)` that closes the command."""
        from wild.expression import parse_expression

        begin = self.start = self.skip_blanks(self.at)
        self.at = at = self.expression_end(begin, end)
        self.expect(end, "after the expression")
        return parse_expression(self.text[begin:at], self.place(begin))

    def expression_end(self, at: int, end: str) -> int:
        """Where the first `end` outside of quotes, comments and parentheses is, or the end of the text."""
        text = self.text
        depth = 0
        while at < len(text) and (depth or text[at] != end):
            char = text[at]
            depth += (char == "(") - (char == ")")
            if char == '"':
                at = text.find('"', at + 1)
            elif text.startswith("/*", at):
                at = text.find("*/", at + 2) + 1
            if at <= 0:
                return len(text)
            at += 1
        return at


def symbol_length(text: str, at: int) -> int:
    """How much of the text from `at` on can be a symbol: what stands before a blank or an assignment operator."""
    end = at
    while end < len(text) and text[end] not in _SYMBOL_ENDS:
        end += 1
    return end - at


def assignment_operator(text: str, at: int) -> str:
    """The assignment operator that stands at `at`, "" if there is none."""
    found = next((operator for operator in _ASSIGNMENTS if text.startswith(operator, at)), "")
    return "" if found == "=" and text.startswith("==", at) else found


_COMMANDS: dict[str, Callable[[ScriptParser, str], None]] = {
    "ENTRY": ScriptParser.entry,
    "EXTERN": ScriptParser.extern,
    "GROUP": ScriptParser.input_files,
    "HIDDEN": ScriptParser.provide,
    "LD_FEATURE": ScriptParser.feature,
    "INPUT": ScriptParser.input_files,
    "OUTPUT": ScriptParser.output,
    "OUTPUT_ARCH": ScriptParser.output_arch,
    "OUTPUT_FORMAT": ScriptParser.output_format,
    "PROVIDE": ScriptParser.provide,
    "PROVIDE_HIDDEN": ScriptParser.provide,
    "SEARCH_DIR": ScriptParser.search_dir,
    "STARTUP": ScriptParser.startup,
    "TARGET": ScriptParser.target,
    "VERSION": ScriptParser.version,
}
