"""--dependent-libraries: what objects ask for takes part in the link (clang's `#pragma comment(lib, "name")`).

As in lld, and by default as there: a name is that of a file, or of a file in a directory that -l searches, or what -l
would find.  Libraries come behind all other inputs.  An archive member that is not linked asks for nothing, but whether
it is linked is known only when the symbols of all libraries are; so what such a member asks for is opened, recorded as
needed only if it is used, and missed only once the member turns out to take part.
"""

from __future__ import annotations

from wild.errors import LinkError
from wild.inputs import is_file
from wild.kernels.dependent_libraries import asked_libraries, is_live
from wild.option_effects import IN_AS_NEEDED

TYPE_CHECKING = False
if TYPE_CHECKING:
    from wild.inputs import InputSet
    from wild.kernels.files import Inputs
    from wild.own_symbols import OwnSymbols


def add_libraries(sources: InputSet, own: OwnSymbols) -> None:
    """Add the libraries, and those that their members ask for; raises LinkError for one that is missing."""
    inputs, options = sources.inputs, sources.options
    known = set(inputs.paths)
    while True:
        paths: dict[str, int] = {}
        named_unfound: list[tuple[int, str]] = []
        sources.unfound = []
        for file, lazy, raw in asked_libraries(inputs):
            name = raw.decode("utf-8", "surrogateescape")
            path = find(sources, name)
            if path is None:
                (sources.unfound if lazy else named_unfound).append((file, name))
            elif path not in known:
                paths[path] = min(paths.get(path, IN_AS_NEEDED), IN_AS_NEEDED if lazy else 0)
        refuse_unfound(inputs, named_unfound)
        if not paths:
            return
        options.incremental = False  # an edit may ask for other libraries
        known.update(paths)
        maps, flags = sources.open_paths(list(paths), list(paths.values()), 0)
        sources.maps += maps
        sources.flags += flags
        inputs.arrange(sources.pool, sources.maps, sources.flags)
        inputs.set_internal(*own.table())
        inputs.read_headers(sources.pool)


def find(sources: InputSet, name: str) -> str | None:
    """The file that a name stands for."""
    for directory in ("", *sources.directories):
        path = f"{directory}/{name}" if directory else name
        if is_file(path):
            return path
    return sources.find_library(name, sources.options.static)


def refuse_unfound(inputs: Inputs, unfound: list[tuple[int, str]]) -> None:
    """Raise LinkError if files that take part ask for libraries that there are not."""
    if unfound:
        raise LinkError(
            *(
                f"{inputs.file_name(file)}: cannot find the library {name}, which the file asks for (.deplibs)"
                "; add its directory with -L, or use --no-dependent-libraries"
                for file, name in unfound
            )
        )


def check_libraries(inputs: Inputs, unfound: list[tuple[int, str]]) -> None:
    """The same once it is known which files take part."""
    refuse_unfound(inputs, [(file, name) for file, name in unfound if is_live(inputs, file)])
