"""--error-handling-script: a program of the distribution that knows which package has what is missing.

It is called as GNU ld calls it (manual, "Options"): with `undefined-symbol` or `missing-lib`, and the name.
"""

from __future__ import annotations

import subprocess

TYPE_CHECKING = False
if TYPE_CHECKING:
    from wild.messages import Messages


def call_script(script: str, kind: str, name: str, messages: Messages) -> None:
    """Run the script; what it prints goes to this command's own streams.  That it fails is only a warning."""
    try:
        status = subprocess.run([script, kind, name], check=False).returncode
    except OSError as error:
        messages.warn(f"{script}: cannot run --error-handling-script: {error.strerror}")
        return
    if status:
        messages.warn(f"{script}: --error-handling-script ended with status {status} for {kind} {name}")
