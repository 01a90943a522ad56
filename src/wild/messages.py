"""What a link has to say: warnings as they come up, errors at the next place where the link may stop.

Only the command prints (wild/cli.py gives the functions for that); a link without a command, as in tests,
keeps its warnings in `warnings`.  Errors of several kinds are gathered, so that a duplicate symbol does not
hide an undefined one; `stop_if_failed` stands where going on would make no sense.
"""

from __future__ import annotations

from wild.errors import LinkError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from wild.options import Options

NO_LIMIT = 1 << 30
TOO_MANY = "too many errors; --error-limit=0 shows them all"


class Messages:
    """The warnings and errors of one link.

    `show(severity, text)` prints a message, `tell(text)` what was asked for on standard output.
    """

    def __init__(
        self,
        options: Options,
        show: Callable[[str, str], None] | None = None,
        tell: Callable[[str], None] | None = None,
    ) -> None:
        self.options = options
        self.limit = options.error_limit or NO_LIMIT
        self.show = show
        self.tell: Callable[[str], object] = tell or str
        self.warnings: list[str] = []
        self.errors: list[str] = []

    @property
    def room(self) -> int:
        """How many errors of one kind to look for: one more than are shown, to know that there are more."""
        return self.limit + 1

    def warn(self, *texts: str) -> None:
        """Each text is printed once, at once; --fatal-warnings makes errors of them, -w silences them."""
        if self.options.fatal_warnings:
            self.errors += texts
        elif not self.options.no_warnings:
            for text in texts:
                if text not in self.warnings:
                    self.warnings.append(text)
                    if self.show:
                        self.show("warning", text)

    def fail(self, *texts: str) -> None:
        """Errors that leave something to be written: --noinhibit-exec turns them into warnings."""
        if self.options.noinhibit_exec:
            self.warn(*texts)
        else:
            self.errors += texts

    def refuse(self, *texts: str) -> None:
        """Errors after which nothing can be written, whatever --noinhibit-exec says."""
        self.errors += texts

    def stop_if_failed(self) -> None:
        """Raise LinkError if there were errors."""
        if self.errors:
            errors, self.errors = self.errors, []
            raise LinkError(*self.cut(errors))

    def with_others(self, error: LinkError) -> LinkError:
        """An error that stops the link at once, behind those that were to be reported later."""
        return LinkError(*self.cut([*self.errors, *error.messages]))

    def cut(self, errors: list[str]) -> list[str]:
        """As many as --error-limit allows."""
        return errors if len(errors) <= self.limit else [*errors[: self.limit], TOO_MANY]
