from wild.kernels.pool import Pool
from wild.kernels.views import Views

class NoteTable:
    properties: list[tuple[int, int, int]]
    stack_missing: list[int]
    stack_executable: list[int]
    def __init__(self, pool: Pool, views: Views) -> None: ...
    def files_without(self, feature_1: int, limit: int) -> list[int]: ...
