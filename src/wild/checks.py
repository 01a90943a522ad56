"""Where a link can stop: what is checked between the passes, and how a kernel's fault becomes an error.

The texts are made in wild/reports.py, which is imported only when there is something to say.
"""

from __future__ import annotations

from wild.errors import LinkError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from wild.kernels.files import Inputs
    from wild.kernels.names import NameTable
    from wild.kernels.pool import KernelFault, Pool
    from wild.kernels.reach import Reach
    from wild.kernels.resolve import Resolution
    from wild.kernels.sections import SectionTable
    from wild.options import Options

NO_LIMIT = 1 << 30


def explain(inputs: Inputs, fault: KernelFault) -> LinkError:
    """The error that a fault stands for."""
    from wild.faults import describe

    return LinkError(describe(inputs, fault))


def limit_of(options: Options) -> int:
    """How many errors of one kind are reported."""
    return options.error_limit or NO_LIMIT


def check_inputs(inputs: Inputs, resolution: Resolution, options: Options) -> None:
    """Files that take part and hold no machine code; --trace."""
    files = resolution.lto_files()
    if files:
        raise LinkError(
            *(
                f"{inputs.file_name(file)}: holds only intermediate code for link-time optimization; "
                "compile it with -fno-lto or -ffat-lto-objects (this version loads no LTO plugin)"
                for file in files[: limit_of(options)]
            )
        )
    if options.trace:
        print("\n".join(inputs.live_files_text()))


def check_definitions(inputs: Inputs, resolution: Resolution, options: Options) -> None:
    """Names with two strong definitions."""
    if options.allow_multiple_definition:
        return
    found = resolution.duplicates(limit_of(options))
    if found:
        from wild.reports import duplicate_definitions

        raise LinkError(*duplicate_definitions(inputs, found, options))


def check_undefined(
    inputs: Inputs,
    names: NameTable,
    resolution: Resolution,
    sections: SectionTable,
    reach: Reach,
    options: Options,
) -> None:
    """Names that live code refers to and nothing defines; --require-defined."""
    if reach.missing:
        from wild.kernels.reach import missing_names
        from wild.reports import undefined_symbols

        missing = missing_names(names, resolution, limit_of(options))
        raise LinkError(*undefined_symbols(inputs, names, resolution, sections, missing, options))
    check_relocations(inputs, reach)
    for name in options.require_defined:
        number = names.find(name.encode("utf-8", "surrogateescape"))
        if not number or not resolution.symbol(number)[4] & 3:
            raise LinkError(f"required symbol {name} is not defined (--require-defined={name})")


def check_relocations(inputs: Inputs, reach: Reach) -> None:
    """Relocations that cannot be right."""
    if reach.faults:
        from wild.faults import describe
        from wild.kernels.pool import KernelFault

        raise LinkError(*(describe(inputs, KernelFault(*fault)) for fault in reach.faults))


def check_unchanged(pool: Pool, inputs: Inputs) -> None:
    """Inputs must be what they were when the link began."""
    changed = inputs.changed(pool)
    if changed:
        raise LinkError(*(f"{path}: changed while it was being linked; link again" for path in changed))
