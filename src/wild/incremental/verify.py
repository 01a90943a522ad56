"""--verify-incremental: every update is compared with a full link of the same inputs before anybody sees it.

The full link is done aside, from the arguments as they were given, by an interpreter of its own: so the two share
nothing but the inputs.  linker-diff compares by meaning, which takes longer than a full link.  If they differ, the
output stays what it was, both programs are kept in the state directory, and the next link is a full one.
"""

from __future__ import annotations

import os
import subprocess
import sys

from wild.errors import InternalError
from wild.incremental.control import remove
from wild.incremental.request import REPORTS
from wild.reference import differences
from wild.rewrite import WRITTEN, rewritten

TYPE_CHECKING = False
if TYPE_CHECKING:
    from wild.incremental.session import Session

LAUNCHER = f"{os.path.dirname(os.path.dirname(os.path.abspath(__file__)))}/launch.py"
ASKED = (b"WILD_INCREMENTAL", b"WILD_VERIFY_INCREMENTAL", *REPORTS)
# What an update leaves behind on purpose, as patterns of linker-diff's keys.
ACCEPTED = (
    "rel.repeated.*",  # numbers of relative relocations that are free, which DT_RELACOUNT counts
    ".dynamic.DT_RELACOUNT",
    "dynsym.extra.*",  # imports that nothing uses any more, and what comes with them
    "dynsym.weak.*",
    "rel.slot.*",
    "rel.weak.*",
    "rel.copy.*",
    "symbol.extra.*",  # functions that nothing uses any more, as those of archive members
    "symbol.local.extra.*",
    "section.*.extra",  # which has nothing but those, what fills holes, or room without entries (.plt, .got)
    "note.stapsdt.extra",  # probes in such functions
    "asm.frame_dummy",  # of crtbeginT.o: names the first record of .eh_frame, which may be another
    "asm.__do_global_dtors_aux",
    "version.needed.*",  # versions of symbols are compared with the symbols
    "version.weak.*",  # of what only an unused import needs strongly
    "header.osabi",  # that of objects that were there before
    "section.*.entsize",
    ".comment",  # has the compilers of earlier versions, too
    "segment.TLS.alignment",  # enough for variables that need more than those that there are
    "segment.TLS.extra",  # of variables that are gone
    # New entries of the PLT jump through .got, and those that nothing uses any more are there.
    "section.rela.plt.missing",
    *(f".dynamic.DT_{tag}.*" for tag in ("JMPREL", "PLTREL", "PLTRELSZ")),
    *(
        f"section.debug_{name}.missing" for name in ("aranges", "names", "pub*", "gnu_pub*")
    ),  # they have no gaps
    "debug.extra.*",  # of members that nothing uses any more, and what fills holes (fillers.py)
    "section.*.alignment",  # what the initial link needed; a section that needs more has it by its address
)


def verify(session: Session, image: str) -> None:
    """Compare an image with a full link; raises InternalError, and logs it, if they differ or there is no full one."""
    full = f"{session.directory}/verify.full"
    try:
        found = link_aside(session.arguments, full) or differences(
            full, image, "full,update", ["--ignore", ",".join(ACCEPTED)]
        )
    except BaseException:
        remove(full)
        raise
    session.lap("verify")
    if not found:
        remove(full)
        return
    kept = f"{session.directory}/verify.update"
    remove(kept)
    os.link(image, kept)
    remove(f"{session.directory}/control")
    session.reason = ("V1", "the update differs from a full link")
    session.log("wrong")
    raise InternalError(
        f"{session.output}: the update differs from a full link; compare {full} {kept}\n{found}"
    )


def link_aside(arguments: list[str], output: str) -> str:
    """Link in full to another output; returns the messages if that fails."""

    def moved(first: str, value: str, words: list[str]) -> str | None:
        dropped = first in WRITTEN or "incremental" in first or first in ("output", "update-in-place")
        return None if dropped else value

    words = [*rewritten(arguments, str, moved), "--no-incremental", "-o", output]
    environment = {name: value for name, value in os.environb.items() if name not in ASKED}
    done = subprocess.run(
        [sys.executable, "-ISXutf8", LAUNCHER, "ld", *words],
        env=environment, capture_output=True, text=True, errors="replace", check=False,
    )  # fmt: skip
    return f"the full link fails:\n{done.stderr.strip()}" if done.returncode else ""
