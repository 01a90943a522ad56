"""Reads the command line into `Options`.

What each option means stands in `wild.option_table`, what is remembered of it in `wild.option_values`; this module
finds out which option an argument is and what its argument is.  The forms are GNU ld's: a long name takes one dash
or two; `-x v`, `-x=v` and `--x=v` are the same; a one-letter option may have its argument joined; flags of one
letter cannot be grouped.  After one dash `o` is always -o (`-omagic` writes to `magic`), and another letter of
`_JOINED` begins a long name only if that option has an effect.

A link of a large program names tens of thousands of files, so a plain file name costs one test and one
append: `inputs` holds the names alone, and the bits that positional options give them are filled in, run by
run, when such an option or a -l comes (`Effects.fill_flags`).
"""

from __future__ import annotations

import posix
from sys import getfilesystemencoding

from wild.errors import LinkError
from wild.option_effects import (
    EMULATIONS,
    IN_AS_NEEDED,
    IN_LAZY,
    IN_LIBRARY,
    IN_STATIC,
    IN_WHOLE_ARCHIVE,
    Effects,
)
from wild.option_table import OPTIONS
from wild.option_values import EXEC, PAGE_SIZE, PIE, RELOCATABLE, SHARED, UNNAMED, Options

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from wild.option_table import Row

__all__ = [
    "EMULATIONS",
    "EXEC",
    "IN_AS_NEEDED",
    "IN_LAZY",
    "IN_LIBRARY",
    "IN_STATIC",
    "IN_WHOLE_ARCHIVE",
    "PIE",
    "RELOCATABLE",
    "SHARED",
    "UNNAMED",
    "Options",
    "parse",
]

# Where -l looks after the -L directories unless -nostdlib is given: what GNU ld searches on multiarch and on
# other x86-64 systems, in its order.
DEFAULT_LIBRARY_PATHS = (
    "/usr/local/lib/x86_64-linux-gnu",
    "/lib/x86_64-linux-gnu",
    "/usr/lib/x86_64-linux-gnu",
    "/usr/local/lib64",
    "/lib64",
    "/usr/lib64",
    "/usr/local/lib",
    "/lib",
    "/usr/lib",
)

_JOINED = "oOlLz"  # letters whose joined argument can be anything, and which ordinary links use


class _Reader(Effects):
    """Walks the arguments, finds the row of each option and applies its effect."""

    def __init__(self, options: Options) -> None:
        super().__init__(options)
        self.errors: list[str] = []
        self.expanded = False  # are response files replaced by what is in them?

    def read(self, arguments: list[str]) -> None:
        """Read all; inputs, of which there may be thousands, are taken by the stretch."""
        self.begin(arguments)
        while self.at < len(self.arguments):
            end = self.special.find(1, self.at)
            if end != self.at:
                end = end if end >= 0 else len(self.arguments)
                self.options.inputs += self.arguments[self.at : end]
                self.at = end
            else:
                self.at += 1
                self.read_special(self.arguments[end])
        self.fill_flags()

    def begin(self, arguments: list[str]) -> None:
        """Read these from now on; `special` has a one for each that may be something other than an input."""
        self.arguments, self.at = arguments, 0
        self.special = bytes(map(str.startswith, arguments, [("-", "@")] * len(arguments)))

    def read_special(self, argument: str) -> None:
        """Read an option, a response file, or an input with an odd name."""
        if argument[:1] == "@" and not self.expanded:
            self.expand(argument)
        elif len(argument) < 2 or argument[0] == "@":
            self.options.inputs.append(argument)
        elif argument == "--":
            self.read_names()
        else:
            try:
                self.read_option(argument)
            except LinkError as error:
                self.errors += error.messages

    def read_names(self) -> None:
        """Take all that follows as inputs, whatever it begins with."""
        from wild.response import expand

        names = self.arguments[self.at :]
        self.at = len(self.arguments)
        self.options.inputs += names if self.expanded else expand(names)

    def expand(self, argument: str) -> None:
        """Replace all response files from here on; as in GNU ld, an option's argument may come from one."""
        from wild.response import expand

        self.begin(expand([argument, *self.arguments[self.at :]]))
        self.expanded = True

    def read_option(self, argument: str) -> None:
        row, name, joined = find_option(argument)
        form = row[1]
        shown = argument
        if joined is not None:
            if not form:
                raise LinkError(f"{argument}: this option takes no value")
            value = joined
        elif form and form[0] != "[":
            value = self.take(argument)
            shown = f"{argument} {value}"
        else:
            value = self.take_number() if form == "[N]" else ""
        try:
            self.apply(row, name, value)
        except ValueError as error:
            raise LinkError(f"{shown}: {error}") from None

    def take(self, option: str) -> str:
        """Return the next argument, which belongs to `option`."""
        value = self.next()
        if value is not None and value[:1] == "@" and not self.expanded:
            self.expand(value)
            value = self.next()
        if value is None:
            raise LinkError(f"{option}: missing argument")
        return value

    def next(self) -> str | None:
        """The next argument; None if all are read."""
        if self.at == len(self.arguments):
            return None
        self.at += 1
        return self.arguments[self.at - 1]

    def take_number(self) -> str:
        """Return the next argument if it is a number, else nothing."""
        if self.at < len(self.arguments) and self.arguments[self.at].isdigit():
            return self.next() or ""
        return ""


def find_option(argument: str) -> tuple[Row, str, str | None]:
    """Find the row of `argument`, the spelling that was used, and the joined argument or None.

    Raises LinkError if there is no such option.
    """
    dashes = 2 if argument.startswith("--") else 1
    name, equals, value = argument[dashes:].partition("=")
    letter = name[:1]
    if len(name) > 1 and (dashes == 2 or letter != "o") and name in OPTIONS:
        return OPTIONS[name], name, value if equals else None
    by_letter = OPTIONS.get(letter) if dashes == 1 or letter == "O" else None  # --O1 is in use beside -O1
    joined = argument[dashes + 1 :] or None
    if by_letter and (joined is None or letter in _JOINED):
        return by_letter, letter, joined

    from wild.ignored_options import find_ignored, question_about

    ignored = find_ignored(name)
    if ignored:
        return ignored, name, value if equals else None
    by_letter = by_letter or (find_ignored(letter) if dashes == 1 else None)
    if by_letter and by_letter[1]:
        return by_letter, letter, joined
    raise LinkError(f"unrecognized option '{argument}'{question_about(argument, OPTIONS)}")


def parse(arguments: list[str], environment: Mapping[bytes, bytes] = posix.environ) -> Options:
    """Read a command line; `arguments` is without the name of the command, `environment` maps bytes.

    Raises LinkError with one message for each thing that is wrong.
    """
    options = Options()
    options.arguments = arguments
    options.gc_sections = environment.get(b"WILD_GC_SECTIONS") == b"1"
    options.incremental = environment.get(b"WILD_INCREMENTAL") == b"1"
    reader = _Reader(options)
    reader.read(arguments[2:] if arguments[:2] == ["-flavor", "gnu"] else arguments)
    if reader.errors:
        raise LinkError(*reader.errors)
    if options.default_script and not options.scripts:
        options.scripts = [options.default_script]
    if not options.help and options.show_version != "version":
        _check(options, reader)
        _use_environment(options, environment)
        _resolve_paths(options)
    options.warnings = tuple(reader.warnings)
    return options


def _check(options: Options, reader: _Reader) -> None:
    """Report options that contradict each other."""
    errors = []
    for kind in (SHARED, PIE):
        if options.kind == RELOCATABLE and kind in reader.kinds:
            errors.append(f"-r and -{kind} cannot be used together")
    if options.kind != RELOCATABLE and options.unique:
        errors.append("--unique: this version does that with -r only")
    if options.emit_relocs and options.strip == "all":
        errors.append("--emit-relocs and -s cannot be used together: relocations name symbols")
    if options.kind != SHARED and options.filter:
        errors.append("-F needs -shared")
    if options.kind != SHARED and options.auxiliary:
        errors.append("-f needs -shared")
    if options.z_common_page_size > options.z_max_page_size != PAGE_SIZE:
        errors.append("-z common-page-size is larger than -z max-page-size")
    options.z_common_page_size = min(options.z_common_page_size, options.z_max_page_size)
    if errors:
        raise LinkError(*errors)
    if reader.group_depth:
        reader.warnings.append("--start-group: there is no --end-group after it")


def _use_environment(options: Options, environment: Mapping[bytes, bytes]) -> None:
    """Take from the environment what the command line does not say."""
    if options.threads is None and b"WILD_THREADS" in environment:
        text = environment[b"WILD_THREADS"].decode("ascii", "replace")
        if not text.isdigit():
            raise LinkError(f"WILD_THREADS={text}: needs a number")
        options.threads = int(text)
    options.threads = options.threads or None
    if b"WILD_SAVE_DIR" in environment or b"WILD_SAVE_BASE" in environment:
        from wild.rare_effects import use_save_directories

        use_save_directories(options, environment)
    if b"WILD_REFERENCE_LINKER" in environment:
        linker = environment[b"WILD_REFERENCE_LINKER"].decode(getfilesystemencoding(), "surrogateescape")
        options.reference_linker = linker or None
    options.write_layout |= environment.get(b"WILD_WRITE_LAYOUT") == b"1"
    options.write_trace |= environment.get(b"WILD_WRITE_TRACE") == b"1"
    if not options.rpath:
        path = environment.get(b"LD_RUN_PATH", b"")
        options.rpath = path.decode(getfilesystemencoding(), "surrogateescape")


def _resolve_paths(options: Options) -> None:
    """Put the sysroot into library directories, and the output's name into that of the map."""
    sysroot = options.sysroot.rstrip("/")
    for index, path in enumerate(options.library_paths):
        for prefix in ("=", "$SYSROOT"):
            if path.startswith(prefix):
                options.library_paths[index] = sysroot + path.removeprefix(prefix)
    if not options.nostdlib:
        options.default_library_paths = [sysroot + path for path in DEFAULT_LIBRARY_PATHS]
    if options.time_trace == "":
        options.time_trace = f"{options.output}.time-trace"
    if options.map_file and options.map_file != "-":
        from wild.rare_effects import map_path

        options.map_file = map_path(options.map_file, options.output)
