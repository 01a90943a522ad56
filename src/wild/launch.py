"""Starts the linker when a launcher ran `python -IS …/wild/launch.py NAME-AS-INVOKED ARGUMENT…`."""

import sys

package = __file__.rpartition("/")[0]
sys.path.insert(0, package.removesuffix("/wild") if package.endswith("/wild") else f"{package}/..")

from wild.cli import main  # noqa: E402 - the line above makes it findable

main(sys.argv[1:])
