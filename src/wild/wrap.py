"""--wrap=SYMBOL: references to SYMBOL go to `__wrap_SYMBOL`, those to `__real_SYMBOL` to SYMBOL (GNU ld manual)."""

from __future__ import annotations

from wild.own_symbols import encode

TYPE_CHECKING = False
if TYPE_CHECKING:
    from wild.kernels.names import NameTable
    from wild.kernels.pool import Pool
    from wild.options import Options


def other_names(options: Options) -> dict[str, str]:
    """What references in expressions go to, as those of objects do."""
    names = {"__real_" + name: name for name in options.wraps}
    return names | {name: "__wrap_" + name for name in options.wraps}


def wrap_names(pool: Pool, options: Options, names: NameTable) -> None:
    """Let references bear the other name, before anything is resolved."""
    if options.wraps:
        from wild.kernels.wrapping import wrap

        wrap(names, pool, [encode(name) for name in options.wraps])
