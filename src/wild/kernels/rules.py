"""Output section rules: a section's kind and part by its name and flags.

The rules of wild/output_sections.py, or those of a linker script, are kept in a table that is indexed by the character
behind the first dot, so a name is compared with a few patterns only; of those that fit the first counts.  A pattern
that begins with a wildcard stands in several places of the table.  Mergeable sections with a rule become merged parts
of that output section.
"""

import cython
from cython.cimports.libc.stdint import uint8_t, uint16_t, uint32_t, uint64_t
from cython.cimports.libc.string import memcpy, memset, strcmp, strlen
from cython.cimports.wild.kernels.elf import *
from cython.cimports.wild.kernels.file_patterns import match_files
from cython.cimports.wild.kernels.files import Inputs
from cython.cimports.wild.kernels.glob import glob_match
from cython.cimports.wild.kernels.sections import *
from cython.cimports.wild.kernels.tables import *

DOT = cython.declare(cython.const[uint8_t], 46)
LARGEST_MERGED = cython.declare(cython.const[uint64_t], 0xFFFFFFF0)
NO_DOT = 256  # the bucket of names that do not begin with a dot


@cython.cfunc
def compile_rules(inputs: Inputs, read: cython.pointer[Read], rules):
    """Sort the rules, stably, by bucket.

    A rule is (text, how it fits, part, number, flags), or has behind that (files, flags the section has, flags it has
    not, sort, alignment), `files` being None or as in file_patterns.py.
    """
    arena = inputs.arena
    ordered = sorted([(b, i) for i, rule in enumerate(rules) for b in buckets_of(rule[0], rule[1])])
    offsets = []
    text = b""
    for rule in rules:
        offsets.append(len(text))
        text += rule[0]
    kept = cython.cast(cython.pointer[uint8_t], arena.array(len(text) + 1, 1))
    memcpy(kept, cython.cast(cython.p_char, text), len(text))
    read.rule_text = kept
    read.rules = cython.cast(cython.pointer[Rule], arena.array(len(ordered), cython.sizeof(Rule)))
    memset(read.rule_start, 0, cython.sizeof(uint32_t) * 258)
    specs: dict = {}
    i: cython.int = 0
    for bucket, number in ordered:
        fill_rule(cython.address(read.rules[i]), offsets[number], rules[number], specs)
        i += 1
        read.rule_start[cython.cast(uint32_t, bucket) + 1] = i
    for c in range(1, 258):
        read.rule_start[c] = max(read.rule_start[c], read.rule_start[c - 1])
    read.in_files = match_files(inputs, list(specs)) if specs else cython.NULL


@cython.cfunc
def fill_rule(row: cython.pointer[Rule], offset, rule, specs):
    """One row of the table; the files that it is about are numbered in `specs`."""
    memset(row, 0, cython.sizeof(Rule))
    name, how, part, group, flags = rule[:5]
    row.offset = offset
    row.length = len(name)
    row.how = how
    row.part = part
    row.group = group
    row.flags = flags
    if len(rule) == 5:
        return
    files, having, lacking, sort, align = rule[5:]
    row.files = 0 if files is None else specs.setdefault(files, len(specs)) + 1
    row.with_flags = having
    row.without_flags = lacking
    row.sort = sort
    row.subalign = align.bit_length()
    if files is not None or having or lacking:
        row.flags |= RULE_NARROW


def buckets_of(pattern: bytes, how: int):
    """The buckets of the names that a pattern may fit."""
    literal = pattern
    if how == 3:
        ends = [at for at in map(pattern.find, (b"*", b"?", b"[", b"\\")) if at >= 0]
        literal = pattern[: min(ends, default=len(pattern))]
    if not literal:
        return range(NO_DOT + 1)
    if literal[0] != 46:
        return range(NO_DOT, NO_DOT + 1)
    return range(literal[1], literal[1] + 1) if len(literal) > 1 else range(NO_DOT)


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def section_flags(shdr: cython.pointer[cython.const[Elf64_Shdr]]) -> uint16_t:
    flags: uint64_t = shdr.sh_flags
    found: uint16_t = 0
    if flags & SHF_ALLOC:
        found |= SEC_ALLOC
    if flags & SHF_WRITE:
        found |= SEC_WRITE
    if flags & SHF_EXECINSTR:
        found |= SEC_EXEC
    if flags & SHF_TLS:
        found |= SEC_TLS
    if flags & SHF_COMPRESSED:
        found |= SEC_COMPRESSED
    if flags & SHF_X86_64_LARGE:
        found |= SEC_LARGE
    if shdr.sh_type == SHT_NOBITS:
        found |= SEC_NOBITS
    if flags & SHF_MERGE:
        found |= SEC_MERGE
    if flags & SHF_LINK_ORDER and shdr.sh_link:
        found |= SEC_LINKED
    if flags & SHF_GNU_RETAIN:
        found |= SEC_ROOT | SEC_RETAIN
    if shdr.sh_type == SHT_NOTE and not flags & SHF_GROUP:
        found |= SEC_ROOT
    return found


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def place_section(
    read: cython.pointer[Read],
    file: uint32_t,
    sec: cython.pointer[SectionRow],
    shdr: cython.pointer[cython.const[Elf64_Shdr]],
    name: cython.pointer[cython.const[uint8_t]],
) -> cython.void:
    """Kind and part by name and flags; what a rule alone cannot place becomes unusual."""
    text = cython.cast(cython.p_const_char, name)
    rule: uint32_t = find_rule(read, file, shdr, name)
    if read.whole:
        keep_whole(read, sec, text, rule)
        return
    if rule != NONE and read.rules[rule].flags & RULE_DROP:
        return
    if not sec.flags & SEC_ALLOC:
        place_unloaded(read, sec, text)
        if read.scripted:
            sec.unused = rule
    elif begins(text, b".eh_frame"):
        sec.kind = SEC_EH_FRAME
        sec.flags |= SEC_LIVE
        sec.part = 0
        return
    else:
        sec.kind = SEC_PLAIN
        sec.flags |= read.live_flag
        sec.unused = rule
        if rule == NONE:
            sec.part = PART_UNUSUAL
        else:
            sec.part = read.rules[rule].part
            apply_rule(read, file, sec, cython.address(read.rules[rule]))
        if read.scripted and SHT_INIT_ARRAY <= shdr.sh_type <= SHT_PREINIT_ARRAY:
            sec.flags |= SEC_ROOT
    if shdr.sh_flags & SHF_MERGE and sec.kind == SEC_PLAIN and is_mergeable(sec, shdr):
        sec.kind = SEC_STRINGS if shdr.sh_flags & SHF_STRINGS else SEC_CONSTANTS
        sec.part = PART_UNUSUAL


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def apply_rule(
    read: cython.pointer[Read], file: uint32_t, sec: cython.pointer[SectionRow], rule: cython.pointer[Rule]
) -> cython.void:
    """What the rule's flags say about a section that it fits."""
    if rule.flags & (RULE_SORTED | RULE_LISTED):
        sec.part = PART_UNUSUAL
    if rule.flags & RULE_ROOT:
        sec.flags |= SEC_ROOT
    if rule.flags & RULE_REVERSED:
        read.files.row[file].has |= HAS_CTORS
    if rule.subalign:
        sec.align = cython.cast(uint8_t, rule.subalign - 1)


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def begins(text: cython.p_const_char, prefix: cython.p_const_char) -> cython.bint:
    """Most names differ in one of the first characters, which is known before strncmp would be called."""
    i: uint32_t = 0
    while prefix[i] and text[i] == prefix[i]:
        i += 1
    return prefix[i] == 0


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def is_debug(text: cython.p_const_char) -> cython.bint:
    return begins(text, b".debug_") or begins(text, b".stab") or begins(text, b".zdebug_")


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def is_debug_index(text: cython.p_const_char) -> cython.bint:
    """Lists by address or name of what .debug_info has, which debuggers make themselves where they are missing.  They
    have an entry for each function, and nothing can fill a hole in them."""
    return (
        strcmp(text, b".debug_aranges") == 0
        or strcmp(text, b".debug_names") == 0
        or begins(text, b".debug_pub")
        or begins(text, b".debug_gnu_pub")
    )


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def is_kept_whole(text: cython.p_const_char) -> cython.bint:
    """Sections that are found without being referred to: lists of functions, and those whose bounds C code can name."""
    if text[0] != DOT:
        return True
    return (
        begins(text, b".init")
        or begins(text, b".fini")
        or begins(text, b".preinit_array")
        or begins(text, b".ctors")
        or begins(text, b".dtors")
        or begins(text, b".jcr")
    )


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def keep_whole(
    read: cython.pointer[Read], sec: cython.pointer[SectionRow], text: cython.p_const_char, rule: uint32_t
) -> cython.void:
    """In a partial link every section is kept that no script discards (partial_sections.py), and `unused` has the
    number of the script's statement; only reach.py asks which is .eh_frame."""
    sec.unused = NONE
    if rule != NONE:
        if read.rules[rule].flags & RULE_DROP:
            return
        sec.unused = read.rules[rule].group
        if read.rules[rule].flags & RULE_ROOT:
            sec.flags |= SEC_ROOT
    if is_debug(text):
        sec.flags |= SEC_DEBUG
        if read.strip_debug:
            return
    sec.kind = SEC_PLAIN
    sec.flags |= read.live_flag if sec.flags & SEC_ALLOC else SEC_LIVE
    if is_kept_whole(text):
        sec.flags |= SEC_ROOT
    if sec.flags & SEC_ALLOC and begins(text, b".eh_frame"):
        sec.kind = SEC_EH_FRAME
        sec.flags |= SEC_LIVE


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def place_unloaded(
    read: cython.pointer[Read], sec: cython.pointer[SectionRow], text: cython.p_const_char
) -> cython.void:
    """Sections without SHF_ALLOC: debug info and comments go on; notes to the linker itself end here."""
    sec.unused = NONE
    if is_debug(text):
        sec.flags |= SEC_DEBUG
        if read.strip_debug or (read.changing and is_debug_index(text)):
            return
    elif (
        begins(text, b".note.GNU-stack")
        or begins(text, b".note.gnu.property")
        or begins(text, b".gnu.warning")
    ):
        return
    elif begins(text, b".gnu.lto_") or begins(text, b".llvmbc") or begins(text, b".llvmcmd"):
        return
    sec.kind = SEC_PLAIN
    sec.flags |= SEC_LIVE
    sec.part = PART_UNUSUAL


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def is_mergeable(
    sec: cython.pointer[SectionRow], shdr: cython.pointer[cython.const[Elf64_Shdr]]
) -> cython.bint:
    """Writable or odd-sized contents are kept as they are, as GNU ld keeps them."""
    entsize: uint64_t = shdr.sh_entsize
    if entsize == 0 or entsize > 4096 or sec.size == 0 or sec.size > LARGEST_MERGED or sec.size % entsize:
        return False
    if sec.flags & (SEC_WRITE | SEC_NOBITS | SEC_TLS):
        return False
    return not shdr.sh_flags & SHF_STRINGS or entsize == 1 or entsize == 2 or entsize == 4


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def find_rule(
    read: cython.pointer[Read],
    file: uint32_t,
    shdr: cython.pointer[cython.const[Elf64_Shdr]],
    name: cython.pointer[cython.const[uint8_t]],
) -> uint32_t:
    """The first rule that the section fits, or NONE."""
    bucket: uint32_t = name[1] if name[0] == DOT else 256
    i: uint32_t
    for i in range(read.rule_start[bucket], read.rule_start[bucket + 1]):
        rule = cython.address(read.rules[i])
        if name_fits(read, rule, name):
            if not rule.flags & RULE_NARROW or section_fits(read, file, shdr, rule):
                return i
    return NONE


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def name_fits(
    read: cython.pointer[Read], rule: cython.pointer[Rule], name: cython.pointer[cython.const[uint8_t]]
) -> cython.bint:
    pattern = read.rule_text + rule.offset
    length: uint16_t = rule.length
    i: uint32_t
    if rule.how == HOW_GLOB:
        size: uint64_t = strlen(cython.cast(cython.p_const_char, name))
        return glob_match(pattern, length, name, cython.cast(uint32_t, size))
    for i in range(length):
        if name[i] != pattern[i]:
            return False
    return rule.how == HOW_PREFIX or name[length] == 0 or (rule.how == HOW_DOTTED and name[length] == DOT)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def section_fits(
    read: cython.pointer[Read],
    file: uint32_t,
    shdr: cython.pointer[cython.const[Elf64_Shdr]],
    rule: cython.pointer[Rule],
) -> cython.bint:
    """Is the section in a file that the rule is about, and has it the right flags?"""
    if rule.files and not read.in_files[(rule.files - 1) * read.files.count + file]:
        return False
    return shdr.sh_flags & rule.with_flags == rule.with_flags and not shdr.sh_flags & rule.without_flags
