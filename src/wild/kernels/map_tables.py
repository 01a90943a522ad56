"""What a map is made from: the tables of a link whose addresses are final, or those of a partial link."""

import cython
from cython.cimports.wild.kernels.measure import Layout


@cython.final
@cython.cclass
class MapTables:
    """Read by the kernels that write maps; `tables_of_link` and PartialLink.map_tables make it."""


def tables_of_link(layout: Layout):
    """Of an ordinary link; addresses must be final."""
    tables: MapTables = MapTables()
    tables.view = layout.view
    tables.resolution = layout.resolution
    tables.inputs = layout.inputs
    tables.owner = layout
    return tables
