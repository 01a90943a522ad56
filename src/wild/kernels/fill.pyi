from wild.kernels.measure import Layout

def fill_slots(
    layout: Layout, files: dict[str, int], ibt: bool, dynamic_address: int, has_got_plt: bool
) -> None: ...
