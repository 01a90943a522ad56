"""Is the output of a link what a configuration of a program test expects?

Each check returns sentences about what is wrong; none if all is as expected. They hold for every linker, so the
references are checked as well, which finds expectations that are mistaken.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import elf
from directives import Config, Expected, Pair
from linking import LANGUAGE_OF_LINKER, RUN_TIMEOUT, Output

SUCCESS = 42
Report = Iterator[str]
SEGMENTS = {
    "PT_LOAD": elf.PT_LOAD, "PT_DYNAMIC": elf.PT_DYNAMIC, "PT_INTERP": elf.PT_INTERP, "PT_NOTE": elf.PT_NOTE,
    "PT_PHDR": elf.PT_PHDR, "PT_TLS": elf.PT_TLS, "PT_GNU_EH_FRAME": elf.PT_GNU_EH_FRAME,
    "PT_GNU_STACK": elf.PT_GNU_STACK, "PT_GNU_RELRO": elf.PT_GNU_RELRO,
    "PT_GNU_PROPERTY": elf.PT_GNU_PROPERTY,
}  # fmt: skip
SECTION_TYPES = {
    1: "progbits", 2: "symtab", 3: "strtab", 4: "rela", 5: "hash", 6: "dynamic", 7: "note", 8: "nobits",
    11: "dynsym", 14: "init_array", 15: "fini_array", 16: "preinit_array", 19: "relr", 0x6FFFFFF6: "gnu_hash",
    0x6FFFFFFD: "verdef", 0x6FFFFFFE: "verneed", 0x6FFFFFFF: "versym", 0x70000001: "x86_64_unwind",
}  # fmt: skip
SECTION_FLAGS = {"W": 1, "A": 2, "X": 4, "M": 16, "S": 32, "I": 64, "L": 128, "G": 512, "T": 1024, "C": 2048}


def number(text: str) -> int:
    return int(text, 0)


# --- symbols -------------------------------------------------------------------------------------------------


def symbols(file: Output, config: Config) -> Report:
    tables = {"ExpectSym": file.symbol_list, "ExpectDynSym": file.dynamic_symbol_list[1:]}
    for directive, table in tables.items():
        for wanted in config[directive]:
            found = next((symbol for symbol in table if symbol.name == wanted.name), None)
            if found is None:
                yield f"{directive}:{wanted.name}: there is no such symbol"
            else:
                yield from (
                    f"{directive}:{wanted.name}: {text}" for text in symbol_differences(file, found, wanted)
                )
    static, dynamic = {one.name for one in file.symbol_list}, set(file.dynamic_symbols)
    for name in config["NoSym"]:
        if name in static | dynamic:
            yield f"NoSym:{name}: it is there"
    for name in config["NoDynSym"]:
        if name in dynamic:
            yield f"NoDynSym:{name}: it is there"


def symbol_differences(file: Output, found: elf.Symbol, wanted: Expected) -> Report:
    section = file.sections.get(found.section)
    actual: dict[str, object] = {
        "section": found.section,
        "address": found.value,
        "size": found.size,
        "binding": found.binding.lower(),
        "type": found.type.lower(),
        "visibility": found.visibility.lower(),
        "offset-in-section": found.value - section.address if section else None,
    }
    yield from property_differences(actual, wanted)


def property_differences(actual: dict[str, object], wanted: Expected) -> Report:
    for key, value in wanted.properties:
        have = actual[key]
        same = have == number(value) if isinstance(have, int) else have == value
        if not same:
            shown = hex(have) if isinstance(have, int) else have
            yield f"{key} is {shown}, not {value}"


# --- sections, segments, relocations ------------------------------------------------------------------------


def flags_text(flags: int) -> str:
    return "".join(letter for letter, bit in SECTION_FLAGS.items() if flags & bit)


def sections(file: Output, config: Config) -> Report:
    for wanted in config["ExpectSection"]:
        found = file.sections.get(wanted.name)
        if found is None:
            yield f"ExpectSection:{wanted.name}: there is none"
            continue
        actual: dict[str, object] = {
            "type": SECTION_TYPES.get(found.type, hex(found.type)),
            "flags": flags_text(found.flags),
            "align": found.alignment,
            "size": found.size,
            "entsize": found.entry_size,
            "address": found.address,
            "count": sum(section.name == wanted.name for section in file.section_list),
        }
        yield from (f"ExpectSection:{wanted.name}: {text}" for text in property_differences(actual, wanted))
    for name in config["NoSection"]:
        if name in file.sections:
            yield f"NoSection:{name}: it is there"
    for wanted in config["ExpectSectionBytes"]:
        have = file.contents(wanted.first) if wanted.first in file.sections else None
        if have != bytes.fromhex(wanted.second):
            yield f"ExpectSectionBytes:{wanted.first}: {'none' if have is None else have.hex()}"


def segments(file: Output, config: Config) -> Report:
    for wanted in config["ExpectSegment"]:
        found = file.segments_of(SEGMENTS[wanted.name])
        candidates = [segment_properties(one, len(found)) for one in found]
        if not any(not list(property_differences(one, wanted)) for one in candidates):
            yield f"ExpectSegment:{wanted.name}: no segment is like that; there are {candidates}"
    for name in config["NoSegment"]:
        if file.segments_of(SEGMENTS[name]):
            yield f"NoSegment:{name}: it is there"
    wanted_alignment = config["ExpectLoadAlignment"]
    if wanted_alignment is not None and file.segments_of(elf.PT_LOAD)[0].alignment != wanted_alignment:
        yield f"ExpectLoadAlignment: it is {file.segments_of(elf.PT_LOAD)[0].alignment:#x}"


def segment_properties(segment: elf.Segment, count: int) -> dict[str, object]:
    return {
        "flags": "".join(letter for letter, bit in (("R", 4), ("W", 2), ("X", 1)) if segment.flags & bit),
        "align": segment.alignment,
        "file-size": segment.file_size,
        "size": segment.size,
        "address": segment.address,
        "count": count,
    }


def relocations(file: Output, config: Config) -> Report:
    for wanted in config["ExpectRelocation"]:
        if not wanted_relocations(file, wanted, dict(wanted.properties).get("count")):
            yield f"ExpectRelocation:{wanted}: the relocations are {file.relocations}"
    for wanted in config["NoRelocation"]:
        if wanted_relocations(file, wanted, None):
            yield f"NoRelocation:{wanted}: the relocations are {file.relocations}"


def wanted_relocations(file: Output, wanted: Expected, count: str | None) -> bool:
    """Is there a dynamic relocation of that type (against that symbol); or just so many?"""
    symbol = dict(wanted.properties).get("symbol")
    found = [row for row in file.relocations if row.type == wanted.name and symbol in (None, row.symbol)]
    return len(found) == number(count) if count is not None else bool(found)


# --- dynamic section, contents -------------------------------------------------------------------------------


def dynamic(file: Output, config: Config) -> Report:
    have = {f"DT_{tag}" for tag, _ in file.dynamic}
    for wanted in config["ExpectDynamic"]:
        tag, given, value = wanted.partition("=")
        if tag not in have:
            yield f"ExpectDynamic:{wanted}: there are {sorted(have)}"
        elif given and value not in dynamic_values(file, tag.removeprefix("DT_")):
            yield f"ExpectDynamic:{wanted}: it is {dynamic_values(file, tag.removeprefix('DT_'))}"
    for tag in config["NoDynamic"]:
        if tag in have:
            yield f"NoDynamic:{tag}: it is there"
    if config["Mode"] == "dynamic" and config["LinkerDriver"] == "none" and ".dynsym" not in file.sections:
        yield "Mode:dynamic: there is no .dynsym"


def dynamic_values(file: Output, tag: str) -> list[str]:
    """Values of a dynamic tag: texts, of paths the last part; numbers in hexadecimal."""
    if tag in elf.STRING_TAGS:
        texts = file.tag_strings(tag)
        return [text.rpartition("/")[2] if tag in ("NEEDED", "SONAME") else text for text in texts]
    return [hex(value) for value in file.tag(tag)]


def contents(file: Output, config: Config) -> Report:
    for text in config["Contains"]:
        if text.encode() not in file.data:
            yield f"Contains:{text}: not in the file"
    for text in config["DoesNotContain"]:
        if text.encode() in file.data:
            yield f"DoesNotContain:{text}: it is in the file"
    comment = file.contents(".comment") if ".comment" in file.sections else None
    if comment and not comment.endswith(b"\0"):
        yield ".comment does not end in a null"
    have = (comment or b"").decode(errors="replace").split("\0")
    for text in config["ExpectComment"]:
        if not any(one.startswith(text[:-1]) if text.endswith("*") else one == text for one in have):
            yield f"ExpectComment:{text}: .comment has {have}"


def code(file: Output, config: Config) -> Report:
    """What objdump and readelf print."""
    for wanted, found in texts_of(config["ExpectCode"], file.disassembly):
        if not re.search(wanted.second, found, re.M):
            yield f"ExpectCode:{wanted.first}:{wanted.second}: it is\n{found}"
    for wanted, found in texts_of(config["NoCode"], file.disassembly):
        if re.search(wanted.second, found, re.M):
            yield f"NoCode:{wanted.first}:{wanted.second}: it is\n{found}"
    for wanted, found in texts_of(config["ExpectReadelf"], file.readelf):
        if not re.search(wanted.second, found, re.M):
            yield f"ExpectReadelf:{wanted.first}:{wanted.second}: it is\n{found}"
    for wanted, found in texts_of(config["NoReadelf"], file.readelf):
        if re.search(wanted.second, found, re.M):
            yield f"NoReadelf:{wanted.first}:{wanted.second}: it is\n{found}"


def texts_of(pairs: object, ask: Callable[[str], str]) -> Iterator[tuple[Pair, str]]:
    return ((pair, ask(pair.first)) for pair in pairs)


def thunks(file: Output, config: Config) -> Report:
    """Range extension thunks have symbols of their own; x86-64 needs none."""
    found = [symbol.name for symbol in file.symbol_list if "thunk" in symbol.name.lower().split("$")]
    if len(found) > config["MaxThunks"]:
        yield f"MaxThunks: there are {found}"


CHECKS = (symbols, sections, segments, relocations, dynamic, contents, code, thunks)


def output_faults(file: Output, config: Config) -> list[str]:
    return [sentence for check in CHECKS for sentence in check(file, config)]


def file_faults(folder: Path, config: Config) -> Report:
    """`AssertOutputFileMatches`: other files that a link made."""
    for wanted in config["AssertOutputFileMatches"]:
        path = folder / wanted.first
        if not path.is_file():
            yield f"AssertOutputFileMatches:{wanted.first}: there is no such file"
        elif not re.search(wanted.second, path.read_text(errors="replace"), re.M):
            yield f"AssertOutputFileMatches:{wanted.first}:{wanted.second}: it is\n{path.read_text()[:4000]}"


# --- running -------------------------------------------------------------------------------------------------

CALL = "import ctypes, sys; sys.exit(ctypes.CDLL(sys.argv[1])[sys.argv[2]]())"


def run_faults(file: Output, config: Config) -> Report:
    """Run the output, or a function of it; the exit status that means success is 42."""
    if not config["RunEnabled"]:
        return
    command = [str(file.path)]
    if config["RunDynSym"] is not None:
        command = [sys.executable, "-c", CALL, *command, config["RunDynSym"]]
    try:
        done = subprocess.run(
            command,
            cwd=file.path.parent,
            env={**LANGUAGE_OF_LINKER, "LD_LIBRARY_PATH": str(file.path.parent)},
            capture_output=True,
            text=True,
            errors="replace",
            timeout=RUN_TIMEOUT,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        yield f"{file.path} does not run: {error}"
        return
    if done.returncode != SUCCESS:
        yield f"{file.path} ended with {done.returncode}, not {SUCCESS}\n{done.stdout}{done.stderr}"
    for pattern in config["ExpectStdout"]:
        if not re.search(pattern, done.stdout, re.M):
            yield f"ExpectStdout:{pattern}: it printed\n{done.stdout}"
