"""Output section rules: a section's kind and part by its name and flags.

The rules of wild/output_sections.py are kept in a table that is indexed by the character behind the first dot, so a
name is compared with a few patterns only.  Mergeable sections with a rule become merged parts of that output section.
"""

import cython
from cython.cimports.libc.stdint import uint8_t, uint16_t, uint32_t, uint64_t
from cython.cimports.libc.string import memcpy, memset, strncmp
from cython.cimports.wild.kernels.elf import *
from cython.cimports.wild.kernels.pool import Arena
from cython.cimports.wild.kernels.sections import PART_UNUSUAL, RULE_DROP, RULE_ROOT, RULE_SORTED, Read, Rule
from cython.cimports.wild.kernels.tables import *

DOT = cython.declare(cython.const[uint8_t], 46)
LARGEST_MERGED = cython.declare(cython.const[uint64_t], 0xFFFFFFF0)


@cython.cfunc
def compile_rules(arena: Arena, read: cython.pointer[Read], rules):
    """Sort the rules, stably, by the character behind the dot."""
    ordered = sorted(rules, key=second_character)
    text = b"".join([rule[0] for rule in ordered])
    kept = cython.cast(cython.pointer[uint8_t], arena.array(len(text) + 1, 1))
    memcpy(kept, cython.cast(cython.p_char, text), len(text))
    read.rule_text = kept
    read.rules = cython.cast(cython.pointer[Rule], arena.array(len(ordered), cython.sizeof(Rule)))
    memset(read.rule_start, 0, cython.sizeof(uint32_t) * 257)
    offset: uint32_t = 0
    i: cython.int = 0
    for name, exact, part, group, flags in ordered:
        read.rules[i].offset = offset
        read.rules[i].length = len(name)
        read.rules[i].exact = exact
        read.rules[i].part = part
        read.rules[i].group = group
        read.rules[i].flags = flags
        read.rule_start[cython.cast(uint8_t, name[1]) + 1] = i + 1
        offset += len(name)
        i += 1
    for c in range(1, 257):
        read.rule_start[c] = max(read.rule_start[c], read.rule_start[c - 1])


def second_character(rule):
    """The character that the rule table is indexed by."""
    return rule[0][1]


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
    if flags & SHF_GNU_RETAIN or (shdr.sh_type == SHT_NOTE and not flags & SHF_GROUP):
        found |= SEC_ROOT
    return found


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def place_section(
    read: cython.pointer[Read],
    sec: cython.pointer[SectionRow],
    shdr: cython.pointer[cython.const[Elf64_Shdr]],
    name: cython.pointer[cython.const[uint8_t]],
) -> cython.void:
    """Kind and part by name and flags; what a rule alone cannot place becomes unusual."""
    text = cython.cast(cython.p_const_char, name)
    if read.whole:
        keep_whole(read, sec, text)
        return
    if not sec.flags & SEC_ALLOC:
        place_unloaded(read, sec, text)
    elif strncmp(text, b".eh_frame", 10) == 0:
        sec.kind = SEC_EH_FRAME
        sec.flags |= SEC_LIVE
        sec.part = 0
        return
    else:
        rule: uint32_t = find_rule(read, name)
        if rule != NONE and read.rules[rule].flags & RULE_DROP:
            return
        sec.kind = SEC_PLAIN
        sec.flags |= read.live_flag
        sec.unused = rule
        if rule == NONE:
            sec.part = PART_UNUSUAL
        else:
            sec.part = PART_UNUSUAL if read.rules[rule].flags & RULE_SORTED else read.rules[rule].part
            if read.rules[rule].flags & RULE_ROOT:
                sec.flags |= SEC_ROOT
    if shdr.sh_flags & SHF_MERGE and sec.kind == SEC_PLAIN and is_mergeable(sec, shdr):
        sec.kind = SEC_STRINGS if shdr.sh_flags & SHF_STRINGS else SEC_CONSTANTS
        sec.part = PART_UNUSUAL


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def is_debug(text: cython.p_const_char) -> cython.bint:
    return (
        strncmp(text, b".debug_", 7) == 0
        or strncmp(text, b".stab", 5) == 0
        or strncmp(text, b".zdebug_", 8) == 0
    )


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def is_kept_whole(text: cython.p_const_char) -> cython.bint:
    """Sections that are found without being referred to: lists of functions, and those whose bounds C code can name."""
    if text[0] != DOT:
        return True
    return (
        strncmp(text, b".init", 5) == 0
        or strncmp(text, b".fini", 5) == 0
        or strncmp(text, b".preinit_array", 14) == 0
        or strncmp(text, b".ctors", 6) == 0
        or strncmp(text, b".dtors", 6) == 0
        or strncmp(text, b".jcr", 4) == 0
    )


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def keep_whole(
    read: cython.pointer[Read], sec: cython.pointer[SectionRow], text: cython.p_const_char
) -> cython.void:
    """In a partial link every section is kept (partial_sections.py); only reach.py asks which is .eh_frame."""
    sec.unused = NONE
    if is_debug(text):
        sec.flags |= SEC_DEBUG
        if read.strip_debug:
            return
    sec.kind = SEC_PLAIN
    sec.flags |= read.live_flag if sec.flags & SEC_ALLOC else SEC_LIVE
    if is_kept_whole(text):
        sec.flags |= SEC_ROOT
    if sec.flags & SEC_ALLOC and strncmp(text, b".eh_frame", 10) == 0:
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
        if read.strip_debug:
            return
    elif strncmp(text, b".note.GNU-stack", 15) == 0 or strncmp(text, b".gnu.warning", 12) == 0:
        return
    elif (
        strncmp(text, b".gnu.lto_", 9) == 0
        or strncmp(text, b".llvmbc", 7) == 0
        or strncmp(text, b".llvmcmd", 8) == 0
    ):
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
def find_rule(read: cython.pointer[Read], name: cython.pointer[cython.const[uint8_t]]) -> uint32_t:
    """The first rule that the name fits, or NONE."""
    if name[0] != DOT:
        return NONE
    i: uint32_t
    length: uint16_t
    for i in range(read.rule_start[name[1]], read.rule_start[name[1] + 1]):
        rule = cython.address(read.rules[i])
        length = rule.length
        if (
            strncmp(
                cython.cast(cython.p_const_char, name),
                cython.cast(cython.p_const_char, read.rule_text + rule.offset),
                length,
            )
            == 0
        ):
            if rule.exact == 0 or name[length] == 0 or (rule.exact == 2 and name[length] == DOT):
                return i
    return NONE
