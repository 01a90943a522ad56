"""What the linker prints, without what differs from machine to machine."""

from __future__ import annotations

import re

from linking import Link
from programs import CACHE


def said(text: str, link: Link) -> str:
    """Messages without directories and without what the compiler driver adds."""
    text = re.sub(rf"({re.escape(str(CACHE))}/\w+|{re.escape(str(link.directory))})/", "", text)
    return "".join(line for line in text.splitlines(True) if not line.startswith("collect2"))


def errors(link: Link, *args: object, **options: str) -> str:
    """The messages of a link that has to fail."""
    return said(link.fails(*args, **options), link)
