"""Which files take part: libraries are searched, library scripts expanded in place, everything mapped in parallel.

The kernels open and identify; what is decided here is where `-lNAME` and the names in scripts are looked for
(GNU ld manual, "Command-line Options" -l and -L, "File Commands").  A library for another machine found on the way is
skipped, as GNU ld skips it.  A link of plain files costs no loop in Python beyond the argument list.
"""

from __future__ import annotations

import posix

from wild.errors import LinkError
from wild.kernels.files import (
    AS_NEEDED,
    EXCLUDED_LIBS,
    LAZY,
    MAP_ARCHIVE,
    MAP_SHARED,
    MAP_TEXT,
    MAP_THIN,
    WHOLE_ARCHIVE,
    Inputs,
)
from wild.kernels.maps import can_be_library
from wild.option_effects import (
    IN_AS_NEEDED,
    IN_BINARY,
    IN_COPY_NEEDED,
    IN_JUST_SYMBOLS,
    IN_LAZY,
    IN_LIBRARY,
    IN_SCRIPT,
    IN_STATIC,
    IN_WHOLE_ARCHIVE,
)
from wild.options import UNNAMED

TYPE_CHECKING = False
if TYPE_CHECKING:
    from wild.kernels.pool import Pool
    from wild.messages import Messages
    from wild.options import Options
    from wild.own_symbols import OwnSymbols
    from wild.script import Script
    from wild.scripted.tree import LayoutScript

SCRIPT_DEPTH = 16
MEMBERS_TRIED = 4  # an index, a table of names, and another index in archives for two systems


class InputSet:
    """The inputs in link order, and what library scripts said besides naming files."""

    def __init__(self, pool: Pool, inputs: Inputs, options: Options) -> None:
        self.pool = pool
        self.inputs = inputs
        self.options = options
        self.directories = options.library_paths + options.default_library_paths
        self.scripts: list[Script] = []
        self.warnings: list[str] = []  # about them
        self.unfound: list[
            tuple[int, str]
        ] = []  # (FileId, library that it asks for), if there is no such library
        self.missed: list[str] = []  # where a library was looked for and not found
        self.maps: list[int] = []
        self.flags: list[int] = []
        self.shared: list[tuple[str, int]] | None = (
            None  # shared objects and their bits, if some are followed
        )
        self.hidden: list[bytes] = []  # names that --exclude-libs hides in what a plugin has compiled
        self.searched: set[str] = (
            set()
        )  # paths that -l found: without DT_SONAME they are named by their file alone

    def open(self) -> None:
        """Open everything the command line names, and what that names in turn; raises LinkError."""
        names, bits = self.options.inputs, list(self.options.input_flags)
        if not names and not self.options.scripts:
            raise LinkError("no input files")
        paths = list(names)
        for script in self.options.scripts:
            paths.append(find_script(script, self.options))
            bits.append(IN_SCRIPT)
        missing = []
        libraries = bytes(map(IN_LIBRARY.__and__, bits))
        index = libraries.find(IN_LIBRARY)
        while index >= 0:
            static = bool(bits[index] & IN_STATIC) or self.options.kind == "relocatable"
            found = self.find_library(names[index], static)
            if found is None:
                missing.append(self.library_missing(names[index], static))
            else:
                paths[index] = found
            index = libraries.find(IN_LIBRARY, index + 1)
        if missing:
            self.call_error_script(
                [name for name, each in zip(names, bits, strict=False) if each & IN_LIBRARY]
            )
            raise LinkError(*dict.fromkeys(missing))
        if self.options.remapped_inputs:
            self.remap(paths, bits)
        if any(each & IN_COPY_NEEDED for each in set(bits)):
            self.shared = []
        self.maps, self.flags = self.open_paths(paths, bits, 0)
        if self.shared:
            self.add_needed(self.shared)
        self.obey_scripts()
        if self.inputs.has_file(self.options.output):
            raise LinkError(
                f"{self.options.output}: is an input of this link; give the output another name with -o"
            )
        self.inputs.arrange(self.pool, self.maps, self.flags)
        entries = [script.entry for script in self.scripts if script.entry]
        if entries and self.options.entry is None and entries[-1] != "_start":
            # -e goes before ENTRY (GNU ld manual, "Setting the Entry Point"), and _start is what counts without either.
            self.options.entry = entries[-1]

    def add_needed(self, shared: list[tuple[str, int]]) -> None:
        """--copy-dt-needed-entries: what some of the shared objects need takes part where it is used."""
        from wild.needed_search import needed_paths

        followed = {path for path, bits in shared if bits & IN_COPY_NEEDED}
        paths = needed_paths(self.pool, self.options, [path for path, _ in shared], followed)
        self.searched.update(paths)
        maps, flags = self.open_paths(paths, [IN_AS_NEEDED] * len(paths), 0)
        self.maps += maps
        self.flags += flags

    def included(self) -> list[str]:
        """The files that scripts include: they are read, but not mapped as inputs are."""
        return [path for script in self.scripts for path in script.included]

    def obey_scripts(self) -> None:
        """STARTUP, whose file comes first, OUTPUT, which counts without -o, and commands that are options; raises
        LinkError.
        """
        for script in list(self.scripts):
            if script.layout is not None and self.options.kind != "relocatable":
                self.add_named(script.layout)
            if script.startup is not None:
                first = self.find_in_script(script.startup, "STARTUP", False)
                maps, flags = self.open_paths([first], [0], 0)
                self.maps[:0], self.flags[:0] = maps, flags
            if script.output is not None and self.options.output is UNNAMED:
                self.options.output = script.output
            for name, value in script.options.items():
                setattr(self.options, name, value)
        if self.options.define_common is False and self.options.kind not in ("shared", "relocatable"):
            raise LinkError(
                "--no-define-common (INHIBIT_COMMON_ALLOCATION) is for shared objects: a program needs memory for its "
                "common symbols"
            )

    def add_named(self, layout: LayoutScript) -> None:
        """A file whose whole name stands in an input statement takes part, as if it were named on the line (GNU ld
        manual, "Input Section Basics"); raises LinkError if there is none."""
        from wild.scripted.parts import named_files

        known = {path.rpartition("/")[2] for path in self.inputs.paths}
        for name, where in named_files(layout):
            if name.rpartition("/")[2] not in known:
                path = name if is_file(name) else self.find_in_script(name, where, False)
                maps, flags = self.open_paths([path], [0], 0)
                self.maps += maps
                self.flags += flags

    def call_error_script(self, libraries: list[str]) -> None:
        """--error-handling-script hears of every library that was not found."""
        script = self.options.error_handling_script
        if script:
            from wild.error_script import call_script
            from wild.messages import Messages

            static = self.options.static
            for name in dict.fromkeys(libraries):
                if self.find_library(name, static) is None:
                    call_script(script, "missing-lib", name, Messages(self.options))

    def remap(self, paths: list[str], bits: list[int]) -> None:
        """--remap-inputs: the first pattern that fits names the file that is read; /dev/null leaves it out."""
        from fnmatch import fnmatchcase

        for index in reversed(range(len(paths))):
            for pattern, file in self.options.remapped_inputs:
                if fnmatchcase(paths[index], pattern):
                    paths[index] = file
                    if file == "/dev/null":
                        del paths[index], bits[index]
                    break

    def read_headers(self, own: OwnSymbols) -> None:
        """Number the symbols of all files, the linker's own among them."""
        self.inputs.set_internal(*own.table())
        self.inputs.read_headers(self.pool)
        options = self.options
        if self.inputs.asks_for_libraries and options.dependent_libraries and options.kind != "relocatable":
            from wild.dependent_libraries import add_libraries

            add_libraries(self, own)

    def open_paths(self, paths: list[str], bits: list[int], depth: int) -> tuple[list[int], list[int]]:
        """Map some files; scripts among them are replaced by what they name.  `bits` are IN_* flags."""
        first = self.inputs.open(self.pool, paths)
        self.inputs.guard_truncation(None)
        maps = list(range(first, first + len(paths)))
        kinds = set(bits)  # few, though there may be thousands of files
        if self.options.static or any(each & IN_STATIC for each in kinds):
            self.refuse_shared(paths, bits, first)
        if self.shared is not None:
            found = self.inputs.maps_of_kind(MAP_SHARED, first)
            self.shared += [
                (paths[map - first], bits[map - first]) for map in found if map - first < len(paths)
            ]
        flags = list(map({each: file_flags(each) for each in kinds}.__getitem__, bits))
        if self.options.exclude_libs:
            self.mark_excluded(paths, flags, first)
        if any(each & IN_SCRIPT for each in kinds):
            self.refuse_other_scripts(paths, bits, first)
        if any(is_binary(each) for each in kinds):
            from wild.binary_input import replace_binaries

            binary = [index for index, each in enumerate(bits) if is_binary(each)]
            replace_binaries(self.inputs, paths, maps, binary)
        if self.options.just_symbols and depth == 0:
            from wild.binary_input import replace_by_symbols

            replace_by_symbols(self.inputs, paths, maps, bits)
        for script in reversed(self.inputs.maps_of_kind(MAP_TEXT, first)):
            at = script - first
            if at < len(paths) and maps[at] == script:
                maps[at : at + 1], flags[at : at + 1] = self.expand(script, paths[at], bits[at], depth)
        return maps, flags

    def refuse_shared(self, paths: list[str], bits: list[int], first: int) -> None:
        """A shared object that is named where -static or -Bstatic is in force is a mistake, as in GNU ld and lld."""
        shared = self.inputs.maps_of_kind(MAP_SHARED, first)
        wrong = [
            paths[map - first] for map in shared if map - first < len(paths) and bits[map - first] & IN_STATIC
        ]
        if wrong:
            raise LinkError(
                *(f"{path}: shared object, but -static or -Bstatic is in force before it" for path in wrong)
            )

    def refuse_other_scripts(self, paths: list[str], bits: list[int], first: int) -> None:
        """-T names a script: an object or archive there is a slip, whose file would have been linked in silence."""
        wrong = [
            path
            for map, (path, each) in enumerate(zip(paths, bits, strict=True), first)
            if each & IN_JUST_SYMBOLS == IN_SCRIPT and self.inputs.map_kind(map) != MAP_TEXT
        ]
        if wrong:
            raise LinkError(*(f"{path}: no linker script, though it was given with -T" for path in wrong))

    def mark_excluded(self, paths: list[str], flags: list[int], first: int) -> None:
        """--exclude-libs names archives by their file name, with or without `.a`, as in GNU ld."""
        excluded = self.options.exclude_libs
        for index, path in enumerate(paths):
            if self.inputs.map_kind(first + index) not in (MAP_ARCHIVE, MAP_THIN):
                continue
            name = path.rpartition("/")[2]
            if excluded == "ALL" or name in excluded or name.removesuffix(".a") in excluded:
                flags[index] |= EXCLUDED_LIBS

    def expand(self, script: int, path: str, bits: int, depth: int) -> tuple[list[int], list[int]]:
        """The inputs that a library script names."""
        from wild.script import is_script, parse_script

        data = self.inputs.map_bytes(script)
        if data and not is_script(data[:512]):
            raise LinkError(
                f"{path}: file format not recognized; it is no ELF file, archive or linker script"
            )
        if depth >= SCRIPT_DEPTH:
            raise LinkError(
                f"{path}: linker scripts name each other more than {SCRIPT_DEPTH} deep; is there a cycle?"
            )
        if not data and path != "/dev/null":
            self.warnings.append(f"{path}: the file is empty, and taken for a linker script without commands")
        parsed = parse_script(data.decode("utf-8", "surrogateescape"), path, self.options.library_paths)
        self.scripts.append(parsed)
        if parsed.layout is not None and not bits & IN_SCRIPT:
            parsed.layout.implicit = path
        self.directories += parsed.search_dirs
        if parsed.output_format and "x86-64" not in parsed.output_format:
            raise LinkError(f"{path}: is a script for {parsed.output_format}; this link is for elf64-x86-64")
        inner = bits & ~(IN_LIBRARY | IN_SCRIPT)
        paths, inner_bits = [], []
        for name, as_needed in parsed.inputs:
            paths.append(self.find_in_script(name, path, bool(bits & IN_STATIC)))
            inner_bits.append(inner | IN_AS_NEEDED if as_needed else inner)
        return self.open_paths(paths, inner_bits, depth + 1) if paths else ([], [])

    def layout_script(self, messages: Messages) -> LayoutScript | None:
        """What all scripts say about the layout, None if that is what no script would say."""
        messages.warn(*self.warnings)
        found = [script.layout for script in self.scripts if script.layout is not None]
        asked = self.options.orphan_handling != "place" or self.options.segment_start
        if not found and not asked:
            return None
        if self.options.kind == "relocatable" and not any(layout.sections for layout in found):
            return None
        for layout in found:
            if layout.implicit and layout.matched:
                messages.warn(f"{layout.implicit}: has output sections, which are added; was -T forgotten?")
        from wild.scripted.merging import merge_scripts

        return merge_scripts(found, self.options)

    def find_in_script(self, name: str, script: str, static: bool) -> str:
        """A file named by a script: -l as on the command line, absolute paths under the sysroot, others searched."""
        if name.startswith("-l"):
            found = self.find_library(name[2:], static)
            if found is None:
                raise LinkError(f"{script}: {self.library_missing(name[2:], static)}")
            return found
        sysroot = self.options.sysroot.rstrip("/")
        for prefix in ("=", "$SYSROOT"):
            if name.startswith(prefix):
                return sysroot + name.removeprefix(prefix)
        if name.startswith("/"):
            inside = sysroot and script.startswith(sysroot + "/")
            return sysroot + name if inside else name
        here = script.rpartition("/")[0]
        for directory in (here or ".", "", *self.directories):
            path = f"{directory}/{name}" if directory else name
            if is_file(path):
                return path
            self.missed.append(path)
        raise LinkError(f"{script}: cannot find {name}, which the script names")

    def find_library(self, name: str, static: bool) -> str | None:
        """The file that -lNAME stands for, or None."""
        candidates = candidates_for(name, static)
        for directory in self.directories:
            for candidate in candidates:
                path = f"{directory}/{candidate}"
                if can_be_library(path):
                    self.searched.add(path)
                    return path
                self.missed.append(path)
        return None

    def sonames(self) -> list[tuple[bytes, bool]]:
        """(name for DT_NEEDED, is it needed?) of each shared object (GNU ld manual, -soname)."""
        found = []
        for file in self.inputs.shared_files():
            name = self.inputs.soname(file)
            if not name:
                path = self.inputs.file_name(file)
                name = path.rpartition("/")[2] if path in self.searched else path
            found.append((name.encode("utf-8", "surrogateescape"), self.inputs.is_needed(file)))
        return found

    def library_missing(self, name: str, static: bool) -> str:
        """The text about a library that was not found, with what to do about it."""
        text = f"cannot find -l{name}"
        other = f"lib{name}.so" if static else ""
        for directory in self.directories:
            if other and is_file(f"{directory}/{other}"):
                return f"{text}: there is only a shared library, {directory}/{other}, but -static is in force"
        if not self.directories:
            return f"{text}: no directory to search; name some with -L"
        lines = [f"{text}; add its directory with -L or install the library"]
        for directory in dict.fromkeys(self.directories):
            lines += search_lines(directory, candidates_for(name, static))
        return "\n".join(lines)


def candidates_for(name: str, static: bool) -> list[str]:
    """The names of files that -lNAME may stand for, in the order in which a directory is searched for them."""
    if name.startswith(":"):
        return [name[1:]]
    return [f"lib{name}.a"] if static else [f"lib{name}.so", f"lib{name}.a"]


def search_lines(directory: str, candidates: list[str]) -> list[str]:
    """What a search for a library found in one directory, where that was nothing of use."""
    from wild.faults import why_unusable

    lines = []
    for path in (f"{directory}/{candidate}" for candidate in candidates):
        if is_file(path):
            with open(path, "rb") as file:
                head = file.read(64)
                archive = head[:8] == b"!<arch>\n"
                reason = why_unusable(first_object(file.fileno()) if archive else head)
            lines.append(f">>> skipped {path}: {reason}")
    return lines or [f">>> searched {directory}"]


def file_flags(bits: int) -> int:
    """Flags of a FileRow for the bits of an input."""
    flags = AS_NEEDED if bits & IN_AS_NEEDED else 0
    flags |= WHOLE_ARCHIVE if bits & IN_WHOLE_ARCHIVE else 0
    return flags | (LAZY if bits & IN_LAZY else 0)


def is_binary(bits: int) -> bool:
    """Is -b binary about this input?"""
    return bool(bits & IN_BINARY) and not bits & (IN_LIBRARY | IN_SCRIPT)


def is_file(path: str) -> bool:
    """Is there something other than a directory?"""
    try:
        return posix.stat(path).st_mode & 0o170000 != 0o040000
    except (OSError, ValueError):
        return False


def find_script(name: str, options: Options) -> str:
    """The file of -T: as it is named, or in a directory of -L (GNU ld manual, -T)."""
    if not is_file(name) and "/" not in name:
        for directory in options.library_paths:
            if is_file(f"{directory}/{name}"):
                return f"{directory}/{name}"
    return name


def first_object(descriptor: int) -> bytes:
    """The first 20 bytes of an archive's first member that is no index or table of names (ar(5))."""
    at = 8
    for _ in range(MEMBERS_TRIED):
        header = posix.pread(descriptor, 60 + 20, at)
        size = header[48:58].strip()
        if not size.isdigit():
            break
        if header[:1] != b"/" or header[1:2].isdigit():
            return header[60:]
        at += 60 + int(size) + int(size) % 2
    return b""
