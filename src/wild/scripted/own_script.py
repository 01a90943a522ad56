"""The default layout as a script that other scripts add to: that of --verbose, and debug information by name.

Without a script, sections that are not loaded need no rule; --orphan-handling asks which have one.
"""

from __future__ import annotations

from wild.default_script import script_text
from wild.script import parse_script

TYPE_CHECKING = False
if TYPE_CHECKING:
    from wild.options import Options
    from wild.scripted.tree import LayoutScript

NAME = "the linker's own script"
DEBUG = (
    "aranges pubnames pubtypes info abbrev line line_str frame str str_offsets loc loclists ranges rnglists addr macro"
    " macinfo types names weaknames funcnames typenames varnames cu_index tu_index sup gnu_pubnames gnu_pubtypes"
).split()


def own_script(options: Options) -> LayoutScript:
    """The script for a kind of output."""
    lines = [script_text(options).removesuffix("}"), "/DISCARD/ : { *(.gnu.warning .gnu.warning.*) }"]
    lines += [f".debug_{name} 0 : {{ *(.debug_{name}) }}" for name in DEBUG]
    layout = parse_script("\n".join([*lines, "}"]), NAME).layout
    assert layout is not None
    return layout
