"""Starts the linker when the launcher ran `python -IS …/wild/launch.py NAME-AS-INVOKED ARGUMENT…`."""

import sys

sys.path.insert(0, __file__.removesuffix("/wild/launch.py"))

from wild.cli import main  # noqa: E402 - the line above makes it findable

main(sys.argv[1:])
