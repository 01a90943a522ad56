from wild.kernels.graft import Graft
from wild.kernels.merge import MergeTable

def merge_pieces(graft: Graft, merged: MergeTable) -> None: ...
