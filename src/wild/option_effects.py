"""What an option does to the `Options`: one method per effect that the option tables name.

A method gets the option's row, the spelling that was used (without dashes) and the argument ("" if there is
none).  It raises ValueError with the reason if the argument is bad; the reader puts the option before that.
Positional options (--as-needed and its kind) change `marks`, the bits that the inputs after them carry.

Effects that few links need are functions of `wild.rare_effects`, so that the others need not load them.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from wild.option_table import Row
    from wild.options import Options

# Bits of an input: what the positional options before it say about it.
IN_LIBRARY = 1  # named by -l: the text is NAME or :FILE, to be searched for
IN_AS_NEEDED = 2
IN_WHOLE_ARCHIVE = 4
IN_STATIC = 8  # -Bstatic is in force: -l finds archives only
IN_BINARY = 32  # -b binary: not to be read as an object, but to be made the contents of one
IN_SCRIPT = 64  # given by -T
IN_COPY_NEEDED = 128  # what a shared object needs takes part in the link too
IN_JUST_SYMBOLS = IN_BINARY | IN_SCRIPT  # of -R: only its symbols count
IN_LAZY = 16  # between --start-lib and --end-lib: an object behaves like a member of an archive

_MARKS = {
    "as-needed": IN_AS_NEEDED,
    "whole-archive": IN_WHOLE_ARCHIVE,
    "Bstatic": IN_STATIC,
    "copy-needed": IN_COPY_NEEDED,
}
NO_END = 1 << 32  # of a group without --end-group
_BUILD_IDS = ("fast", "sha1", "md5", "uuid")

EMULATIONS = ("elf_x86_64",)


class Effects:
    """The options read so far and what must be known to read on.  Public methods but `apply` are effects."""

    def __init__(self, options: Options) -> None:
        self.options = options
        self.arguments: list[str] = []
        self.at = 0  # from which on they are still to be read
        self.warnings: list[str] = []
        self.marks = 0
        self.saved_marks: list[int] = []
        self.group_depth = 0
        self.kinds: set[str] = set()

    def apply(self, row: Row, name: str, value: str) -> None:
        """Do what `row` says.  Raises ValueError with the reason if the argument is bad."""
        effect = getattr(self, row[2], None)
        if effect:
            effect(row, name, value)
        else:
            from wild import rare_effects

            getattr(rare_effects, row[2])(self, row, name, value)

    # Plain settings

    def on(self, row: Row, name: str, value: str) -> None:
        setattr(self.options, row[3], True)

    def off(self, row: Row, name: str, value: str) -> None:
        setattr(self.options, row[3], False)

    def switch(self, row: Row, name: str, value: str) -> None:
        setattr(self.options, row[3], name in row[0].split())

    def value(self, row: Row, name: str, value: str) -> None:
        attribute, _, constant = row[3].partition("=")
        setattr(self.options, attribute, constant)

    def text(self, row: Row, name: str, value: str) -> None:
        setattr(self.options, row[3], value)

    def append(self, row: Row, name: str, value: str) -> None:
        getattr(self.options, row[3]).append(value)

    def add_plugin(self, row: Row, name: str, value: str) -> None:
        self.options.plugins.append((value, []))

    def add_plugin_option(self, row: Row, name: str, value: str) -> None:
        """For the plugin named last; before any, for whichever takes it."""
        plugins = self.options.plugins
        (plugins[-1][1] if plugins else self.options.plugin_opts).append(value)

    def choice(self, row: Row, name: str, value: str) -> None:
        check_choice(row, value)
        setattr(self.options, row[3], value)

    # Options that change nothing

    def ignore(self, row: Row, name: str, value: str) -> None:
        """Do nothing: the row says why that is right."""

    def refuse(self, row: Row, name: str, value: str) -> None:
        raise ValueError(f"this version does not {row[4]}")

    def apply_keyword(self, row: Row, name: str, value: str) -> None:
        """-z takes a language of its own with the same effects; as in GNU ld an unknown word is no error."""
        from wild.keyword_table import KEYWORDS

        keyword, equals, argument = value.partition("=")
        if keyword not in KEYWORDS:
            self.warnings.append(f"-z {value}: unknown keyword; ignored")
            return
        row = KEYWORDS[keyword]
        if bool(equals) != bool(row[1]):
            raise ValueError(f"needs a value: {keyword}={row[1]}" if row[1] else f"{keyword} takes no value")
        self.apply(row, keyword, argument)

    # The kind of output

    def set_kind(self, row: Row, name: str, value: str) -> None:
        """The last one wins, as in GNU ld, except that nothing undoes -r."""
        self.kinds.add(row[3])
        if "relocatable" not in self.kinds or row[3] == "relocatable":
            self.options.kind = row[3]

    def make_static(self, row: Row, name: str, value: str) -> None:
        self.options.static = True
        self.set_marks(IN_STATIC, 0)

    def select_emulation(self, row: Row, name: str, value: str) -> None:
        if value not in EMULATIONS:
            raise ValueError(f"unknown emulation; this version supports {', '.join(EMULATIONS)}")
        self.options.emulation = value

    def set_build_id(self, row: Row, name: str, value: str) -> None:
        """`0x` may be followed by pairs of digits that `-` or `:` separates, as in GNU ld."""
        kind = {"": "fast", "tree": "sha1"}.get(value, value)  # lld's tree has the length of SHA-1
        if kind == "none" or kind in _BUILD_IDS:
            self.options.build_id = None if kind == "none" else kind
            return
        digits = value[2:].replace("-", "").replace(":", "")
        if value[:2].lower() != "0x" or not digits:
            raise ValueError("must be fast, sha1, md5, uuid, none, or 0x and hexadecimal digits")
        try:
            self.options.build_id = bytes.fromhex(digits)
        except ValueError:
            raise ValueError("needs an even number of hexadecimal digits after 0x") from None

    def set_separate_debug_file(self, row: Row, name: str, value: str) -> None:
        self.options.separate_debug_file = value

    def set_soname(self, row: Row, name: str, value: str) -> None:
        if value:
            self.options.soname = value
        else:
            self.warnings.append("-soname: the name is empty; ignored")

    def add_rpath(self, row: Row, name: str, value: str) -> None:
        """Join with `:`; a text that is already part of the path is not repeated, as in GNU ld."""
        path = self.options.rpath
        if not path:
            self.options.rpath = value
        elif f":{value}:" not in f":{path}:":
            self.options.rpath = f"{path}:{value}"

    # Inputs

    def add_library(self, row: Row, name: str, value: str) -> None:
        self.fill_flags()
        self.options.inputs.append(value)
        self.options.input_flags.append(self.marks | IN_LIBRARY)

    def fill_flags(self) -> None:
        """Give the bits in force to the inputs that came since they last changed."""
        missing = len(self.options.inputs) - len(self.options.input_flags)
        self.options.input_flags += bytes((self.marks,)) * missing

    def set_marks(self, on: int, off: int) -> None:
        self.fill_flags()
        self.marks = self.marks & ~off | on

    def mark(self, row: Row, name: str, value: str) -> None:
        self.set_marks(_MARKS[row[3]], 0)

    def unmark(self, row: Row, name: str, value: str) -> None:
        self.set_marks(0, _MARKS[row[3]])

    def push_state(self, row: Row, name: str, value: str) -> None:
        self.saved_marks.append(self.marks)

    def pop_state(self, row: Row, name: str, value: str) -> None:
        if not self.saved_marks:
            raise ValueError("there was no --push-state before it")
        self.set_marks(self.saved_marks.pop(), 0xFF)

    def start_group(self, row: Row, name: str, value: str) -> None:
        self.group_depth += 1
        self.options.groups.append((len(self.options.inputs), NO_END))
        if self.group_depth == 2:
            self.warnings.append("--start-group: inside another group, where it means nothing")

    def end_group(self, row: Row, name: str, value: str) -> None:
        if not self.group_depth:
            raise ValueError("there was no --start-group before it")
        self.group_depth -= 1
        self.end_inner_group()

    def end_inner_group(self) -> None:
        """The group that began last and has no end yet has all inputs up to here."""
        groups = self.options.groups
        inner = max(index for index, (_, end) in enumerate(groups) if end == NO_END)
        groups[inner] = groups[inner][0], len(self.options.inputs)


def check_choice(row: Row, value: str) -> None:
    """Raise ValueError unless `value` is one of the alternatives that the row lists."""
    choices = row[1].strip("[=]").split("|")
    if value not in choices:
        raise ValueError(f"must be {', '.join(choices[:-1])} or {choices[-1]}")
