"""The command line as one text, in which the few arguments that matter are found without a look at each of the others.

A link may have thousands of inputs, and what an incremental link does before it knows of a change is to cost next to
nothing: `str.find` passes over a thousand names in the time that interpreted code takes for ten.
"""

from __future__ import annotations

END = "\0"  # before each argument and behind the last; none holds one


class CommandLine:
    """Arguments, response files expanded, and the text of all of them."""

    def __init__(self, arguments: list[str]) -> None:
        self.arguments = arguments
        self.text = END.join(["", *arguments, ""])

    def places(self, *marks: str) -> list[tuple[int, int]]:
        """Where the arguments begin and end that hold one of the texts, in order; END holds an end of the argument."""
        found = set()
        text = self.text
        for mark in marks:
            at = text.find(mark)
            while at >= 0:
                begin = text.rfind(END, 0, at + 1) + 1
                end = text.find(END, begin)
                if end < 0:
                    break
                found.add((begin, end))
                at = text.find(mark, end)
        return sorted(found)

    def behind(self, end: int) -> str:
        """The argument behind the one that ends there; empty if there is none."""
        return self.text[end + 1 : max(self.text.find(END, end + 1), 0)]

    def value_of(self, option: str) -> str:
        """The last value of an option, as `--option=VALUE` or `--option VALUE`; empty if it is not there."""
        value = ""
        for begin, end in self.places(f"-{option}"):
            name, sign, rest = self.text[begin:end].lstrip("-").partition("=")
            if self.text[begin] == "-" and name == option:
                value = rest if sign else self.behind(end)
        return value
