"""The default layout as a linker script, for --verbose, and for scripts that add to it (wild.scripted.own_script).

Scripts are often begun as a copy of what `ld --verbose` prints, and configure scripts look in it for SEARCH_DIR.
Other links do not read it: the text is made from the tables of `wild.output_sections` that links are made by,
so that `-T` with a copy of it lays out what a link without it does.  Sections that the tables do not name are
placed behind those of their kind in both.
"""

from __future__ import annotations

from wild.machine.x86_64 import IMAGE_BASE
from wild.options import DEFAULT_LIBRARY_PATHS
from wild.output_sections import (
    CODE,
    DATA,
    DOTTED,
    DROP,
    HEADERS,
    LARGE_DATA,
    LARGE_READ_ONLY,
    ORDER,
    PREFIX,
    READ_ONLY,
    RELRO,
    ROOT,
    RULES,
    TEXT_PREFIXES,
    UNLOADED,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from wild.options import Options

RULE = "=" * 50
PAGE = "CONSTANT (MAXPAGESIZE)"
SAME_IN_PAGE = f"  . = ALIGN ({PAGE}) + (. & ({PAGE} - 1));"
ENDS = (
    "EXCLUDE_FILE (*crtbegin.o *crtbegin?.o *crtend.o *crtend?.o)"  # whose .ctors and .dtors are only marks
)
# What stands before the sections of a kind of memory, and behind them.
BEFORE = {
    HEADERS: [
        '  PROVIDE (__executable_start = SEGMENT_START ("text-segment", {base:#x}));',
        '  . = SEGMENT_START ("text-segment", {base:#x}) + SIZEOF_HEADERS;',
    ],
    READ_ONLY: ['  . = SEGMENT_START ("rodata-segment", .);'],
    CODE: [f"  . = ALIGN ({PAGE});"],
    RELRO: [
        "  PROVIDE (__etext = .); PROVIDE (_etext = .); PROVIDE (etext = .);",
        f"  . = DATA_SEGMENT_ALIGN ({PAGE}, CONSTANT (COMMONPAGESIZE));",
    ],
    DATA: ["  . = DATA_SEGMENT_RELRO_END (0, .);"],
    LARGE_READ_ONLY: [f'  . = SEGMENT_START ("ldata-segment", ALIGN ({PAGE}) + (. & ({PAGE} - 1)));'],
    LARGE_DATA: [SAME_IN_PAGE],
}
BSS_BOUND = ["  PROVIDE (_edata = .); PROVIDE (edata = .);", "  PROVIDE (__bss_start = .);"]
END = ["  PROVIDE (_end = .); PROVIDE (end = .);", "  . = DATA_SEGMENT_END (.);"]
# What the start-up code of static programs relocates: it has the bounds from no dynamic section.
IRELATIVE = [
    "  .rela.plt :",
    "  {",
    "    PROVIDE_HIDDEN (__rela_iplt_start = .);",
    "    *(.rela.plt .rela.iplt)",
    "    PROVIDE_HIDDEN (__rela_iplt_end = .);",
    "  }",
]
LONE_PATTERNS = {".bss": "COMMON", ".lbss": "LARGE_COMMON", ".tbss": ".tcommon"}


def verbose_text(options: Options) -> str:
    """What --verbose tells of the layout: the script in force, as GNU ld frames it; raises OSError."""
    if options.scripts:
        from wild.inputs import find_script

        texts = []
        for script in options.scripts:
            with open(find_script(script, options), encoding="utf-8", errors="surrogateescape") as file:
                texts.append(file.read().rstrip("\n"))
        return "\n".join(["using external linker script:", RULE, *texts, RULE])
    return "\n".join(["using internal linker script:", RULE, script_text(options), RULE])


def script_text(options: Options) -> str:
    """The script that lays out what the default rules do, for the kind of output that is asked for."""
    search = " ".join(f'SEARCH_DIR ("={path}");' for path in DEFAULT_LIBRARY_PATHS)
    lines = ['OUTPUT_FORMAT ("elf64-x86-64")', "OUTPUT_ARCH (i386:x86-64)", "ENTRY (_start)", search]
    lines += ["SECTIONS", "{"]
    base = IMAGE_BASE if options.kind == "exec" else 0
    for kind in range(HEADERS, UNLOADED):
        lines += [line.format(base=base) for line in BEFORE[kind]]
        placed = sorted((place, name) for name, (its_kind, place) in ORDER.items() if its_kind == kind)
        for name in (each for _, each in placed if each not in TEXT_PREFIXES):
            lines += BSS_BOUND if name == ".bss" else []
            lines += IRELATIVE if name == ".rela.plt" and base else output_section(name)
            lines += END if name == ".bss" else []
    lines += ["  .comment 0 : { *(.comment) }", "  /DISCARD/ : { *(.note.GNU-stack) *(.gnu_debuglink) }", "}"]
    return "\n".join(lines)


def output_section(name: str) -> list[str]:
    """The statement for one output section."""
    if name.endswith("_array"):
        return array_section(name)
    ranks: dict[int, list[str]] = {}
    kept = False
    for pattern, fit, section, rank, flags in RULES:
        if section == name and not flags & DROP:
            ranks.setdefault(rank, []).append(patterns_of(pattern.decode(), fit))
            kept = kept or bool(flags & ROOT)
    members = [f"*({' '.join(ranks[rank])})" for rank in sorted(ranks)] or [f"*({name})"]
    if kept or name == ".eh_frame":
        members = [f"KEEP ({member})" for member in members]
    if name in LONE_PATTERNS:
        members.append(f"*({LONE_PATTERNS[name]})")
    if len(members) == 1:
        return [f"  {name} : {{ {members[0]} }}"]
    return [f"  {name} :", "  {", *(f"    {member}" for member in members), "  }"]


def patterns_of(pattern: str, fit: int) -> str:
    if fit == PREFIX:
        return f"{pattern}*"
    return f"{pattern} {pattern}.*" if fit == DOTTED else pattern


def array_section(name: str) -> list[str]:
    """The functions that run at start or end, by priority, between the symbols that static programs look for."""
    old = {".init_array": ".ctors", ".fini_array": ".dtors"}.get(name)
    by_priority = f"SORT_BY_INIT_PRIORITY ({name}.*)" + (f" SORT_BY_INIT_PRIORITY ({old}.*)" if old else "")
    rest = f"{name} {ENDS} {old}" if old else name
    bound = f"__{name[1:]}"
    return [
        f"  {name} :",
        "  {",
        f"    PROVIDE_HIDDEN ({bound}_start = .);",
        f"    KEEP (*({by_priority}))",
        f"    KEEP (*({rest}))",
        f"    PROVIDE_HIDDEN ({bound}_end = .);",
        "  }",
    ]
