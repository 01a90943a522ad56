"""Where a link can stop: what is checked between the passes, and how a kernel's fault becomes an error.

The texts are made in other modules (reports, relocation_faults, warnings …), which are imported only when
there is something to say.
"""

from __future__ import annotations

from wild import elf
from wild.errors import LinkError
from wild.messages import NO_LIMIT

TYPE_CHECKING = False
if TYPE_CHECKING:
    from wild.kernels.files import Inputs
    from wild.kernels.names import NameTable
    from wild.kernels.notes import NoteTable
    from wild.kernels.pool import KernelFault, Pool
    from wild.kernels.reach import Reach
    from wild.kernels.references import LinkTables
    from wild.kernels.resolve import Resolution
    from wild.kernels.sections import SectionTable
    from wild.kernels.slots import Slots
    from wild.layout import Placement
    from wild.messages import Messages
    from wild.options import Options

PLACES_SHOWN = 3
# Bits of GNU_PROPERTY_X86_FEATURE_1_AND.
CET_FEATURES = (
    (1, "not compiled for indirect-branch tracking (IBT); recompile with -fcf-protection"),
    (2, "not compiled for shadow stacks (SHSTK); recompile with -fcf-protection"),
)
STACK_UNKNOWN, STACK_EXECUTABLE = 0, 2  # what .note.GNU-stack says (kernels/notes.pxd)
DEFINED = 3  # SymbolRow.flags: SYM_OBJECT_DEF | SYM_SHARED_DEF (kernels/tables.pxd)


def explain(inputs: Inputs, fault: KernelFault) -> LinkError:
    """The error that the faults of a loop stand for."""
    from wild.faults import describe_row

    return LinkError(*(describe_row(inputs, row) for row in (fault.args, *fault.others)))


def check_inputs(
    inputs: Inputs, resolution: Resolution, unfound: list[tuple[int, str]], messages: Messages
) -> None:
    """Files that take part and hold no machine code, or ask for libraries that there are not; --trace.

    Under -r the plugin may have made intermediate code of intermediate code.
    """
    files = resolution.lto_files()
    if files and not (messages.options.plugins and messages.options.kind == "relocatable"):
        from wild.lto import why_not_compiled

        messages.refuse(
            *(why_not_compiled(inputs, file, messages.options) for file in files[: messages.room])
        )
        messages.stop_if_failed()
    if unfound:
        from wild.dependent_libraries import check_libraries

        check_libraries(inputs, unfound)
    if messages.options.trace:
        messages.tell("\n".join(inputs.live_files_text()))


def check_unchanged(pool: Pool, inputs: Inputs) -> None:
    """Inputs must be what they were when the link began."""
    changed = inputs.changed(pool)
    if changed:
        raise LinkError(*(f"{path}: changed while it was being linked; link again" for path in changed))


class Checks:
    """The checks of one link from the binding of names on."""

    def __init__(
        self,
        inputs: Inputs,
        names: NameTable,
        resolution: Resolution,
        sections: SectionTable,
        messages: Messages,
    ) -> None:
        self.inputs = inputs
        self.names = names
        self.resolution = resolution
        self.sections = sections
        self.messages = messages
        self.options = messages.options

    def tables(self) -> LinkTables:
        """What texts about this link are made from."""
        from wild.kernels.references import LinkTables

        return LinkTables(self.inputs, self.names, self.resolution, self.sections)

    def copies(self, slots: Slots) -> None:
        """A variable of a shared object can be moved into a program only if its size is known."""
        if slots.unsized:
            name = self.names.text(slots.unsized).decode("utf-8", "replace")
            raise LinkError(
                f"cannot make a copy relocation for symbol {name}: its definition in "
                f"{self.inputs.file_name(self.resolution.symbol(slots.unsized)[0] or 0)} has no size"
            )

    def definitions(self) -> None:
        """Names with two strong definitions; what -y and --warn-common want to know."""
        if not self.options.allow_multiple_definition:
            found = self.resolution.duplicates(self.messages.room)
            if found:
                from wild.reports import duplicate_symbols

                self.messages.fail(*duplicate_symbols(self.tables(), found, self.options))
        if self.options.trace_symbols:
            from wild.notices import traced_symbols

            self.messages.tell("\n".join(traced_symbols(self.tables(), self.options)))
        if self.options.warn_backrefs:
            from wild.warn_backrefs import backward_references

            self.messages.warn(*backward_references(self.tables(), self.options))
        if self.options.warn_common:
            from wild.notices import common_conflicts

            self.messages.warn(*common_conflicts(self.tables(), self.options))
        if self.options.why_extract is not None or self.options.print_dependencies is not None:
            from wild.file_reports import write_file_reports

            write_file_reports(self.tables(), self.messages)

    def references(self, pool: Pool, reach: Reach) -> None:
        """Names that live code refers to and nothing defines, relocations that cannot be right; --require-
        defined.

        Raises LinkError for these, and for the errors that were found before.
        """
        if reach.missing:
            self.report_missing()
        if reach.faults:
            self.report_faults(reach.faults)
        if reports_shared(self.options):
            self.check_shared(pool)
        for name in self.options.require_defined:
            if not self.is_defined(name):
                self.messages.fail(f"required symbol {name} is not defined (--require-defined={name})")
        if self.options.gc_sections and self.options.z_start_stop_gc:
            from wild.roots import dropped_bounds

            texts = dropped_bounds(self.names, self.resolution, self.sections, self.tables(), self.options)
            self.report_undefined(texts)
        self.warn_of_entry()
        self.warn_of_contents(reach)
        self.messages.stop_if_failed()

    def report_missing(self) -> None:
        from wild.kernels.symbol_marks import missing_names
        from wild.reports import undefined_symbols

        missing = self.unless_ignored(missing_names(self.names, self.resolution, self.messages.room))
        if self.options.error_handling_script:
            from wild.error_script import call_script

            for name in missing:
                symbol = self.names.text(name).decode("utf-8", "surrogateescape")
                call_script(self.options.error_handling_script, "undefined-symbol", symbol, self.messages)
        self.report_undefined(undefined_symbols(self.tables(), missing, self.options))

    def unless_ignored(self, names: list[int]) -> list[int]:
        """Without those that --ignore-unresolved-symbol is about."""
        ignored = {
            self.names.find(name.encode("utf-8", "surrogateescape"))
            for name in self.options.ignored_unresolved
        }
        return [name for name in names if name not in ignored]

    def report_undefined(self, texts: list[str]) -> None:
        """Errors, unless --warn-unresolved-symbols makes warnings of them."""
        if self.options.warn_unresolved_symbols:
            self.messages.warn(*texts)
        else:
            self.messages.fail(*texts)

    def check_shared(self, pool: Pool) -> None:
        """What shared objects refer to and nothing defines, as far as is known: a library that they need and that
        cannot be found may define anything.
        """
        found = self.unless_ignored(self.resolution.undefined(NO_LIMIT, True))
        if not found:
            return
        from wild.kernels.references import not_in_shared

        found = not_in_shared(self.tables(), found)
        if not found:
            return
        from wild.needed_search import NeededObjects

        needed = NeededObjects(pool, self.inputs, self.options)
        found = needed.lacking(self.names, found)[: self.messages.room]
        if needed.complete:
            from wild.reports import undefined_in_shared

            texts = undefined_in_shared(self.tables(), found, needed.complete, self.options)
            self.report_undefined(texts)

    def report_faults(self, faults: list[tuple[int, int, int, int, int]]) -> None:
        """Relocations that this kind of output cannot have."""
        from wild.relocation_faults import BENIGN, describe_faults

        texts = describe_faults(self.tables(), faults, self.options)
        if all(fault[0] in BENIGN for fault in faults):
            self.messages.fail(*texts)
        else:
            self.messages.refuse(*texts)

    def values(self, fault: KernelFault) -> None:
        """Values that do not fit, found while they were being written."""
        from wild.relocation_faults import describe_faults

        self.messages.fail(*describe_faults(self.tables(), [fault.args, *fault.others], self.options))
        self.messages.stop_if_failed()

    def warn_of_entry(self) -> None:
        """A program that begins nowhere is written all the same, as by GNU ld: it may be no program."""
        entry = self.options.entry or ("" if self.options.kind == "shared" else "_start")
        if entry and not entry[0].isdigit() and not self.is_defined(entry):
            instead = "not setting start address" if self.options.kind == "shared" else "starting with .text"
            self.messages.warn(f"cannot find entry symbol {entry}; {instead}")

    def warn_of_contents(self, reach: Reach) -> None:
        """.gnu.warning sections, --warn-textrel, --print-gc-sections."""
        options = self.options
        if not options.no_warnings:
            from wild.kernels.usage import warnings_in_force

            found = warnings_in_force(self.tables())
            if found:
                from wild.notices import linker_warnings

                self.messages.warn(*linker_warnings(self.tables(), found, options))
        if options.warn_textrel and reach.textrel:
            from wild.notices import text_relocation_warning

            self.messages.warn(text_relocation_warning(self.tables()))
        if options.print_gc_sections and options.gc_sections:
            from wild.notices import dropped

            self.messages.tell(dropped(self.tables()))
        if options.gc_stats or options.archive_stats or options.sym_info:
            self.write_statistics()

    def write_statistics(self) -> None:
        """--write-gc-stats, --print-archive-stats, --sym-info."""
        from wild.statistics import archive_stats, gc_stats, symbol_info, write_text

        options, tables = self.options, self.tables()
        if options.gc_stats:
            write_text(options.gc_stats, gc_stats(tables, options), self.messages)
        if options.archive_stats:
            write_text(options.archive_stats, archive_stats(tables), self.messages)
        for symbol in options.sym_info:
            self.messages.tell(symbol_info(tables, symbol))

    def features(self, notes: NoteTable) -> None:
        """-z cet-report, -z lam-report and their kind: objects that keep a mark from the output."""
        options = self.options
        both = options.z_lam_report
        for level, bit, lack in (
            *((options.z_cet_report, *feature) for feature in CET_FEATURES),
            (options.z_lam_u48_report if both == "none" else both, 4, "not marked for LAM_U48"),
            (options.z_lam_u57_report if both == "none" else both, 8, "not marked for LAM_U57"),
        ):
            if level == "none":
                continue
            files = notes.files_without(bit, self.messages.room)
            texts = [f"{self.inputs.file_name(file)}: {lack}" for file in files]
            if level == "error":
                self.messages.fail(*texts)
            else:
                self.messages.warn(*texts)

    def segments(self, placement: Placement) -> None:
        """--warn-rwx-segments."""
        everything = elf.PF_R | elf.PF_W | elf.PF_X
        if self.options.warn_rwx_segments and any(load.flags == everything for load in placement.loads):
            self.messages.warn(f"{self.options.output}: has a LOAD segment that can be written and executed")

    def executable_stack(self, notes: NoteTable) -> bool:
        """Is the program's stack executable?  If neither -z execstack nor -z noexecstack says, when an
        object asks.

        An object without .note.GNU-stack asks for nothing: where GNU ld takes it for one that wants an
        executable stack, it is rather assembly whose author did not know.
        """
        wanted, warns = self.options.z_execstack, self.options.warn_execstack
        asking = notes.files_with_stack(STACK_EXECUTABLE, PLACES_SHOWN) if wanted is None else []
        if asking and warns is not False:
            self.warn_of_stack("an object asks for that; -z noexecstack overrides it", asking)
        if wanted and warns:
            self.warn_of_stack("-z execstack is given", [])
        silent = notes.files_with_stack(STACK_UNKNOWN, PLACES_SHOWN) if warns and wanted is None else []
        if silent:
            lines = ["objects without .note.GNU-stack are taken to need no executable stack"]
            self.messages.warn(
                "\n".join([*lines, *(f">>> {self.inputs.file_name(file)}" for file in silent)])
            )
        self.messages.stop_if_failed()
        return bool(wanted or asking)

    def warn_of_stack(self, reason: str, files: list[int]) -> None:
        lines = [f"the stack is executable, because {reason}"]
        self.messages.warn("\n".join([*lines, *(f">>> {self.inputs.file_name(file)}" for file in files)]))

    def is_defined(self, name: str) -> bool:
        number = self.names.find(name.encode("utf-8", "surrogateescape"))
        return bool(number) and self.resolution.symbol(number)[4] & DEFINED != 0


def reports_shared(options: Options) -> bool:
    """--no-allow-shlib-undefined: are undefined symbols of shared objects errors?  By default of a
    program's.
    """
    if options.allow_shlib_undefined is not None:
        return not options.allow_shlib_undefined
    if options.unresolved_symbols is not None:
        return options.unresolved_symbols in ("report-all", "ignore-in-object-files")
    return options.kind != "shared"
