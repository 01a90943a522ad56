"""`python -m wild`: the command, for callers who choose the interpreter themselves."""

import sys

from wild.cli import main

if __name__ == "__main__":
    main(["wild", *sys.argv[1:]])
