"""Scanning a layout script: words, keywords and expressions at the place where they are expected."""

from __future__ import annotations

from wild.errors import LinkError
from wild.expression import ExpressionParser
from wild.script import ScriptParser

TYPE_CHECKING = False
if TYPE_CHECKING:
    from wild.expression import Node
    from wild.scripted.tree import LayoutScript

ENDS_WORD = '(){};,"'


class Expression(ExpressionParser):
    """An expression inside a script: it ends where something else begins, and errors say the exact place."""

    __slots__ = ("script",)

    def __init__(self, script: ScriptParser, at: int) -> None:
        self.script = script
        super().__init__(script.text, script.place(at), at)

    def foreign(self, char: str) -> str:
        return char

    def error(self, what: str) -> LinkError:
        return LinkError(f"{self.script.place(self.start)}: {what}")


class Scanner:
    """Reads from where the parser of the script stands, and leaves it behind what was read."""

    def __init__(self, script: ScriptParser, layout: LayoutScript) -> None:
        self.script = script
        self.layout = layout

    # --- text
    # -------------------------------------------------------------------------------------------------

    def skip(self) -> int:
        at = self.script.at = self.script.start = self.script.skip_blanks(self.script.at)
        return at

    def peek(self) -> str:
        """The next character that is not blank, "" at the end."""
        at = self.skip()
        return self.script.text[at : at + 1]

    def accept(self, text: str) -> bool:
        at = self.skip()
        if not self.script.text.startswith(text, at):
            return False
        self.script.at = at + len(text)
        return True

    def expect(self, text: str, why: str) -> None:
        if not self.accept(text):
            raise self.wrong(f"'{text}' {why}")

    def accept_word(self, word: str) -> bool:
        """Is the next thing this keyword, as a whole?"""
        at = self.skip()
        end = at + len(word)
        text = self.script.text
        if (
            not text.startswith(word, at)
            or text[end : end + 1].isalnum()
            or text[end : end + 1] in ("_", ".")
        ):
            return False
        self.script.at = end
        return True

    def wrong(self, wanted: str) -> LinkError:
        at = self.skip()
        text = self.script.text
        if at == len(text):
            return self.script.error(f"expected {wanted}, found the end of the file")
        end = at + 1
        while end < len(text) and not text[end].isspace() and text[end] not in ENDS_WORD and end < at + 40:
            end += 1
        return self.script.error(f"expected {wanted}, found '{text[at:end]}'")

    def word(self, what: str, stop: str = "") -> str:
        """A name up to a blank, a bracket or one of `stop`; or one in quotes."""
        at = self.skip()
        text = self.script.text
        if text[at : at + 1] == '"':
            return self.script.next_token()
        end = at
        while end < len(text) and not text[end].isspace() and text[end] not in ENDS_WORD + stop:
            end += 1
        if end == at:
            raise self.wrong(what)
        self.script.at = end
        return text[at:end]

    def where(self) -> str:
        return self.script.place(self.skip())

    def expression(self) -> Node:
        begin = self.skip()
        parser = Expression(self.script, begin)
        node = parser.conditional()
        self.script.at = parser.start
        return ("place", self.script.place(begin), node)

    def in_parentheses(self, command: str) -> Node:
        self.expect("(", f"after {command}")
        node = self.expression()
        self.expect(")", f"at the end of {command}")
        return node

    def names(self, command: str) -> list[str]:
        self.expect("(", f"after {command}")
        return self.script.names(command)
