"""All layout scripts of a link as one (GNU ld's manual, -T, "INSERT", "Implicit Linker Scripts").

A script of -T with SECTIONS replaces the linker's own.  One whose SECTIONS are all moved by INSERT, and one that is
given as an input, add to it: the own script is written out for them (wild.scripted.own_script).  An input section goes
to the first pattern that fits it, where OVERWRITE_SECTIONS goes before everything, then the scripts of -T in their
order with what they insert, then the own script, then the scripts among the inputs.
"""

from __future__ import annotations

from wild.errors import LinkError
from wild.scripted.parts import DISCARD
from wild.scripted.tree import Input, LayoutScript, Output, SectionPattern

TYPE_CHECKING = False
if TYPE_CHECKING:
    from wild.options import Options
    from wild.scripted.tree import Insertion, Statement


def merge_scripts(scripts: list[LayoutScript], options: Options) -> LayoutScript:
    """All scripts as one, in order; raises LinkError."""
    asked = [script for script in scripts if not script.implicit]
    implicit = [script for script in scripts if script.implicit]
    if not any(script.sections for script in asked) and options.kind != "relocatable":
        from wild.scripted.own_script import own_script

        asked.append(own_script(options))
    whole = LayoutScript()
    for script in (*asked, *implicit):
        whole.statements += script.statements
        whole.matched += script.matched
        whole.overwritten += script.overwritten
        whole.regions |= script.regions
        whole.aliases |= script.aliases
        whole.insertions += script.insertions
        whole.cross += script.cross
        whole.sections += script.sections
        if script.headers is not None:
            whole.headers = (whole.headers or []) + script.headers
    for insertion in whole.insertions:
        insert(whole.statements, insertion)
    join_outputs(whole)
    overwrite(whole)
    if options.orphan_handling == "discard":
        whole.matched.append(everything_else())
    if options.wraps:
        from wild.scripted.symbols import rename_symbols
        from wild.wrap import other_names

        rename_symbols(whole, other_names(options))
    return whole


def insert(statements: list[Statement], insertion: Insertion) -> None:
    for index, statement in enumerate(statements):
        if isinstance(statement, Output) and statement.name == insertion.name:
            at = index + insertion.after
            statements[at:at] = insertion.statements
            return
    raise LinkError(f"{insertion.where}: there is no output section {insertion.name} to insert at")


def join_outputs(script: LayoutScript) -> None:
    """GNU ld enters an output section once: what a later statement of the same name says is added to it."""
    first: dict[str, Output] = {}
    kept: list[Statement] = []
    joined = set()
    for statement in script.statements:
        if isinstance(statement, Output) and not statement.constraint and statement.name != DISCARD:
            earlier = first.setdefault(statement.name, statement)
            if earlier is not statement:
                earlier.statements += statement.statements
                earlier.fill = statement.fill or earlier.fill
                joined.add(id(statement))
                continue
        kept.append(statement)
    script.statements[:] = kept
    script.matched[:] = [output for output in script.matched if id(output) not in joined]


def overwrite(script: LayoutScript) -> None:
    """What OVERWRITE_SECTIONS describes stands where its name does, or else where an orphan would."""
    replaced = {output.name: output for output in script.overwritten}
    if not replaced:
        return
    script.matched[:] = [
        *replaced.values(),
        *(output for output in script.matched if output.name not in replaced),
    ]
    for index, statement in enumerate(script.statements):
        if isinstance(statement, Output) and statement.name in replaced:
            script.statements[index] = replaced.pop(statement.name)
    for output in replaced.values():
        output.floating = output.name != DISCARD
        script.statements.append(output)


def everything_else() -> Output:
    """--orphan-handling=discard: the last pattern takes what no other has taken."""
    output = Output(DISCARD, "--orphan-handling=discard")
    output.statements.append(Input((None, None), [SectionPattern(b"*", 0, ())]))
    output.floating = True
    return output
