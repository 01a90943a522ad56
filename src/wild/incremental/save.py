"""Saving a link, so that the next one can be an update of it."""

from __future__ import annotations

import posix
import time

from wild.incremental.control import boot_identity, code_identity, remove, stamp, write_control
from wild.kernels.identity import ROW, identities
from wild.kernels.saving import save_tables
from wild.kernels.still_used import optional_libraries
from wild.kernels.usage import warned_names
from wild.own_symbols import encode
from wild.roots import is_bounded

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from wild.incremental.session import Session
    from wild.kernels.files import Inputs
    from wild.kernels.pool import Pool
    from wild.link import Measured, Resolved
    from wild.messages import Messages
    from wild.mode import Kind
    from wild.options import Options
    from wild.output_sections import OutputSection

# Which definitions are dynamic symbols (kernels/graft.pxd).
EXPORT_NONE, EXPORT_MENTIONED, EXPORT_ALL, EXPORT_PREEMPTIBLE, EXPORT_CHOSEN = range(5)
RACY = (
    20_000_000  # nanoseconds: a file changed so shortly before the link may change again without a new time
)


def unsupported(options: Options) -> str:
    """The option for which an output cannot be updated; empty if there is none."""
    wanted = {**about_output(options), **about_reports(options)}
    return next((name for name, used in wanted.items() if used), "")


def about_output(options: Options) -> dict[str, bool]:
    """Options that make another output, and whether each is given."""
    return {
        "-r": options.kind == "relocatable",
        "-T": bool(options.scripts),
        "--orphan-handling": options.orphan_handling != "place",
        "-Trodata-segment": bool(options.segment_start),
        "--oformat": options.oformat != "elf64-x86-64",
        "-z nosectionheader": options.z_nosectionheader,
        "--emit-relocs": options.emit_relocs,
        "--compress-debug-sections": options.compress_debug_sections != "none"
        or bool(options.compress_sections),
        "--gdb-index": options.gdb_index,
        "--separate-debug-file": options.separate_debug_file is not None,
        "--icf": options.icf != "none",
        "--symbol-ordering-file": bool(options.symbol_ordering_file),
        "--section-ordering-file": bool(options.section_ordering_file),
        "--call-graph-ordering-file": bool(options.call_graph_ordering_file),
        "--call-graph-profile-sort": options.call_graph_profile_sort != "none",
        "--discard-section": bool(options.discard_sections),
        "--no-string-merge": not options.string_merge,
        "--sort-section": options.sort_section != "none",
        "--shuffle-sections": options.shuffle_sections is not None,
        "--reverse-sections": options.reverse_sections,
        "--defsym": bool(options.defsyms),
        "--wrap": bool(options.wraps),
        "--retain-symbols-file": bool(options.retain_symbols_file),
        "--exclude-libs": bool(options.exclude_libs),
        "--section-start": bool(options.section_start),
        "--omagic": options.omagic,
        "--nmagic": options.nmagic,
        "--noinhibit-exec": options.noinhibit_exec,
        "--just-symbols": options.just_symbols,
        "--remap-inputs": bool(options.remapped_inputs),
        "--default-symver": bool(options.default_symver),
        "--debug-address": bool(options.debug_address),
        "WILD_REFERENCE_LINKER": bool(options.reference_linker),
        "--error-handling-script": bool(options.error_handling_script),
        "-z pack-relative-relocs": options.z_pack_relative_relocs,
        "--pack-dyn-relocs=android": options.android_relocations,
        "-z dead-reloc-in-nonalloc": bool(options.dead_relocations),
        "-z unique-symbol": options.z_unique_symbol,
        "-z start-stop-gc": options.z_start_stop_gc and options.gc_sections,  # an update drops nothing
    }


def about_reports(options: Options) -> dict[str, bool]:
    """Options that ask for texts or files which only a full link can write."""
    return {
        "--print-memory-usage": options.print_memory_usage,
        "--stats": options.stats,
        "--why-live": bool(options.why_live),
        "--why-extract": bool(options.why_extract),
        "--print-dependencies": bool(options.print_dependencies),
        "-Map": bool(options.map_file),
        "--cref": options.cref,
        "--print-gc-sections": bool(options.print_gc_sections),
        "--trace": bool(options.trace),
        "--trace-symbol": bool(options.trace_symbols),
        "--warn-backrefs": options.warn_backrefs,
        "--warn-common": options.warn_common,
        "--sym-info": bool(options.sym_info),
        "--print-archive-stats": bool(options.archive_stats),
        "--write-gc-stats": bool(options.gc_stats or options.verbose_gc_stats),
        "--write-layout": bool(options.write_layout or options.write_trace),
        "--reproduce": bool(options.reproduce or options.save_directory or options.save_base),
    }


class Saver:
    """What is saved of one link; made before the output gets its name."""

    def __init__(self, session: Session, temporary: bytes, leaves: bytes, is_large: bool) -> None:
        """Take the old state away, and a link to the new output; raises OSError."""
        self.session = session
        self.leaves = leaves  # of the build-id
        self.is_large = is_large
        directory = session.directory
        for name in ("control", "image-0", "image-1", "tables", "publish"):
            remove(f"{directory}/{name}")
        posix.link(temporary, f"{directory}/image-0")

    def note_image(self) -> None:
        """What the image is known by, before anybody is told that the output is there; raises OSError.

        Its time is set to the nanosecond, which the time of the last write is not: who writes to it in the same
        tick of the clock gives it another."""
        now = time.time_ns()
        posix.utime(f"{self.session.directory}/image-0", ns=(now, now))
        self.image_stamp = stamp(f"{self.session.directory}/image-0")
        self.milliseconds = self.session.spent()

    def save(
        self,
        pool: Pool,
        inputs: Inputs,
        found: Resolved,
        sized: Measured,
        options: Options,
        messages: Messages,
    ) -> None:
        """Write tables and control file; the output is complete."""
        directory = self.session.directory
        flags = posix.O_RDWR | posix.O_CREAT | posix.O_TRUNC | posix.O_CLOEXEC
        descriptor = posix.open(f"{directory}/tables", flags, 0o600)
        try:
            tables = save_tables(
                pool, descriptor, inputs, found.names, found.sections, sized.frames, sized.merged, sized.layout,
                sized.synthetic.symtab, self.leaves,
            )  # fmt: skip
        finally:
            posix.close(descriptor)
        control = self.identify(inputs, found, options)
        if inputs.changed(pool):
            return  # these would be taken for what was linked
        control.update(
            {
                "tables": tables,
                "tables_stamp": stamp(f"{directory}/tables"),
                "image": 0,
                "stamps": [self.image_stamp, None],
                "pages": b"",
                "updates": 0,
                "full": self.milliseconds,  # milliseconds
                "cost": 0.0,  # of one changed object, when it has been measured
                "warnings": messages.warnings,
                "warned": [] if options.no_warnings else warned_names(found.checks.tables()),
                "optional": optional_libraries(inputs) if options.gc_sections else [],
                "ways": {},  # FileId of such a library -> sections that lead to a use of it (kernels/still_used.py)
                "parts": describe_parts(sized),
                "spaces": {},  # PartId -> (offset, bytes) that nothing has now
                "keys": describe_keys(sized),
                "commons": found.resolution.common_rows(),
                "abbreviations": sized.composition.abbreviations,
                "output": describe_output(found, sized, options),
            }
        )
        write_control(directory, control)

    def identify(self, inputs: Inputs, found: Resolved, options: Options) -> dict[str, Any]:
        """Every file that was read, and every path where none was found, with what stat says about them."""
        session = self.session
        paths: list[str] = [*inputs.paths]
        files = len(paths)
        paths += [*options.version_scripts, *options.dynamic_lists, *options.export_dynamic_symbol_lists]
        paths += found.sources.included()
        read = len(paths)
        paths += found.sources.missed
        numbers = {path: number for number, path in reversed([*enumerate(paths)])}
        blob = b"".join(path.encode("utf-8", "surrogateescape") + b"\0" for path in paths)
        rows = identities(blob, len(paths))
        limit = int(session.start * 1e9) - RACY
        dependencies = None
        if options.dependency_file:
            from wild.dependency_file import rule_text

            dependencies = options.dependency_file, rule_text(inputs, found.sources.included(), options)
        return {
            "code": code_identity(),
            "boot": boot_identity(),
            "key": session.fingerprint.key,
            "temporary": [numbers.get(name, -1) for name in session.fingerprint.temporary],
            "units": [numbers.get(name, -1) for name in session.fingerprint.units],
            "misplaced": [],  # units that stand where others stood, so their order says nothing
            "paths": blob,
            "rows": rows,
            "files": files,
            "texts": read_texts(paths[files:read]),
            "dependencies": dependencies,
            "racy": [number for number in range(read) if changed_since(rows, number, limit)],
        }


def read_texts(paths: list[str]) -> list[bytes]:
    """The contents of the small files that options name."""
    from wild.incremental.control import read_file

    return [read_file(path) for path in paths]


def changed_since(rows: bytes, number: int, limit: int) -> bool:
    """Did the contents or the inode of a file change at or after this time?"""
    row = rows[ROW * number : ROW * (number + 1)]
    return max(int.from_bytes(row[24:32], "little"), int.from_bytes(row[32:40], "little")) >= limit


def describe_parts(sized: Measured) -> list[tuple[str, int, int, int]]:
    """Of each part: output section, bytes in use, bytes there are, is there room to grow?"""
    composition = sized.composition
    found = []
    for part, (size, _, _) in enumerate(composition.measured):
        used = composition.used.get(part, size)
        room = composition.array_rooms.get(part, 0)
        found.append((composition.parts.section[part], used, size + room, int(used < size)))
    return found


def describe_keys(sized: Measured) -> dict[tuple[object, ...], int]:
    """Which part each kind of unusual section is in."""
    composition = sized.composition
    return {key_of(key): part for key, part in zip(composition.keys, composition.key_parts, strict=True)}


def key_of(key: tuple[Any, ...]) -> tuple[object, ...]:
    """What decides about the part of an unusual section (kernels/part_keys.py)."""
    rule, name, kind, entsize, _, align, flags, is_sorted, _, type = key
    orphan = (b"", 0) if rule >= 0 else (name, type)
    return (rule, *orphan, kind, entsize, align, flags & 2, is_sorted)


def describe_output(found: Resolved, sized: Measured, options: Options) -> dict[str, Any]:
    """Where the tables of the output are, and how full."""
    synthetic, frames = sized.synthetic, sized.frames
    made = {name: place(section) for name, section in synthetic.by_name().items()}
    symtab = synthetic.symtab
    relative, symbolic = synthetic.used_relocations
    plt = made.get(".plt.sec" if synthetic.split_plt else ".plt", (0, 0, 0, 0))
    # What a library script says, and that all names of version scripts have to be defined, is for a full link.
    versions = any(script.version_text is not None for script in found.sources.scripts)
    versions = versions or not options.undefined_version
    room = synthetic.dynsyms.room if synthetic.dynsyms else {"dynsym": (0, 0)}
    return {
        "sections": made,
        "bounded": bounded_sections(found, sized),
        "arrays": movable_arrays(found, sized),
        "shared": found.kind.shared,
        "exports": export_rule(options, found.kind),
        "offers": bool(synthetic.dynsyms and synthetic.dynsyms.per_bucket) and not versions,
        "kind": (found.kind.shared, found.kind.pic, found.kind.dynamic, found.kind.interp),
        "functions": [options.init, options.fini],
        "entry": options.entry or "_start",
        "gc": options.gc_sections,
        "keep_text_prefixes": bool(options.z_keep_text_section_prefix),
        "strip": options.strip,
        "discard": options.discard,
        "build_id": synthetic.build_id.size if synthetic.build_id and not synthetic.build_id.fixed else 0,
        "sonames": [name for name, _ in found.sources.sonames()],
        "imports": {**room, "plt": synthetic.plt_room},
        "split_plt": synthetic.split_plt,
        "plt_offset": plt[1] + synthetic.plt_start - plt[0],
        "relative": (relative, synthetic.relatives),
        "symbolic": (symbolic, synthetic.symbolics),
        "local": (symtab.first_global - symtab.room, symtab.first_global) if symtab else (0, 0),
        "global": (symtab.count - symtab.room, symtab.count) if symtab else (0, 0),
        "names": (symtab.string_size - symtab.name_room, symtab.string_size) if symtab else (0, 0),
        "frames": (frames.size - frames.room - 4, frames.size - 4) if frames.size else (0, 0),
        "frame_holes": [],
        "symbol_holes": ([], [], []),
        "index": (frames.hdr_count, (frames.hdr_size - 12) // 8) if frames.size else (0, 0),
    }


def export_rule(options: Options, kind: Kind) -> int:
    """Which definitions are exported (EXPORT_*)."""
    if not kind.dynamic:
        return EXPORT_NONE
    chosen = (
        options.version_scripts, options.dynamic_lists, options.builtin_lists, options.export_dynamic_symbol_lists,
        options.export_dynamic_symbols, options.bsymbolic != "none", not options.gnu_unique,
    )  # fmt: skip
    if any(chosen):
        return EXPORT_CHOSEN
    if kind.shared:
        return EXPORT_PREEMPTIBLE
    return EXPORT_ALL if options.export_dynamic else EXPORT_MENTIONED


def bounded_sections(found: Resolved, sized: Measured) -> list[str]:
    """The output sections whose `__start_` or `__stop_` something refers to, so that all of their entries count."""
    composition = sized.composition
    sections = {
        composition.parts.section[part] for part, (size, _, _) in enumerate(composition.measured) if size
    }
    return [name for name in sorted(sections) if is_bounded(encode(name), found.names, found.resolution)]


def movable_arrays(found: Resolved, sized: Measured) -> dict[str, int]:
    """The parts that lists of functions consist of whose size may change: nothing asks for their ends by name."""
    arrays = {}
    for part in sized.composition.array_rooms:
        section = sized.composition.parts.section[part]
        name = found.names.find(f"__{section[1:]}_end".encode())
        if not name or found.resolution.symbol(name)[0] is None:
            arrays[section] = part
    return arrays


def place(section: OutputSection) -> tuple[int, int, int, int]:
    """(address, file offset, size, section index)."""
    return (section.address, section.offset, section.size, section.shndx)
