"""What the changed objects alone do not tell: warnings about other objects, libraries that only dropped code uses,
sections that code walks over.

A full link repeats its warnings, whatever has changed.  Those of the initial link are kept as texts, so an update can
repeat them too, as long as no changed object is spoken of in one, or mentions a name that there is a warning about.
"""

from __future__ import annotations

from wild.errors import CannotUpdate
from wild.kernels import still_used
from wild.own_symbols import encode
from wild.roots import bounds_of, is_identifier

TYPE_CHECKING = False
if TYPE_CHECKING:
    from wild.incremental.update import Update


def repeat_warnings(update: Update) -> None:
    """Let the session warn as the initial link did; raises CannotUpdate where a full link may warn otherwise.

    When the names of the changed objects are known."""
    control, graft = update.control, update.graft
    texts: list[str] = control["warnings"]
    names = [name for name in update.session.changed if name]
    if any(name in text for text in texts for name in names) or (texts and len(names) < graft.count):
        raise CannotUpdate("E18", "an object changed that a warning is about")
    if any(graft.mentions(hash, length) for hash, length in control["warned"]):
        raise CannotUpdate("E18", "an object changed that mentions a name with a warning")
    update.session.warn_again = texts


def check_bounds(update: Update) -> None:
    """Tell which parts code may walk over, from `__start_` to `__stop_`; raises CannotUpdate for a new one."""
    graft, bounded = update.graft, update.output["bounded"]
    for number, (section, _, _, grows) in enumerate(update.control["parts"]):
        name = encode(section)
        if section in bounded:
            graft.walked.add(number)
        elif not grows and is_identifier(name) and any(map(update.names.find, bounds_of(name))):
            raise CannotUpdate("E2", f"the ends of {section} are asked for for the first time")


def check_libraries(update: Update) -> None:
    """With --gc-sections, every library after --as-needed must still be used; raises CannotUpdate.  After the scan."""
    control, graft = update.control, update.graft
    optional: list[int] = control["optional"]
    optional = control["optional"] = sorted({*optional, *graft.libraries_added})
    ways: dict[int, list[int]] = control["ways"]
    unknown = [
        file
        for file in optional
        if file not in ways or not still_used.holds(graft, update.paths, update.maps, ways[file], file)
    ]
    if unknown:
        found = still_used.find_ways(graft, update.paths, update.maps, unknown)
        if len(found) < len(unknown):
            raise CannotUpdate("E7", "a library after --as-needed may not be used any more")
        control["ways"] = {**ways, **found}
