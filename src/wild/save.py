"""A copy of a link that can be repeated anywhere: WILD_SAVE_DIR, WILD_SAVE_BASE and --reproduce.

The copy is a tree: `root/` holds every file that the link reads, each under its absolute path; `response.txt` is
the command line with all paths pointing into that tree; `run-with LINKER` links again with any linker, and
`OUT=FILE` names the output.  As a tar archive (`--reproduce`, lld's name for it) the tree is in one directory.

Which files are read is found out by opening the inputs exactly as the link does (`wild.inputs`), ahead of the
link and apart from it, so that a link which fails or crashes later is saved all the same.  What the arguments
are is read from the option table: an option's argument is a file to copy, a directory, or a file that is
written.  Libraries stay `-lNAME`: the directories that are searched become those of the tree, in the same
order and with the linker's own defaults behind them, and hold just the files that were found; the tree is the
sysroot, so that libc.so and other scripts find there what they name by absolute paths.
"""

from __future__ import annotations

import posix
from posixpath import abspath, basename, dirname, exists, isdir, normpath, realpath, relpath

from wild import thin_archive
from wild.errors import LinkError
from wild.inputs import InputSet
from wild.kernels.files import Inputs
from wild.kernels.pool import Arena, KernelFault, Pool
from wild.own_symbols import OwnSymbols
from wild.rewrite import WRITTEN, rewritten
from wild.save_store import DirectoryStore, TarStore, next_directory

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from wild.options import Options
    from wild.save_store import Store

# Options by their first name: what their argument is.  All others stay as they are.
READ = frozenset((
    "script", "version-script", "dynamic-list", "export-dynamic-symbol-list", "retain-symbols-file",
    "just-symbols", "default-script", "symbol-ordering-file", "section-ordering-file",
    "call-graph-ordering-file", "lto-sample-profile", "lto-cs-profile-file", "in-implib",
    "remap-inputs-file", "error-handling-script",
))  # fmt: skip
DIRECTORIES = frozenset(("library-path", "rpath-link"))
# They say where things are here, or ask for this very copy.
LEFT_OUT = frozenset(("output", "sysroot", "reproduce"))
# For the compiler's plugin, which is not copied, since it calls the compiler: used where it is installed.
PLUGIN = frozenset(("plugin", "plugin-opt"))

SCRIPT = """\
#!/bin/sh
# Links again: run-with LINKER [ARGUMENT...]
# OUT=FILE names the output; without it, the output is put beside this script.
set -eu
here=$(CDPATH= cd -- "$(dirname -- "$0")" && pwd)
[ $# -gt 0 ] || {{ echo "usage: [OUT=FILE] $0 LINKER [ARGUMENT...]" >&2; exit 2; }}
: "${{OUT:=$here/{name}}}"
case $OUT in /*) ;; *) OUT=$PWD/$OUT ;; esac
case $1 in
    /*) ;;
    */*) linker=$PWD/$1; shift; set -- "$linker" "$@" ;;
esac
cd -- "$here"
[ ! -e "{plugin}" ] || set -- "$@" @plugin.txt
exec "$@" @response.txt -o "$OUT"
"""


def save_link(options: Options) -> None:
    """Copy the link that `options` describe to where they say; raises LinkError if that cannot be done."""
    files = files_read(options)
    name = basename(options.output) or "a.out"
    for store in stores(options):
        try:
            saved = SavedLink(options, store)
            for path in files:
                saved.keep(path)
            store.add_text("response.txt", lines(saved.arguments()))
            store.add_text("plugin.txt", lines(saved.plugin_words))
            plugin = options.plugins[-1][0] if options.plugins else "no plugin"
            script = SCRIPT.format(name=shell_quoted(name), plugin=shell_quoted(plugin))
            store.add_text("run-with", script, executable=True)
            store.close()
        except OSError as error:
            raise LinkError(f"{store.path}: cannot save the link: {error.strerror}") from None


def stores(options: Options) -> Iterator[Store]:
    """Where to put copies: a directory, the next free one below a base, a tar archive; or several of them."""
    if options.save_directory:
        yield DirectoryStore(options.save_directory)
    if options.save_base:
        yield DirectoryStore(next_directory(options.save_base))
    if options.reproduce:
        yield TarStore(options.reproduce)


def files_read(options: Options) -> list[str]:
    """Every file that opening the inputs opens; those that come before one that is missing, if one is."""
    pool = Pool(1)
    inputs = Inputs(Arena())
    found = InputSet(pool, inputs, options)
    try:
        found.open()
        found.read_headers(OwnSymbols(options, found.scripts))  # objects may ask for libraries
    except (KernelFault, LinkError):
        pass  # the link itself will say it
    finally:
        inputs.end_guard()
        pool.close()
    named = [path for path, bits in zip(options.inputs, options.input_flags, strict=True) if not bits & 1]
    return [
        path
        for path in dict.fromkeys([*inputs.paths, *found.included(), *named])
        if exists(path) and not isdir(path)
    ]


class SavedLink:
    """The arguments of a link, rewritten for the tree that `store` holds."""

    def __init__(self, options: Options, store: Store) -> None:
        self.options = options
        self.store = store
        self.plugin_words: list[str] = []

    def keep(self, path: str) -> str:
        """Copy a file into the tree, once, and return its name there; what is no file stays as it is."""
        if not exists(path):
            return path
        place = self.place(path)
        if not isdir(path):
            self.store.add_file(path, place, self.changed(path, place))
        return place

    def changed(self, path: str, place: str) -> bytes | None:
        """What stands in the tree for a thin archive whose members it names by absolute paths; None for others."""
        with open(path, "rb") as file:
            if file.read(len(thin_archive.MAGIC)) != thin_archive.MAGIC:
                return None
            data = thin_archive.MAGIC + file.read()

        def rename(member: str) -> str:
            return relpath(self.place(member), dirname(place)) if member[:1] == "/" else member

        new = thin_archive.renamed(data, rename)
        return None if new == data else new

    def place(self, path: str) -> str:
        """The name in the tree of a file or directory here; `..` behind a link means what it means here."""
        plain = abspath(path)
        if ".." in path.split("/"):
            plain = f"{realpath(dirname(path))}/{basename(path)}" if basename(path) else realpath(path)
        return normpath(f"root/{plain}")

    def arguments(self) -> list[str]:
        """The whole command line, but for `-o`."""
        words = list(rewritten(self.options.arguments, self.keep, self.moved))
        options = self.options
        sysroot = options.sysroot.rstrip("/")
        words.append(f"--sysroot={self.place(sysroot) if sysroot else 'root'}")
        # Names in scripts may count from the directory of the link; the linker's own directories come last.
        words += ["-L", self.place(".")]
        for directory in options.default_library_paths:
            words += ["-L", self.place(directory)]
        if options.default_library_paths:
            words.append("-nostdlib")
        words += environment_words(options)
        return words

    def moved(self, first: str, value: str, words: list[str]) -> str | None:
        """An option's argument in the tree; None leaves the option out."""
        if first in PLUGIN:
            self.plugin_words += words
            return None
        if first in LEFT_OUT:
            return None
        if first in READ:
            return self.keep(value)
        if first in WRITTEN:
            return basename(value) or value
        if first in DIRECTORIES:
            sysroot = self.options.sysroot.rstrip("/")
            for prefix in ("=", "$SYSROOT"):
                if value.startswith(prefix):
                    value = sysroot + value.removeprefix(prefix)
            return ":".join(self.place(part) for part in value.split(":"))
        return value


def environment_words(options: Options) -> list[str]:
    """What this link took from the environment, as options."""
    words = []
    if posix.environ.get(b"WILD_GC_SECTIONS") == b"1" and options.gc_sections:
        words.append("--gc-sections")
    if options.rpath and options.rpath == posix.environ.get(b"LD_RUN_PATH", b"").decode(
        "utf-8", "surrogateescape"
    ):
        words += ["-rpath", options.rpath]
    return words


def lines(words: list[str]) -> str:
    """A response file, one word a line."""
    return "".join(f"{quoted(word)}\n" for word in words)


def quoted(word: str) -> str:
    """A word as response files spell it: a backslash makes the character after it an ordinary one."""
    if not word:
        return '""'
    return "".join(f"\\{letter}" if letter in " \t\n\r\v\f'\"\\" else letter for letter in word)


def shell_quoted(word: str) -> str:
    """A word between the double quotes of a shell script."""
    return "".join(f"\\{letter}" if letter in '"$`\\' else letter for letter in word)
