"""Holes that updates leave in tables of the output: lists of (first unit, number of units), to be used again."""


def add_hole(holes: list, first: int, length: int) -> tuple:
    """Enter a hole, joined with those beside it; returns it."""
    for start, size in list(holes):
        if start + size == first or first + length == start:
            holes.remove((start, size))
            first, length = min(first, start), length + size
    holes.append((first, length))
    return first, length
