"""Shared objects that others need and the link does not name: where they are, and what they define.

A symbol that a shared object refers to and nothing in the link defines is an error only if nothing at run time
defines it either.  So, when there is such a symbol, the libraries in DT_NEEDED that are not part of the link are
looked for, and theirs in turn, where GNU ld looks (its manual, "Command-line Options", -rpath-link): in the
directories of -rpath-link, of -rpath, of LD_RUN_PATH if neither is given, of LD_LIBRARY_PATH, of the needing
library's DT_RUNPATH or else DT_RPATH, of /etc/ld.so.conf, and in the default ones.  The environment and what stands
in libraries are about this machine, so a --sysroot leaves them out.

They are read for their names only and do not become part of the output.  With --copy-dt-needed-entries, they are
looked for in the same places before the link begins, and take part in it.
"""

from __future__ import annotations

from posix import environ, listdir

from wild.elf import DT_NEEDED, DT_RPATH, DT_RUNPATH
from wild.exports import sonames
from wild.kernels.files import MAP_SHARED, Inputs
from wild.kernels.maps import can_be_library
from wild.kernels.names import NameTable
from wild.kernels.pool import Arena, KernelFault
from wild.kernels.references import LinkTables
from wild.kernels.resolve import Resolution
from wild.kernels.spellings import defined_elsewhere
from wild.kernels.version_text import matches
from wild.own_symbols import encode

TYPE_CHECKING = False
if TYPE_CHECKING:
    from wild.kernels.pool import Pool
    from wild.options import Options

INCLUDES = 8  # depth to which files of ld.so.conf include each other


class NeededObjects:
    """What is found beyond the shared objects of a link.

    `complete`: FileIds of the link's shared objects all of whose DT_NEEDED are part of the link or were found.
    `paths`: what was found.  Only `files`, if they are given, are followed.
    """

    def __init__(self, pool: Pool, inputs: Inputs, options: Options, files: list[int] | None = None) -> None:
        self.pool = pool
        self.options = options
        self.found: dict[str, bool] = dict.fromkeys(sonames(inputs), True)
        self.tables: list[LinkTables] = []
        self.fixed, self.last = search_path(options), last_directories(options)
        self.paths: list[str] = []
        followed = inputs.shared_files() if files is None else files
        self.follow(inputs, followed)
        self.complete = {
            file
            for file in followed
            if all(self.found[name] for name in inputs.dynamic_strings(file, DT_NEEDED))
        }

    def follow(self, inputs: Inputs, files: list[int]) -> None:
        """Find what these shared objects need, then what those need that were found."""
        paths = []
        for file in files:
            for name in inputs.dynamic_strings(file, DT_NEEDED):
                if name not in self.found:
                    path = self.find(name, inputs, file)
                    self.found[name] = path is not None
                    if path is not None:
                        paths.append(path)
        self.paths += paths
        tables = read_libraries(self.pool, paths) if paths else None
        if tables is not None:
            self.tables.append(tables)
            self.follow(tables.inputs, tables.inputs.shared_files())

    def find(self, name: str, inputs: Inputs, file: int) -> str | None:
        """The library of that name for the shared object that needs it, or None."""
        if "/" in name:
            return name if can_be_library(name) else None
        for directory in (*self.fixed, *self.own_directories(inputs, file), *self.last):
            path = f"{directory}/{name}"
            if can_be_library(path):
                return path
        return None

    def own_directories(self, inputs: Inputs, file: int) -> list[str]:
        """DT_RUNPATH of a shared object, or DT_RPATH if it has none; $ORIGIN is its own directory."""
        if self.options.sysroot:
            return []
        texts = inputs.dynamic_strings(file, DT_RUNPATH) or inputs.dynamic_strings(file, DT_RPATH)
        origin = inputs.file_name(file).rpartition("/")[0] or "."
        found = [
            directory.replace("${ORIGIN}", origin).replace("$ORIGIN", origin)
            for text in texts
            for directory in split(text)
        ]
        return [directory for directory in found if "$" not in directory]

    def lacking(self, names: NameTable, wanted: list[int]) -> list[int]:
        """Those of some NameIds that none of the libraries that were found defines, in whatever version."""
        texts = [names.text(name).partition(b"@")[0] for name in wanted]
        known = {index for tables in self.tables for index, _, _ in defined_elsewhere(tables, texts)}
        return [name for index, name in enumerate(wanted) if index not in known]


def read_libraries(pool: Pool, paths: list[str]) -> LinkTables | None:
    """Map some libraries and index their names; one that cannot be read tells nothing."""
    inputs = Inputs(Arena())
    try:
        first = inputs.open(pool, paths)
        maps = [first + at for at in range(len(paths)) if inputs.map_kind(first + at) == MAP_SHARED]
        inputs.arrange(pool, maps, [0] * len(maps))
        inputs.set_internal([], [], [], [], [])
        inputs.read_headers(pool)
        names = NameTable(pool, inputs)
        resolution = Resolution(pool, inputs, names)
        resolution.load(pool)
    except KernelFault:
        return None
    return LinkTables(inputs, names, resolution, None)


def needed_paths(pool: Pool, options: Options, paths: list[str], followed: set[str]) -> list[str]:
    """What some of the shared objects of a link need beyond these, with what that needs."""
    tables = read_libraries(pool, paths)
    if tables is None:
        return []  # the link will say what is wrong with one of them
    files = [file for file in tables.inputs.shared_files() if tables.inputs.file_name(file) in followed]
    return NeededObjects(pool, tables.inputs, options, files).paths


def search_path(options: Options) -> list[str]:
    """The directories that come before those of the needing library."""
    given = [directory for text in options.rpath_link for directory in split(text)] + split(options.rpath)
    native = not options.sysroot
    if not given and native:
        given = split(variable(b"LD_RUN_PATH"))
    given = [directory for directory in given if "$" not in directory]
    return given + (split(variable(b"LD_LIBRARY_PATH").replace(";", ":")) if native else [])


def variable(name: bytes) -> str:
    """An environment variable, empty if it is not set."""
    return environ.get(name, b"").decode("utf-8", "surrogateescape")


def last_directories(options: Options) -> list[str]:
    """/etc/ld.so.conf and the default directories."""
    configured = configured_directories(f"{options.sysroot.rstrip('/')}/etc/ld.so.conf", INCLUDES)
    return [
        options.sysroot.rstrip("/") + directory for directory in configured
    ] + options.default_library_paths


def configured_directories(path: str, depth: int) -> list[str]:
    """The directories of a file like ld.so.conf (ldconfig(8)): one a line, `include PATTERN`, `#` comments."""
    try:
        with open(path, encoding="utf-8", errors="surrogateescape") as file:
            lines = file.read().splitlines()
    except OSError:
        return []
    found = []
    for line in lines:
        words = line.partition("#")[0].replace(",", " ").split()
        if words[:1] == ["include"] and depth:
            here = path.rpartition("/")[0]
            for pattern in words[1:]:
                for name in matching_files(pattern if pattern.startswith("/") else f"{here}/{pattern}"):
                    found += configured_directories(name, depth - 1)
        elif words[:1] not in (["include"], ["hwcap"]):
            found += words
    return found


def matching_files(pattern: str) -> list[str]:
    """The paths that a shell pattern stands for, in order; a `.` at a name's beginning has to be written out.

    `glob` of the library would do, but what it imports takes a third of the time of a small link.
    """
    directory, _, last = pattern.rpartition("/")
    found = []
    for parent in matching_files(directory) if set(directory) & set("*?[") else [directory]:
        try:
            names = listdir(f"{parent}/")
        except OSError:
            continue
        hidden = last.startswith(".")
        wanted = [name for name in names if hidden or not name.startswith(".")]
        found += [f"{parent}/{name}" for name in sorted(wanted) if matches(encode(last), encode(name))]
    return found


def split(text: str) -> list[str]:
    """The directories of a list joined by colons."""
    return [directory for directory in text.split(":") if directory]
