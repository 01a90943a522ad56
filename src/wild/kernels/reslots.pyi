from wild.kernels.graft import Graft

def fill_new_slots(
    graft: Graft, relative: tuple[int, int], symbolic: tuple[int, int], got_offset: int
) -> tuple[int, int]: ...
