"""`wild log`: what the last links did, how long that took, and why a full link was one."""

from __future__ import annotations

import sys

from wild.incremental.journal import log_path

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

USAGE = """\
usage: wild log [--last[=N]] [--output PATH] [--json]
  --last[=N]      only the last link, or the last N
  --output PATH   only links of this output
  --json          lines of JSON, as they are in the log
"""


def run(arguments: list[str]) -> int:
    """Print the log of incremental links; returns the exit status."""
    last, output, raw = 0, "", False
    queue = iter(arguments)
    for argument in queue:
        if argument == "--json":
            raw = True
        elif argument == "--last":
            last = 1
        elif argument.startswith("--last=") and argument[7:].isdigit():
            last = int(argument[7:])
        elif argument.startswith("--output"):
            output = argument[9:] or next(queue, "")
        else:
            stream = sys.stdout if argument in ("--help", "-h") else sys.stderr
            stream.write(USAGE)
            return 0 if stream is sys.stdout else 1
    lines = read_log(output)
    for line, fields in lines[-last:]:
        print(line if raw else describe(fields))
    return 0


def read_log(output: str) -> list[tuple[str, dict[str, Any]]]:
    """Lines and what they say, oldest first; lines that were not written in full are left out."""
    import json
    from os.path import abspath

    path = log_path()
    found = []
    for name in (f"{path}.old", path):
        try:
            with open(name, encoding="utf-8", errors="surrogateescape") as file:
                lines = file.read().splitlines()
        except OSError:
            continue
        for line in lines:
            try:
                fields = json.loads(line)
            except ValueError:
                continue
            if not output or fields.get("output") == abspath(output):
                found.append((line, fields))
    return found


def describe(fields: dict[str, Any]) -> str:
    """One line for a reader."""
    import time

    when = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(fields["time"]))
    text = f"{when}  {fields['mode']:<9} {fields['ms']:8.1f} ms  {fields['output']}"
    if fields.get("changed"):
        text += "  " + ", ".join(fields["changed"])
    if fields.get("joined"):
        text += " with " + ", ".join(fields["joined"])
    if fields.get("reason"):
        text += f"  ({fields['code']}: {fields['reason']})"
    return text
