from wild.kernels.graft import Graft

def number_relocations(
    graft: Graft, relative: tuple[int, int], symbolic: tuple[int, int]
) -> tuple[int, int, list[tuple[bool, int, int]]]: ...
