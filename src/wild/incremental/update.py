"""An update: the objects that changed are put into the output of the last link.

 1. read      the changed objects, by the ordinary kernels, as a small link of their own (pairing.py)
 2. judge     is every name still bound to what it was bound to (kernels/judge.py)?
 3. move      their rows into the tables of the link (graft.py)
 4. scan      what lives, which slots and dynamic relocations are needed (rescan.py)
 5. place     sections, strings, records, symbols (refit.py, remerge.py, reframe.py)
 6. write     them, and what refers to names that moved (rewrite.py)
 7. commit    the pages that differ, to the other image and to the tables; publish

Up to the last step everything happens in private memory, so that CannotUpdate may be raised at any point of it.  When
an edit needs more of the other objects than the output has, the update is begun again with those among the changed.
"""

from __future__ import annotations

import posix

from wild.errors import CannotUpdate, LinkError, ObjectsNeeded
from wild.incremental.commit import commit
from wild.incremental.effects import check_bounds, check_libraries, repeat_warnings
from wild.incremental.fillers import SMALLEST, UNITS, filler
from wild.incremental.parts import assign_parts
from wild.incremental.save import EXPORT_CHOSEN, RACY, changed_since
from wild.incremental.session import rows_of
from wild.kernels import (
    pairing,
    rearray,
    recanonical,
    recommon,
    recopy,
    refit,
    reframe,
    regraft,
    renumber,
    reoffer,
    rescan,
    reslots,
    resymbol,
    rewrite,
)
from wild.kernels.files import MAP_TEXT, Inputs
from wild.kernels.frames import FrameTable
from wild.kernels.graft import Graft
from wild.kernels.identity import ROW, identities
from wild.kernels.judge import defines_anew, judge_names
from wild.kernels.names import NameTable
from wild.kernels.pool import Arena, KernelFault, Pool
from wild.kernels.rehash import refresh_build_id
from wild.kernels.remerge import merge_pieces
from wild.kernels.resolve import Resolution
from wild.kernels.saved import Saved
from wild.kernels.sections import SectionTable
from wild.kernels.symtab import SymbolTable
from wild.kernels.views import Views
from wild.machine.x86_64 import relocation_rows
from wild.output_sections import Parts

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from wild.incremental.session import Session

MOST_FILES = 4096  # files that may have changed; rustc makes 256 anew for every link of a large crate
FEW = 8  # changed objects, which are never too many, and say nothing about the time for one; attempts, too
FIRST_GUESS = 1.0  # milliseconds for each changed object, until that has been measured
DT_RELACOUNT = 0x6FFFFFF9
ARRAY_SIZES = {".init_array": 27, ".fini_array": 28}  # DT_INIT_ARRAYSZ, DT_FINI_ARRAYSZ
E_SHOFF, SHDR_SIZE, SH_SIZE = 40, 64, 32  # where fields are in the ELF header and in a section's
DISCARD = {"none": 0, "default": 1, "locals": 2, "all": 3}


def update(session: Session, control: dict[str, Any], changed: list[int]) -> int:
    """Bring the output up to date; returns how many objects had changed.

    Raises CannotUpdate, and OSError from the file system."""
    paths: list[bytes] = control["paths"].split(b"\0")
    maps = check_candidates(control, changed, paths)
    pool = Pool(1)
    try:
        prepared = Update(session, control, pool, paths)
        try:
            while (needed := prepared.try_run(changed, maps)) is not None:
                prepared = begin_again(prepared, needed)
        except KernelFault:
            raise CannotUpdate("E1", "an object has a fault") from None
        except LinkError as error:
            raise CannotUpdate("E1", error.messages[0]) from None
        count = prepared.count
        commit(session, control, prepared.saved)
        session.lap("commit")
        return count
    finally:
        pool.close()


def begin_again(update: Update, needed: ObjectsNeeded) -> Update:
    """The next attempt, with more objects; many are made only as long as a full link would take more time."""
    from wild.incremental.control import read_control

    session = update.session
    late = update.attempt >= FEW and session.spent() > update.control["full"] / 2
    if late or needed.files <= update.joining:
        raise needed
    update.control["output"] = read_control(session.directory)["output"]  # the last attempt has written to it
    again = Update(session, update.control, update.pool, update.paths, update.joining | needed.files)
    again.attempt = update.attempt + 1
    return again


def check_candidates(control: dict[str, Any], changed: list[int], paths: list[bytes]) -> list[int]:
    """The inputs among the files that may have changed; the others must have the same contents."""
    from wild.incremental.control import read_file

    files = control["files"]
    units = set(control["units"])
    for number in changed:
        if number in units:
            continue
        if number < files:
            if rows_of(control, number) != bytes(ROW):
                continue
        elif number < files + len(control["texts"]):
            path = paths[number].decode("utf-8", "surrogateescape")
            if read_file(path) == control["texts"][number - files]:
                continue
            raise CannotUpdate("C2", "a script or list changed")
        raise CannotUpdate("C7", "a library is found elsewhere")
    found = [number for number in changed if number < files or number in units]
    if len(found) > MOST_FILES:
        raise CannotUpdate("B2", "many files changed")
    return found


class Update:
    """The tables of one attempt; `joining`: FileIds of objects that are needed though they have not changed."""

    def __init__(
        self,
        session: Session,
        control: dict[str, Any],
        pool: Pool,
        paths: list[bytes],
        joining: frozenset[int] | set[int] = frozenset(),
    ) -> None:
        self.session = session
        self.control = control
        self.pool = pool
        self.paths = paths
        self.joining = set(joining)
        self.count = 0  # of objects that have changed or join
        self.attempt = 1
        self.output: dict[str, Any] = control["output"]
        self.inputs = Inputs(Arena())
        directory = session.directory
        tables = posix.open(f"{directory}/tables", posix.O_RDONLY | posix.O_CLOEXEC)
        try:
            image = posix.open(f"{directory}/image-{control['image']}", posix.O_RDONLY | posix.O_CLOEXEC)
            try:
                self.saved = Saved(tables, control["tables"], image)
            finally:
                posix.close(image)
        finally:
            posix.close(tables)
        # On a full disk, to look at a page of the state that has no block yet is fatal, too.
        self.inputs.guard_truncation(None)
        self.graft = Graft(self.saved, self.inputs)
        self.maps = rewrite.InputMaps()  # of objects that have not changed

    def try_run(self, changed: list[int], maps: list[int]) -> ObjectsNeeded | None:
        """All steps but the last; returns what else is needed for them."""
        try:
            self.run(changed, maps)
        except ObjectsNeeded as needed:
            return needed
        return None

    def run(self, changed: list[int], maps: list[int]) -> None:
        """All steps but the last."""
        session = self.session
        self.count = count = self.open(maps)
        if count:
            self.read()
            session.lap("read")
            self.move()
            self.place()
            session.lap("plan")
            if session.diff_path:
                from wild.incremental.changed_functions import ChangedFunctions

                functions = ChangedFunctions(self.graft, self.output)
                self.write()
                session.changed_functions = functions.found()
            else:
                self.write()
            session.lap("write")
            self.control["commons"] = bytes(self.graft.commons) + recommon.note_commons(self.graft)
        rows = b"".join(self.paths[number] + b"\0" for number in changed)
        self.note_identities(changed, identities(rows, len(changed)))
        self.note_cost(count)
        if self.inputs.changed(self.pool):
            raise CannotUpdate("B8", "an input changed during the link")

    def note_identities(self, changed: list[int], rows: bytes) -> None:
        """What stat says now about the files that may have changed."""
        control = self.control
        limit = int(self.session.start * 1e9) - RACY
        known = bytearray(control["rows"])
        for index, number in enumerate(changed):
            known[ROW * number : ROW * (number + 1)] = rows[ROW * index : ROW * (index + 1)]
        control["rows"] = bytes(known)
        control["racy"] = [
            number for index, number in enumerate(changed) if changed_since(rows, index, limit)
        ]

    def open(self, suspects: list[int]) -> int:
        """Open what may have changed, and what joins; returns how many objects take part."""
        inputs, pool = self.inputs, self.pool
        if not suspects:
            return 0
        gone = {number for number in suspects if not self.paths[number]}
        pairing.add_files(self.saved, set(self.control["units"]) - gone)
        maps = pairing.maps_of(self.saved, set(suspects) - gone, self.joining)
        names = [self.paths[number].decode("utf-8", "surrogateescape") for number in maps]
        inputs.open(pool, names)
        inputs.guard_truncation(None)
        for index in range(len(maps)):
            if inputs.map_kind(index) == MAP_TEXT:
                raise CannotUpdate("C2", "a script changed")
        inputs.arrange(pool, list(range(len(maps))), [0] * len(maps))
        pairing.pair_files(self.graft, maps, set(suspects), self.joining, self.paths)
        pairing.retire_files(self.graft, gone)
        inputs.set_internal([], [], [], [], [])
        inputs.read_headers(pool)
        count = pairing.check_offers(self.graft)
        self.foresee(count)
        self.session.changed = self.graft.changed_names()
        joined = self.graft.joined_names()
        self.session.counts["changed"] = [
            name for name in self.session.changed if name and name not in joined
        ]
        if joined:
            self.session.counts["joined"] = joined
        return count

    def foresee(self, count: int) -> None:
        """Will a full link take less time?  That took what the last one took; an update, as much for each object as
        the last update of more than a few."""
        cost: float = self.control["cost"] or FIRST_GUESS
        if count > FEW and self.session.spent() + count * cost > self.control["full"]:
            raise CannotUpdate("F1", f"{count} objects changed, and a full link takes less time")

    def note_cost(self, count: int) -> None:
        """What one changed object took."""
        if count > FEW:
            self.control["cost"] = self.session.spent() / count

    def read(self) -> None:
        """Names, sections and their binding, as if the changed objects were all there is."""
        inputs, pool, output, graft = self.inputs, self.pool, self.output, self.graft
        self.names = NameTable(pool, inputs)
        if self.names.versioned_count or self.names.default_count:
            raise CannotUpdate("E16", "an object with symbol versions changed")
        self.parts = Parts(output["keep_text_prefixes"])
        self.resolution = Resolution(pool, inputs, self.names)
        self.resolution.load(pool)
        self.rules = self.parts.rules(False)
        self.sections = SectionTable(
            pool, inputs, self.names, self.rules, output["gc"], output["strip"] != "none", changing=True
        )
        graft.use(self.names, self.sections, self.resolution)
        graft.match_names(self.names)
        graft.settle_groups()
        self.resolution.bind(pool, self.sections)
        if self.resolution.duplicates(1):
            raise CannotUpdate("E3", "two changed objects define a name")
        reframe.check_frames(graft)
        if output["exports"] == EXPORT_CHOSEN and defines_anew(graft):
            from wild.incremental.offers import choose_exports

            choose_exports(self)
        check_bounds(self)
        graft.commons = bytearray(self.control["commons"])
        judge_names(graft, output["exports"], output["offers"])
        repeat_warnings(self)
        if reoffer.offered_names(graft) or reoffer.withdrawn_entries(graft):
            from wild.incremental.offers import place_offers

            place_offers(graft, output)

    def move(self) -> None:
        """Rows of the changed objects into the tables of the link."""
        self.merged = assign_parts(self)
        regraft.move_rows(self.graft)
        refit.bind_sections(self.graft)
        self.frames = FrameTable(self.inputs, self.sections, relocation_rows())
        self.frames.unshared = True
        self.frames.read(self.pool, self.names, self.resolution)
        got = self.output["sections"].get(".got", (0, 0, 0, 0))
        imports = self.output["imports"]
        self.graft.take_room(imports["dynsym"], imports["plt"])
        words = got[2] // 8 - 1  # the last one is for relocations that are free
        rescan.scan_changed(self.graft, self.pool, self.frames, self.output["gc"], words)
        imports["dynsym"], imports["plt"] = self.graft.room
        if self.output["gc"] and (self.control["optional"] or self.graft.libraries_added):
            check_libraries(self)
        self.merged.merge(self.pool, False)
        self.frames.size_up(self.pool)

    def place(self) -> None:
        """Places for everything."""
        graft, output = self.graft, self.output
        parts: list[tuple[str, int, int, int]] = self.control["parts"]
        growing = {parts[number][0]: number for number in range(len(parts) - 1, 0, -1) if parts[number][3]}
        rooms = [
            (used, size, grows, SMALLEST if section in UNITS else 0, 0 if size else growing.get(section, 0))
            for section, used, size, grows in parts
        ]
        refit.set_parts(graft, rooms, self.control["spaces"])
        merge_pieces(graft, self.merged)
        try:
            rearray.place_arrays(graft, list(output["arrays"].values()), self.paths, self.maps)
            self.holes = refit.place_sections(graft)
            if graft.copied:
                from wild.incremental.copied import place_copies

                place_copies(self)
            if graft.canonical:
                from wild.incremental.copied import place_canonical

                place_canonical(self)
            if graft.new_commons:
                from wild.incremental.copied import place_commons

                place_commons(self)
        except CannotUpdate as reason:
            raise self.with_section(reason) from None
        relative, symbolic, self.free_runs = renumber.number_relocations(
            graft, output["relative"], output["symbolic"]
        )
        output["relative"] = (relative, output["relative"][1])
        output["symbolic"] = (symbolic, output["symbolic"][1])
        self.dynamic = refit.place_names(graft)

    def with_section(self, reason: CannotUpdate) -> CannotUpdate:
        """The reason, with the output section that is too small."""
        part = self.graft.full_part
        name = self.control["parts"][part][0] if part else ""
        return CannotUpdate(reason.code, f"{reason.reason} ({name})") if name else reason

    def write(self) -> None:
        """The new contents of the output, in private memory."""
        graft, pool, output = self.graft, self.pool, self.output
        made = output["sections"]
        rewrite.write_changed(graft, pool)
        self.session.counts["referring"] = len(rewrite.write_references(graft, pool, self.paths, self.maps))
        rearray.write_shifted(graft, pool, self.paths, self.maps)
        self.note_arrays()
        got = made.get(".got", (0, 0, 0, 0))
        relative, symbolic = reslots.fill_new_slots(graft, output["relative"], output["symbolic"], got[1])
        symbolic = recopy.write_copies(graft, symbolic, output["symbolic"][1])
        reslots.fill_new_plt(graft, output["plt_offset"], output["split_plt"])
        symbolic = recanonical.write_jumps(
            graft, symbolic, output["symbolic"][1], output["plt_offset"], output["split_plt"]
        )
        imports = rewrite.new_imports(graft)
        libraries = [] if output["gc"] else rewrite.new_libraries(graft)
        if imports or libraries or graft.strengthened:
            from wild.incremental.imports import write_imports

            write_imports(graft, output, self.paths, imports, libraries)
        rewrite.free_relocations(graft, self.free_runs, got[0] + got[2] - 8)
        self.note_relocations(relative, symbolic)
        self.write_frames()
        self.write_symbols()
        if self.dynamic:
            rewrite.write_dynamic_symbols(graft, made[".dynsym"][1], self.dynamic)
        self.fill_holes()
        self.write_entry()
        if output["build_id"]:
            refresh_build_id(self.saved, made[".note.gnu.build-id"][1] + 16, output["build_id"])

    def note_arrays(self) -> None:
        """The sizes of the lists of functions, where the loader and others look for them."""
        made = self.output["sections"]
        for section, part in self.output["arrays"].items():
            address, offset, size, shndx = made[section]
            used = rearray.size_of_part(self.graft, part)
            if used == size:
                continue
            made[section] = (address, offset, used, shndx)
            headers = rewrite.read_word(self.graft, E_SHOFF)
            rewrite.write_word(self.graft, headers + SHDR_SIZE * shndx + SH_SIZE, used)
            self.set_dynamic(ARRAY_SIZES[section], used)

    def set_dynamic(self, tag: int, value: int) -> None:
        """The value of an entry of .dynamic, if there is one."""
        _, offset, size, _ = self.output["sections"].get(".dynamic", (0, 0, 0, 0))
        for at in range(offset, offset + size, 16):
            if rewrite.read_word(self.graft, at) == tag:
                rewrite.write_word(self.graft, at + 8, value)

    def note_relocations(self, relative: int, symbolic: int) -> None:
        """How many dynamic relocations there are now; the loader is told of the relative ones."""
        output = self.output
        output["symbolic"] = (symbolic, output["symbolic"][1])
        output["relative"] = (relative, output["relative"][1])
        self.set_dynamic(DT_RELACOUNT, relative)

    def write_frames(self) -> None:
        """Call frame records and their index."""
        output, made = self.output, self.output["sections"]
        if ".eh_frame" not in made:
            if self.frames.size:
                raise CannotUpdate("D8", "a section of a new kind")
            return
        address, offset, _, _ = made[".eh_frame"]
        used, end = output["frames"]
        used = reframe.place_frames(self.graft, self.frames, used, end, offset, output["frame_holes"])
        output["frames"] = (used, end)
        header = made.get(".eh_frame_hdr")
        place = (header[1], header[0]) if header else None
        entries, room = output["index"]
        entries = reframe.write_frames(
            self.graft, self.pool, self.frames, (offset, address, end), place, (entries, room)
        )
        output["index"] = (entries, room)

    def write_symbols(self) -> None:
        """The symbol table."""
        output, made = self.output, self.output["sections"]
        if ".symtab" not in made:
            return
        arena = Arena()
        views = Views.of(self.inputs, self.names, self.resolution, self.sections)
        # Only common symbols are not in a section of an input.
        zeros = [number for number, (section, *_) in enumerate(self.control["parts"]) if section == ".bss"]
        places = recommon.places_of(self.graft, zeros)
        views.place(resymbol.part_indices(self.graft, arena), places, [], self.saved.tls_start)
        symtab = SymbolTable(self.pool, views, DISCARD[output["discard"]], None)
        offsets = (made[".symtab"][1], made[".strtab"][1])
        ends = [output[name][1] for name in ("local", "global", "names")]
        used = resymbol.write_symbols(
            self.graft, self.pool, symtab, offsets, output["local"], output["global"], output["names"],
            output["symbol_holes"],
        )  # fmt: skip
        for name, now, end in zip(("local", "global", "names"), used, ends, strict=True):
            output[name] = (now, end)

    def fill_holes(self) -> None:
        """What nothing has taken, and the rest of the room of parts from which something was taken."""
        parts = self.control["parts"]
        uses = refit.part_uses(self.graft)
        holes = list(self.holes)
        for number, (section, used, size, grows) in enumerate(parts):
            if uses[number] != used:
                holes.append((number, uses[number], size - uses[number]))
                parts[number] = (section, uses[number], size, grows)
        abbreviations = self.control["abbreviations"]

        def fill(part: int, size: int) -> bytes:
            if self.saved.part_is_code(part):
                return b"\xcc" * size
            return filler(parts[part][0], size, abbreviations)

        rewrite.write_holes(self.graft, holes, fill)

    def write_entry(self) -> None:
        """The entry point, and what the loader calls, may have moved."""
        entry = rewrite.address_of(self.graft, self.output["entry"].encode("utf-8", "surrogateescape"))
        if entry is not None:
            rewrite.write_word(self.graft, 24, entry)
        for name in self.output["functions"]:
            if rewrite.address_of(self.graft, name.encode("utf-8", "surrogateescape")) is not None:
                raise CannotUpdate("E1", f"an object that defines {name} changed")
