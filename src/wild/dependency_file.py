"""--dependency-file: a make rule that says on which files the output depends.

As from a compiler's -MD, with an empty rule for each input, so that make does not stop when one is deleted.
"""

from __future__ import annotations

from wild.errors import LinkError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from wild.kernels.files import Inputs
    from wild.options import Options


def write_dependencies(path: str, inputs: Inputs, included: list[str], options: Options) -> None:
    """Write the rule to `path`; raises LinkError.  `included` are the files that linker scripts include."""
    try:
        with open(path, "wb") as file:
            file.write(rule_text(inputs, included, options))
    except OSError as error:
        raise LinkError(f"{path}: cannot write the dependencies: {error.strerror}") from None


def rule_text(inputs: Inputs, included: list[str], options: Options) -> bytes:
    """The rule for the output, and an empty one for each file that it was made of."""
    files = [*inputs.lasting_paths(), *included, *options.version_scripts, *options.dynamic_lists]
    files += options.export_dynamic_symbol_lists
    single = (
        options.retain_symbols_file, options.symbol_ordering_file, options.section_ordering_file,
        options.call_graph_ordering_file,
    )  # fmt: skip
    files += [file for file in single if file]
    names = [escaped(file) for file in dict.fromkeys(files)]
    target = escaped(options.output).replace("%", "\\%")  # only in targets has it a meaning
    rule = " \\\n  ".join([f"{target}:", *names])
    text = rule + "\n" + "".join(f"\n{name}:\n" for name in names)
    return text.encode("utf-8", "surrogateescape")


def escaped(path: str) -> str:
    """A file name as GNU make reads it; backslashes count only before what they escape ("Rule Syntax")."""
    text = ""
    for index, character in enumerate(path):
        if character in " \t":
            behind = path[:index]
            text += "\\" * (len(behind) - len(behind.rstrip("\\")) + 1)
        elif character in "#:":
            text += "\\"
        elif character == "$":
            text += "$"
        text += character
    return text
