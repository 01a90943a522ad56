"""Reading the commands of a linker script that lay out the output: SECTIONS, MEMORY, PHDRS and their like.

The grammar is that of GNU ld's manual, chapter "Linker Scripts".  It cannot be cut into words in advance: `a-b` is an
expression in one place, a file in another, and `:` ends the head of an output section, but stands inside `lib.a:x.o`.
So the parser is its own scanner, and each rule takes from the text what it expects.  Expressions are read by
wild.expression from the place where they begin, up to the first character that cannot belong to them.

Nothing here recurses without bound: statements nest two deep, sorting two deep, files that are included ten deep.
"""

from __future__ import annotations

from wild.errors import LinkError
from wild.script import HIDDEN, PROVIDE, ScriptParser, assignment_operator, symbol_length
from wild.scripted.scanner import Scanner
from wild.scripted.tree import (
    Assertion,
    Assignment,
    Data,
    Fill,
    Header,
    Insertion,
    LayoutScript,
    Output,
    Overlay,
    Region,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from wild.expression import Node
    from wild.scripted.tree import Statement

INCLUDE_DEPTH = 10
PROVIDING = {"PROVIDE": PROVIDE, "HIDDEN": HIDDEN, "PROVIDE_HIDDEN": PROVIDE | HIDDEN}
DATA_SIZES = {"BYTE": 1, "SHORT": 2, "LONG": 4, "QUAD": 8, "SQUAD": 8}
SECTION_TYPES = ("NOLOAD", "DSECT", "COPY", "INFO", "OVERLAY", "READONLY", "TYPE")
CONSTRAINTS = ("ONLY_IF_RO", "ONLY_IF_RW", "SPECIAL")
HEADER_TYPES = {
    "PT_NULL": 0, "PT_LOAD": 1, "PT_DYNAMIC": 2, "PT_INTERP": 3, "PT_NOTE": 4, "PT_SHLIB": 5, "PT_PHDR": 6,
    "PT_TLS": 7, "PT_GNU_EH_FRAME": 0x6474E550, "PT_GNU_STACK": 0x6474E551, "PT_GNU_RELRO": 0x6474E552,
    "PT_GNU_PROPERTY": 0x6474E553,
}  # fmt: skip
SECTION_TYPE_NAMES = {
    "SHT_PROGBITS": 1, "SHT_STRTAB": 3, "SHT_NOTE": 7, "SHT_NOBITS": 8, "SHT_INIT_ARRAY": 14,
    "SHT_FINI_ARRAY": 15, "SHT_PREINIT_ARRAY": 16,
}  # fmt: skip


def layout_command(script: ScriptParser, word: str) -> None:
    """Read the command `word`, which has just been read, into `script.script.layout`; raises LinkError."""
    if script.script.layout is None:
        script.script.layout = LayoutScript()
        for name, value, flags in script.script.assignments:
            script.script.layout.add_assignment(name, value, flags, script.place(script.start))
        script.script.assignments.clear()
    LayoutParser(script, script.script.layout).command(word)


class LayoutParser(Scanner):
    """The commands and statements."""

    # --- commands outside of SECTIONS
    # -------------------------------------------------------------------------

    def command(self, word: str) -> None:
        getattr(self, "read_" + word.lower())(word)

    def read_sections(self, word: str) -> None:
        self.layout.sections += 1
        first = len(self.layout.statements)
        self.statements_of_sections(word, self.layout.statements)
        self.script.first_statement = first

    def statements_of_sections(self, word: str, into: list[Statement]) -> None:
        self.expect("{", f"after {word}")
        while not self.accept("}"):
            if self.peek() == "":
                raise self.wrong(f"'}}' at the end of {word}")
            self.statement_of_sections(into)

    def read_overwrite_sections(self, word: str) -> None:
        """lld's manual, "OVERWRITE_SECTIONS": what output sections hold, wherever other scripts place them."""
        where = self.where()
        found: list[Statement] = []
        known = len(self.layout.matched)
        self.statements_of_sections(word, found)
        del self.layout.matched[known:]
        for each in found:
            if not isinstance(each, Output) or each.overlay is not None:
                raise LinkError(f"{where}: there may be only output sections in {word}")
            self.layout.overwritten.append(each)

    def read_nocrossrefs(self, word: str) -> None:
        where = self.script.place(self.script.start)
        self.layout.cross.append((self.names(word), word == "NOCROSSREFS_TO", where))

    read_nocrossrefs_to = read_nocrossrefs

    def read_assert(self, word: str) -> None:
        self.layout.statements.append(self.assertion())

    def read_memory(self, word: str) -> None:
        self.expect("{", f"after {word}")
        while not self.accept("}"):
            if self.accept_word("INCLUDE"):
                self.include(lambda inner: inner.region())
            else:
                self.region()

    def region(self) -> None:
        where = self.where()
        name = self.word("the name of a memory region or '}'", ":")
        attributes = ""
        if self.accept("("):
            while not self.accept(")"):
                attributes += self.word("')' after the attributes")
        self.expect(":", f"after {name}")
        origin = self.region_value(("ORIGIN", "org", "o"))
        self.expect(",", "before LENGTH")
        length = self.region_value(("LENGTH", "len", "l"))
        self.accept(",")
        if name in self.layout.regions or name in self.layout.aliases:
            raise LinkError(f"{where}: memory region {name} is defined twice")
        for attribute in attributes.lower():
            if attribute not in "rwxail!":
                raise LinkError(f"{where}: memory region {name}: unknown attribute '{attribute}'")
        self.layout.regions[name] = Region(name, attributes.lower(), origin, length, where)

    def region_value(self, spellings: tuple[str, ...]) -> Node:
        if not any(self.accept_word(spelling) for spelling in spellings):
            raise self.wrong(spellings[0])
        self.expect("=", f"after {spellings[0]}")
        return self.expression()

    def read_region_alias(self, word: str) -> None:
        where = self.where()
        names = self.names(word)
        if len(names) != 2:
            raise LinkError(f"{where}: {word} takes two names, not {len(names)}")
        alias, region = names
        if alias in self.layout.aliases or alias in self.layout.regions:
            raise LinkError(f"{where}: memory region {alias} is defined twice")
        region = self.layout.aliases.get(region, region)
        if region not in self.layout.regions:
            raise LinkError(f"{where}: there is no memory region {region} for the alias {alias}")
        self.layout.aliases[alias] = region

    def read_phdrs(self, word: str) -> None:
        self.expect("{", f"after {word}")
        if self.layout.headers is None:
            self.layout.headers = []
        while not self.accept("}"):
            where = self.where()
            header = Header(self.word("the name of a program header or '}'"), where)
            kind = next((each for each in HEADER_TYPES if self.accept_word(each)), "")
            header.type = ("number", HEADER_TYPES[kind]) if kind else self.expression()
            while not self.accept(";"):
                self.header_option(header)
            self.layout.headers.append(header)

    def header_option(self, header: Header) -> None:
        if self.accept_word("FILEHDR"):
            header.has_file_header = True
        elif self.accept_word("PHDRS"):
            header.has_headers = True
        elif self.accept_word("AT"):
            header.load_address = self.in_parentheses("AT")
        elif self.accept_word("FLAGS"):
            header.flags = self.in_parentheses("FLAGS")
        else:
            raise self.wrong(f"FILEHDR, PHDRS, AT, FLAGS or ';' after program header {header.name}")

    def read_insert(self, word: str) -> None:
        where = self.where()
        after = self.accept_word("AFTER")
        if not after and not self.accept_word("BEFORE"):
            raise self.wrong("AFTER or BEFORE")
        name = self.word("the name of an output section")
        moved = self.layout.statements[self.script.first_statement :]
        del self.layout.statements[self.script.first_statement :]
        self.layout.sections -= 1 if moved else 0
        self.layout.insertions.append(Insertion(name, after, moved, where))

    def read_include(self, word: str) -> None:
        self.include(None)

    # --- inside of SECTIONS
    # -----------------------------------------------------------------------------------

    def statement_of_sections(self, into: list[Statement]) -> None:
        if self.accept(";"):
            return
        if self.accept_word("ASSERT"):
            into.append(self.assertion())
        elif self.accept_word("ENTRY"):
            self.expect("(", "after ENTRY")
            self.script.entry("ENTRY")
        elif self.accept_word("INCLUDE"):
            self.include(lambda inner: inner.statement_of_sections(into))
        elif self.accept_word("OVERLAY"):
            self.overlay(into)
        elif self.accept_word("GROUP"):
            raise self.script.error(
                "GROUP inside of SECTIONS is not supported; name the output sections alone"
            )
        else:
            assigned = self.assignment()
            if assigned is not None:
                into.append(assigned)
            else:
                into.append(self.output())
                self.layout.matched.append(into[-1])  # type: ignore[arg-type]

    def assignment(self) -> Assignment | None:
        """`symbol op expression ;` or PROVIDE and its like; None if something else follows."""
        for command, flags in PROVIDING.items():
            if self.accept_word(command):
                self.expect("(", f"after {command}")
                inner = self.bare_assignment(flags)
                if inner is None:
                    raise self.wrong(f"symbol = expression in {command}")
                self.expect(")", f"at the end of {command}")
                self.accept(";")
                return inner
        found = self.bare_assignment(0)
        if found is not None and not self.accept(";") and not self.accept(","):
            raise self.wrong("';' after the expression")
        return found

    def bare_assignment(self, flags: int) -> Assignment | None:
        begin = self.skip()
        where = self.script.place(begin)
        text = self.script.text
        if text[begin : begin + 1] == '"':
            name = self.script.next_token()
            at = self.script.at
        else:
            at = begin + symbol_length(text, begin)
            name = text[begin:at]
        at = self.script.skip_blanks(at)
        operator = assignment_operator(text, at) if name else ""
        if not operator:
            self.script.at = begin
            return None
        self.script.at = at + len(operator)
        value = self.expression()
        if operator != "=":
            value = ("place", where, ("binary", operator[:-1], ("symbol", name), value))
        if flags & PROVIDE and name == ".":
            raise LinkError(f"{where}: '.' cannot be provided")
        return Assignment(name, value, flags, where)

    def assertion(self) -> Assertion:
        where = self.where()
        self.expect("(", "after ASSERT")
        condition = self.expression()
        self.expect(",", "before the message of ASSERT")
        message = self.word("the message of ASSERT")
        self.expect(")", "at the end of ASSERT")
        self.accept(";")
        return Assertion(("place", where, ("call", "ASSERT", (condition, message))))

    def output(self) -> Output:
        """name [address] [(type)] : … { … } …"""
        where = self.where()
        name = self.word("an output section, an assignment or '}' in SECTIONS", ":=")
        section = Output(name, where)
        if self.accept_word("BLOCK"):
            section.align = self.in_parentheses("BLOCK")
        if self.peek() not in (":", "(") or (self.peek() == "(" and not self.is_type()):
            section.address = self.expression()
        if self.peek() == "(":
            self.section_type(section)
        if self.accept_word("BLOCK"):
            section.align = self.in_parentheses("BLOCK")
        self.expect(":", f"after output section {name}")
        if self.accept_word("AT"):
            section.load_address = self.in_parentheses("AT")
        self.alignments(section)
        section.constraint = next((each for each in CONSTRAINTS if self.accept_word(each)), "")
        self.body(section)
        self.tail(section)
        return section

    def is_type(self) -> bool:
        """Does a section type stand in the parentheses that begin here?"""
        begin = self.skip()
        self.script.at = begin + 1
        found = any(self.accept_word(each) for each in SECTION_TYPES)
        self.script.at = begin
        return found or self.script.text[begin + 1 : begin + 2] == ")"

    def section_type(self, section: Output) -> None:
        self.expect("(", "before the section type")
        while not self.accept(")"):
            kind = next((each for each in SECTION_TYPES if self.accept_word(each)), "")
            if not kind:
                raise self.wrong(f"a section type: {', '.join(SECTION_TYPES)}")
            if kind == "READONLY" and self.accept("("):
                if not self.accept_word("TYPE"):
                    raise self.wrong("TYPE behind READONLY")
                self.type_value(section)
                self.expect(")", "behind the section type")
            if kind == "TYPE":
                self.type_value(section)
            if kind != "READONLY" or not section.type:
                section.type = kind

    def type_value(self, section: Output) -> None:
        """What stands behind TYPE."""
        self.expect("=", "after TYPE")
        name = next((each for each in SECTION_TYPE_NAMES if self.accept_word(each)), "")
        section.type_value = ("number", SECTION_TYPE_NAMES[name]) if name else self.expression()

    def alignments(self, section: Output) -> None:
        while True:
            if self.accept_word("ALIGN_WITH_INPUT"):
                section.align_load = True
            elif self.accept_word("SUBALIGN"):
                section.subalign = self.in_parentheses("SUBALIGN")
            elif self.accept_word("ALIGN"):
                section.align = self.in_parentheses("ALIGN")
            else:
                break
        if section.align_load and section.align is not None:
            raise self.script.error(f"{section.name}: ALIGN and ALIGN_WITH_INPUT exclude each other")

    def body(self, section: Output) -> None:
        self.expect("{", f"before what is in output section {section.name}")
        while not self.accept("}"):
            if self.peek() == "":
                raise self.wrong(f"'}}' at the end of output section {section.name}")
            self.statement_of_output(section.statements)

    def statement_of_output(self, into: list[Statement]) -> None:
        from wild.scripted.input_parser import read_input

        if self.accept(";") or self.accept(","):
            return
        size = next((each for each in DATA_SIZES if self.accept_word(each)), "")
        if size:
            into.append(Data(DATA_SIZES[size], self.in_parentheses(size)))
        elif self.accept_word("ASCIZ"):
            if self.peek() != '"':
                raise self.wrong("a text in quotes after ASCIZ")
            into.append(Data(0, None, self.script.next_token().encode("utf-8", "surrogateescape") + b"\0"))
        elif self.accept_word("FILL"):
            self.expect("(", "after FILL")
            into.append(Fill(self.fill()))
            self.expect(")", "at the end of FILL")
        elif self.accept_word("ASSERT"):
            into.append(self.assertion())
        elif self.accept_word("INCLUDE"):
            self.include(lambda inner: inner.statement_of_output(into))
        elif self.accept_word("CREATE_OBJECT_SYMBOLS") or self.accept_word("CONSTRUCTORS"):
            pass  # both are about formats of objects from before ELF
        else:
            assigned = self.assignment()
            read = assigned if assigned is not None else read_input(self)
            if read is not None:
                into.append(read)

    def fill(self) -> bytes | Node:
        """A hexadecimal number of any length is a pattern as it stands; other values have four bytes."""
        begin = self.skip()
        text = self.script.text
        if text[begin : begin + 2].lower() == "0x":
            end = begin + 2
            while text[end : end + 1] and text[end] in "0123456789abcdefABCDEF":
                end += 1
            if end > begin + 2 and not (text[end : end + 1].isalnum() or text[end : end + 1] == "_"):
                self.script.at = end
                if self.peek() in ("", ")", "}", ",", ";", "/", '"') or self.script.at > end:
                    digits = text[begin + 2 : end]
                    return bytes.fromhex("0" * (len(digits) % 2) + digits)
                self.script.at = begin
        return self.expression()

    def tail(self, section: Output) -> None:
        """>region AT>region :header =fill"""
        if self.accept(">"):
            section.region = self.word("a memory region")
        if self.accept_word("AT"):
            self.expect(">", "after AT")
            section.load_region = self.word("a memory region")
        while self.accept(":"):
            section.headers = section.headers or []
            section.headers.append(self.word("a program header", ":="))
        if self.accept("="):
            section.fill = self.fill()
        self.accept(",")

    def overlay(self, into: list[Statement]) -> None:
        """OVERLAY [start] : [NOCROSSREFS] [AT(address)] { sections } …"""
        overlay = Overlay(self.where())
        if self.peek() != ":":
            overlay.address = self.expression()
        self.expect(":", "after OVERLAY")
        apart = self.accept_word("NOCROSSREFS")
        if self.accept_word("AT"):
            overlay.load_address = self.in_parentheses("AT")
        apart = self.accept_word("NOCROSSREFS") or apart
        self.expect("{", "after OVERLAY")
        while not self.accept("}"):
            where = self.where()
            section = Output(self.word("an output section or '}' in OVERLAY"), where)
            section.overlay = overlay
            self.body(section)
            self.tail(section)
            overlay.members.append(section)
            self.layout.matched.append(section)
            into.append(section)
        if apart:
            names = [section.name for section in overlay.members]
            self.layout.cross.append((names, False, overlay.where))
        last = Output("", overlay.where)
        self.tail(last)
        for section in overlay.members:
            section.region = section.region or last.region
            section.load_region = section.load_region or last.load_region
            section.headers = section.headers or last.headers
            section.fill = section.fill or last.fill
        into += [each for section in overlay.members for each in load_bounds(section)]

    # --- files
    # ------------------------------------------------------------------------------------------------

    def include(self, read: Callable[[LayoutParser], None] | None) -> None:
        """INCLUDE file: read statements from another file, or commands if `read` is None."""
        name = self.word("the name of a file after INCLUDE")
        if self.script.depth == INCLUDE_DEPTH:
            raise self.script.error(
                f"INCLUDE {name}: files include each other more than {INCLUDE_DEPTH} deep"
            )
        text, path = self.included_text(name)
        self.script.script.included.append(path)
        inner = ScriptParser(text, path, self.script.directories)
        inner.script = self.script.script
        inner.depth = self.script.depth + 1
        if read is None:
            inner.commands()
            return
        parser = LayoutParser(inner, self.layout)
        while parser.peek():
            read(parser)

    def included_text(self, name: str) -> tuple[str, str]:
        """Text and path of a file: as it is named, beside this script, or in a directory of -L."""
        beside = self.script.path.rpartition("/")[0]
        directories = [beside, *self.script.directories] if beside else self.script.directories
        for path in (name, *(f"{directory}/{name}" for directory in directories if not name.startswith("/"))):
            try:
                with open(path, encoding="utf-8", errors="surrogateescape") as file:
                    return file.read(), path
            except FileNotFoundError:
                continue
            except OSError as error:
                raise self.script.error(f"INCLUDE {path}: {error.strerror}") from None
        raise self.script.error(f"INCLUDE {name}: there is no such file here or in the directories of -L")


def load_bounds(section: Output) -> list[Assignment]:
    """What code that brings a section of an OVERLAY to its place asks for (GNU ld manual, "Overlay Description")."""
    name = "".join(each for each in section.name if each.isascii() and (each.isalnum() or each == "_"))
    start: Node = ("call", "LOADADDR", (section.name,))
    end: Node = ("binary", "+", start, ("call", "SIZEOF", (section.name,)))
    values = (("__load_start_", start), ("__load_stop_", end))
    place = section.where
    return [
        Assignment(prefix + name, ("place", f"{place}: {prefix}{name}", value), PROVIDE, place)
        for prefix, value in values
    ]
