"""`python -m linker_diff`."""

from linker_diff.cli import main

main()
