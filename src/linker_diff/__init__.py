"""linker-diff: compares linked ELF files by meaning. `from linker_diff.compare import compare` is the API."""
