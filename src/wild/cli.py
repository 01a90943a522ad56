"""The command line: which command is meant, what is printed, and with which status the process ends.

Invoked as `ld`, `ld.wild` or by any other name, all arguments are the linker's. Invoked as `wild`, a first
word in `SUBCOMMANDS` is a command of its own (to link a file of that name, write `./log`).

Build systems ask for the version more often than for a link, so that question is answered before anything is
imported; here not even `annotations` of __future__, which is a module to find, read and run. The text names
GNU because libtool, Meson and gcc's configure look for that word to find out which options a linker takes.
"""

import sys
from posix import _exit, chdir, environ

from wild import VERSION

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn

    from wild.bundle import Bundle
    from wild.incremental.session import Session
    from wild.options import Options

VERSION_LINE = f"Wild {VERSION} (compatible with GNU linkers)"
# Under the name `ld`: the Linux kernel (scripts/ld-version.sh) asks for a line that begins with "GNU ld" and ends with
# the version whose options and scripts are understood.
LD_VERSION_LINE = f"GNU ld compatible Wild {VERSION}, as of 2.40"
VERSION_OPTIONS = ("--version", "-v", "-V")
OUTPUT_FORMAT = "elf64-x86-64"
# The first word of a command -> the module whose `run(arguments) -> exit status` does it.
SUBCOMMANDS: dict[str, str] = {
    "diff": "wild.incremental.diff_objects",
    "doctor": "wild.doctor",
    "duplicates": "linker_diff.duplicates",
    "explain": "wild.explain",
    "linker-diff": "linker_diff.cli",
    "log": "wild.incremental.show_log",
    "run": "wild.run_build",
}

FAILED, INTERRUPTED = 1, 130  # exit statuses; the shell's convention for SIGINT
_BOLD, _RED, _MAGENTA, _PLAIN = "\033[1m", "\033[1;31m", "\033[1;35m", "\033[0m"

REPORT_WANTED = """\
this is a fault of the linker, not of your program; please report it with
  the command that failed, `wild --version`, and what it prints with WILD_DEBUG=1 in the environment"""


def main(argv: list[str]) -> "NoReturn":
    """Run the command and end the process; `argv` begins with the name that the command was invoked by.

    The interpreter is not torn down, which would cost a millisecond and more after a large link.
    """
    command = Command(argv)
    status = command.finish(command.run_reporting_errors())
    command.help_those_that_follow(status)
    _exit(status)


class Command:
    """One run of the command: its arguments, and how its messages are to look."""

    __slots__ = ("arguments", "bundle", "color", "name")

    def __init__(self, argv: list[str]) -> None:
        self.name = argv[0].rpartition("/")[2]
        self.arguments = argv[1:]
        self.color = "auto"
        self.bundle: Bundle | None = None

    def run_reporting_errors(self) -> int:
        """Run the command; whatever goes wrong becomes a text on standard error and an exit status."""
        try:
            return self.run()
        except KeyboardInterrupt:
            return INTERRUPTED
        except BrokenPipeError:
            return FAILED  # the reader of standard output has seen enough
        except Exception as error:
            self.report_exception(error)
            return FAILED

    def run(self) -> int:
        """Do what the arguments ask for and return the exit status."""
        first = self.arguments[0] if self.arguments else ""
        if first in SUBCOMMANDS and self.name.startswith("wild"):
            from importlib import import_module

            status: int = import_module(SUBCOMMANDS[first]).run(self.arguments[1:])
            return status
        if first in VERSION_OPTIONS and len(self.arguments) == 1:
            print(version_text(first, self.name))
            return 0
        return self.link()

    def link(self) -> int:
        """Read the options, answer those that are questions, and link."""
        import gc

        from wild.bundle import UPDATES, Bundle

        gc.disable()  # what a link makes in cycles is small, and the search for it takes a twentieth of a small one
        session = None
        if self.wants_incremental():
            bundle = self.bundle = Bundle(UPDATES)
            session = self.incremental_session(bundle)
            if session is not None and session.try_update(bundle.load):
                bundle.note_kernels()
                for text in session.warn_again:
                    self.report("warning", text)
                return 0

        bundle = self.bundle = Bundle()
        bundle.load()

        from wild.options import parse

        options = parse(self.arguments)
        self.color = options.color
        if options.early_exit is None:
            options.early_exit = True
        if options.directory is not None:
            chdir(options.directory)
        answer = answer_to(options, self.name)
        if answer:
            print(answer)
        if is_answer_all(options):
            return 0

        from wild.messages import Messages

        messages = Messages(options, self.report, tell)
        messages.warn(*options.warnings)
        messages.stop_if_failed()
        if options.reproduce or options.save_directory or options.save_base:
            from wild.save import save_link

            save_link(options)
            if options.save_skip_linking:
                return 0

        from wild.link import link

        bundle.note_kernels()
        if session is not None and options.incremental:
            session.link_fully(link, options, messages)
            if options.incremental_how == "explain":
                self.report("note", f"full link: {session.reason[1]} ({session.reason[0]})")
        elif options.debug_address or options.reference_linker:
            from wild.reference import link_and_check

            link_and_check(options, messages, link)
        else:
            link(options, messages)
        return 0

    def wants_incremental(self) -> bool:
        """Is the word on the command line, or in a response file that it names, or in the environment?"""
        if environ.get(b"WILD_INCREMENTAL", b"0") != b"0":
            return True
        text = "\0".join(["", *self.arguments])  # there may be thousands
        if "-incremental" in text:
            return True
        return "\0@" in text and any(
            argument[:1] == "@" and b"-incremental" in contents_of(argument[1:])
            for argument in self.arguments
        )

    def incremental_session(self, bundle: "Bundle") -> "Session | None":
        """The session of an incremental link; None for an ordinary link."""
        bundle.bring("wild.incremental.request")
        bundle.bring("wild.incremental.session")
        from wild.incremental.request import open_session

        return open_session(self.arguments)

    def report_exception(self, error: Exception) -> None:
        """Say what went wrong; only an error that no input may cause asks for a report."""
        from wild.errors import InternalError, LinkError

        if isinstance(error, LinkError):
            for message in error.messages:
                self.report("error", message)
        elif isinstance(error, MemoryError):
            self.report("error", str(error) or "not enough memory for this link")
        elif isinstance(error, OSError):
            self.report("error", describe_system_error(error))
        else:
            if environ.get(b"WILD_DEBUG"):
                sys.__excepthook__(type(error), error, error.__traceback__)
            kind = "" if isinstance(error, InternalError) else f"{type(error).__name__}: "
            self.report("internal error", f"{place_of(error)}{kind}{error}\n{REPORT_WANTED}")

    def report(self, severity: str, text: str) -> None:
        """Write one message to standard error, in one piece, because links run side by side.

        File names that are not UTF-8 come out as the bytes they are.
        """
        if sys.stderr is None:
            return
        head = f"wild: {severity}: "
        if self.is_coloured():
            head = f"{_BOLD}wild: {_MAGENTA if severity == 'warning' else _RED}{severity}: {_PLAIN}"
        try:
            sys.stderr.buffer.write(f"{head}{text}\n".encode("utf-8", "surrogateescape"))
            sys.stderr.buffer.flush()
        except OSError:
            pass  # nobody reads it

    def is_coloured(self) -> bool:
        if self.color == "auto":
            return sys.stderr.isatty() and not environ.get(b"NO_COLOR") and environ.get(b"TERM") != b"dumb"
        return self.color == "always"

    def finish(self, status: int) -> int:
        """Flush standard output and return the final exit status."""
        try:
            if sys.stdout is not None:
                sys.stdout.flush()
        except BrokenPipeError:
            return FAILED  # the reader has seen enough
        except OSError as error:
            self.report("error", f"standard output: {error.strerror}")
            return FAILED
        return status

    def help_those_that_follow(self, status: int) -> None:
        """What this run had to import from many files goes into one, now that all is said and done."""
        if self.bundle is not None and status != INTERRUPTED:
            self.bundle.complete()


def contents_of(path: str) -> bytes:
    """The bytes of a file, none if it cannot be read."""
    try:
        with open(path, "rb") as file:
            return file.read()
    except (OSError, ValueError):
        return b""


def tell(text: str) -> None:
    """Print what an option asked for at once, since the map is written past Python's buffer."""
    if text and sys.stdout is not None:
        sys.stdout.buffer.write(f"{text}\n".encode("utf-8", "surrogateescape"))
        sys.stdout.flush()


def version_text(option: str, name: str) -> str:
    """What one of the three version options prints for a linker that was called by a name."""
    line = LD_VERSION_LINE if name == "ld" else VERSION_LINE
    return f"{line}\n  Supported emulations:\n   elf_x86_64" if option == "-V" else line


def answer_to(options: "Options", name: str) -> str:
    """What the options that are questions print; empty if there is none."""
    if options.help:
        from wild.help import help_text

        return help_text()
    if options.print_gcc_dir:
        return gcc_directory()
    if options.print_sysroot:
        return options.sysroot
    if options.print_output_format:
        return OUTPUT_FORMAT
    if options.show_version:
        return version_text("-V" if options.show_version == "V" else "", name)
    if options.verbose:
        from wild.default_script import verbose_text

        return f"{version_text('-V', name)}\n{verbose_text(options)}"
    return ""


def is_answer_all(options: "Options") -> bool:
    """Is nothing to be linked?  As with GNU ld, -v, -V and --verbose are followed by a link if there are inputs."""
    asked = options.help or options.print_gcc_dir or options.print_sysroot or options.print_output_format
    told = bool(options.show_version or options.verbose)
    return bool(asked or options.show_version == "version" or (told and not options.inputs))


def gcc_directory() -> str:
    """The directory that holds this linker under the name `ld`, for `gcc -B`.

    Raises LinkError if the package was not built.
    """
    from posixpath import dirname, exists, realpath

    from wild.errors import LinkError

    directory = f"{dirname(realpath(__file__))}/gcc"
    if not exists(f"{directory}/ld"):
        raise LinkError(f"{directory}/ld: not there; run `make build`, or install the package")
    return directory


def describe_system_error(error: OSError) -> str:
    """The file first, as in all messages."""
    reason = error.strerror or str(error)
    name = (
        error.filename.decode("utf-8", "surrogateescape")
        if isinstance(error.filename, bytes)
        else error.filename
    )
    return f"{name}: {reason}" if name else reason


def place_of(error: Exception) -> str:
    """Where an exception was raised, as `file.py:line: `."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return f"{trace.tb_frame.f_code.co_filename.rpartition('/')[2]}:{trace.tb_lineno}: " if trace else ""
