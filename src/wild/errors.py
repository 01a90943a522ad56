"""What can go wrong with a link, as the two classes of exception a caller has to know.

A `LinkError` is about the user's input or options; its text begins with the thing at fault
(`file.o:(.text.f+0x18): …`, `lib.a(member.o): …`) and says what to do where that is known.
An `InternalError` is ours: an inconsistency the linker found in its own tables.
"""

from __future__ import annotations


class LinkError(ValueError):
    """One or more faults in the inputs or options; `messages` holds one text per fault, in report order."""

    def __init__(self, *messages: str) -> None:
        super().__init__("\n".join(messages))
        self.messages = messages


class InternalError(AssertionError):
    """The linker's own tables contradict each other: a bug that should be reported."""


class CannotUpdate(Exception):  # noqa: N818 - no error: a full link follows
    """An incremental link cannot be proven right and has to be a full one; `code` is listed in docs/incremental.md."""

    def __init__(self, code: str, reason: str) -> None:
        super().__init__(f"{code}: {reason}")
        self.code = code
        self.reason = reason


class ObjectsNeeded(CannotUpdate):
    """Not without more objects, whose FileIds these are (kernels/pairing.py); the reason is why not without them."""

    def __init__(self, code: str, reason: str, files: set[int]) -> None:
        super().__init__(code, reason)
        self.files = files
