"""Call-chain clustering: functions that call each other stand close together.

The algorithm is C3 of Ottoni and Maher ("Optimizing Function Placement for Large-Scale Data-Center Applications", CGO
2017).  Every function begins as a cluster of its own.  In the order of how often they are called, each function's
cluster is appended to that of its most frequent caller, unless the two together would exceed a page's worth of
instruction cache reach, or the appended one is so cold that it would dilute the other.  The clusters are then laid out
by their density, calls per byte.

The calls come from .llvm.call-graph-profile sections, which clang makes from a profile (-fprofile-use): weights of 8
bytes, each with two relocations that name caller and callee (LLVM, "Extensions"); or from a file.
"""

import cython
from cython.cimports.libc.stdint import int64_t, uint32_t, uint64_t
from cython.cimports.libc.stdlib import qsort, realloc
from cython.cimports.wild.kernels.call_graph import *
from cython.cimports.wild.kernels.elf import *
from cython.cimports.wild.kernels.ordering import Call, Ordering
from cython.cimports.wild.kernels.sections import section_header, section_of
from cython.cimports.wild.kernels.tables import *

LARGEST_CLUSTER = cython.declare(cython.const[uint64_t], 1 << 20)
DILUTION = cython.declare(cython.const[uint64_t], 8)


@cython.final
@cython.cclass
class CallGraph:
    """Calls between sections of an Ordering, which gets its keys from `order`."""

    ordering: Ordering

    def __cinit__(self, ordering: Ordering):
        self.ordering = ordering

    def add(self, caller: int, callee: int, weight: int):
        """A call between the definitions of two NameIds."""
        rows = self.ordering.resolution.view.row
        add_call(
            self.ordering,
            rows[cython.cast(uint32_t, caller)].section,
            rows[cython.cast(uint32_t, callee)].section,
            weight,
        )

    def read_profiles(self):
        """Take the calls of the objects' profiles."""
        files = cython.address(self.ordering.inputs.view)
        file: int64_t
        for file in range(1, files.count):
            if files.row[file].sec_base:
                read_profile(self.ordering, cython.cast(uint32_t, file))

    def order(self):
        """Cluster, and give each section in a cluster its key."""
        ordering = self.ordering
        arena = ordering.inputs.arena
        total: int64_t = ordering.sections.view.count
        number = cython.cast(U32, arena.array(total, 4))
        clusters = cython.cast(cython.pointer[Cluster], arena.array(total, cython.sizeof(Cluster)))
        leaders = cython.cast(cython.pointer[Cluster], arena.array(total, cython.sizeof(Cluster)))
        count: int64_t
        with cython.nogil:
            count = make_clusters(ordering, number, clusters)
            qsort(clusters, count, cython.sizeof(Cluster), by_calls)
            number_clusters(clusters, count, number)
            choose_callers(ordering, number, clusters)
            merge_clusters(clusters, count)
            give_keys(ordering, clusters, leaders, list_leaders(clusters, leaders, count))


@cython.cfunc
@cython.exceptval(-1, check=False)
def add_call(ordering: Ordering, caller: uint32_t, callee: uint32_t, weight: uint64_t) -> cython.int:
    rows = ordering.sections.view.row
    if caller == 0 or callee == 0 or not is_ordered(rows + caller) or not is_ordered(rows + callee):
        return 0
    if ordering.calls == ordering.call_room:
        room: int64_t = 2 * ordering.call_room + 1024
        grown = cython.cast(cython.pointer[Call], realloc(ordering.call, room * cython.sizeof(Call)))
        if grown is cython.NULL:
            raise MemoryError
        ordering.call = grown
        ordering.call_room = room
    ordering.call[ordering.calls].caller = caller
    ordering.call[ordering.calls].callee = callee
    ordering.call[ordering.calls].weight = weight
    ordering.calls += 1
    return 0


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def is_ordered(sec: cython.pointer[SectionRow]) -> cython.bint:
    wanted: uint32_t = SEC_LIVE | SEC_ALLOC
    return sec.kind == SEC_PLAIN and sec.part != 0 and sec.flags & wanted == wanted


@cython.cfunc
@cython.exceptval(-1, check=False)
def read_profile(ordering: Ordering, file: uint32_t) -> cython.int:
    """The calls of one object; a profile that is not what it should be is no reason to stop a link."""
    files = cython.address(ordering.inputs.view)
    row = cython.address(files.row[file])
    base = files.base[file]
    k: uint32_t
    i: uint64_t
    for k in range(1, row.shnum):
        relocs = section_header(base, row, k)
        # Without addends, whatever the machine's other relocations are (LLVM, "Extensions").
        if relocs.sh_type != SHT_REL or relocs.sh_info >= row.shnum:
            continue
        profile = section_header(base, row, relocs.sh_info)
        if profile.sh_type != SHT_LLVM_CALL_GRAPH_PROFILE or relocs.sh_link != row.symtab:
            continue
        if not inside(row.size, relocs.sh_offset, relocs.sh_size):
            continue
        if not inside(row.size, profile.sh_offset, profile.sh_size):
            continue
        for i in range(min(profile.sh_size // 8, relocs.sh_size // (2 * REL_SIZE))):
            weight: uint64_t = read64(base + profile.sh_offset + 8 * i)
            pair = base + relocs.sh_offset + 2 * REL_SIZE * i
            caller: uint32_t = section_of_symbol(ordering, file, read32(pair + REL_SYMBOL))
            callee: uint32_t = section_of_symbol(ordering, file, read32(pair + REL_SIZE + REL_SYMBOL))
            add_call(ordering, caller, callee, min(weight, cython.cast(uint64_t, 1) << 40))
    return 0


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def section_of_symbol(ordering: Ordering, file: uint32_t, symbol: uint32_t) -> uint32_t:
    files = cython.address(ordering.inputs.view)
    row = cython.address(files.row[file])
    if symbol >= row.nsyms:
        return 0
    if symbol >= row.first_global:
        name: uint32_t = ordering.names.view.of[row.global_base + symbol - row.first_global]
        return ordering.resolution.view.row[name].section
    sym = cython.cast(Sym, files.base[file] + row.symoff) + symbol
    section: uint32_t = section_of(files.base[file], row, sym, symbol)
    return row.sec_base + section if 0 < section < row.shnum else 0


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def make_clusters(ordering: Ordering, number: U32, clusters: cython.pointer[Cluster]) -> int64_t:
    """A cluster for each section that a call mentions; `number` is cluster + 1 by SectionId."""
    count: int64_t = 0
    i: int64_t
    for i in range(2 * ordering.calls):
        call = cython.address(ordering.call[i // 2])
        section: uint32_t = call.callee if i & 1 else call.caller
        if number[section] == 0:
            cluster = cython.address(clusters[count])
            cluster.section = section
            cluster.size = max(ordering.sections.view.row[section].size, 1)
            count += 1
            number[section] = cython.cast(uint32_t, count)
        if i & 1 and call.caller != call.callee:
            clusters[number[section] - 1].weight += call.weight
    return count


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def number_clusters(clusters: cython.pointer[Cluster], count: int64_t, number: U32) -> cython.void:
    """Once sorted: cluster + 1 by SectionId, and each cluster holds itself."""
    i: int64_t
    for i in range(count):
        number[clusters[i].section] = cython.cast(uint32_t, i + 1)
        clusters[i].own = clusters[i].weight
        clusters[i].leader = cython.cast(uint32_t, i)
        clusters[i].last = cython.cast(uint32_t, i)
        clusters[i].next = NONE
        clusters[i].caller = NONE


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def choose_callers(ordering: Ordering, number: U32, clusters: cython.pointer[Cluster]) -> cython.void:
    """Each function's most frequent caller; the first of several."""
    i: int64_t
    for i in range(ordering.calls):
        call = cython.address(ordering.call[i])
        callee = cython.address(clusters[number[call.callee] - 1])
        if call.caller != call.callee and (callee.caller == NONE or call.weight > callee.calls):
            callee.caller = number[call.caller] - 1
            callee.calls = call.weight


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def leader_of(clusters: cython.pointer[Cluster], i: uint32_t) -> uint32_t:
    """The cluster that a function is in now."""
    while clusters[i].leader != i:
        clusters[i].leader = clusters[clusters[i].leader].leader
        i = clusters[i].leader
    return i


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def merge_clusters(clusters: cython.pointer[Cluster], count: int64_t) -> cython.void:
    """Append each cluster to that of its caller, hot functions first."""
    i: int64_t
    for i in range(count):
        cluster = cython.address(clusters[i])
        # A caller that is responsible for few of the calls is no reason to move.
        if cluster.caller == NONE or cluster.calls * 10 <= cluster.own:
            continue
        a: uint32_t = leader_of(clusters, cluster.caller)
        b: uint32_t = leader_of(clusters, cython.cast(uint32_t, i))
        if a == b or clusters[a].size + clusters[b].size > LARGEST_CLUSTER:
            continue
        size: uint64_t = clusters[a].size + clusters[b].size
        weight: uint64_t = clusters[a].weight + clusters[b].weight
        if weight // size * DILUTION < clusters[a].weight // clusters[a].size:
            continue
        clusters[clusters[a].last].next = b
        clusters[a].last = clusters[b].last
        clusters[a].size = size
        clusters[a].weight = weight
        clusters[b].leader = a


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def by_calls(a: ConstVoid, b: ConstVoid) -> cython.int:
    one = cython.cast(cython.pointer[Cluster], a)
    other = cython.cast(cython.pointer[Cluster], b)
    if one.weight != other.weight:
        return -1 if one.weight > other.weight else 1
    return -1 if one.section < other.section else 1


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def by_density(a: ConstVoid, b: ConstVoid) -> cython.int:
    """Calls per byte, as the cross products of two fractions."""
    one = cython.cast(cython.pointer[Cluster], a)
    other = cython.cast(cython.pointer[Cluster], b)
    left: cython.double = cython.cast(cython.double, one.weight) * cython.cast(cython.double, other.size)
    right: cython.double = cython.cast(cython.double, other.weight) * cython.cast(cython.double, one.size)
    if left != right:
        return -1 if left > right else 1
    return -1 if one.section < other.section else 1


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def list_leaders(
    clusters: cython.pointer[Cluster], leaders: cython.pointer[Cluster], count: int64_t
) -> int64_t:
    """Copies of the clusters that were appended to no other, the densest first."""
    found: int64_t = 0
    i: int64_t
    for i in range(count):
        if clusters[i].leader == i:
            leaders[found] = clusters[i]
            found += 1
    qsort(leaders, found, cython.sizeof(Cluster), by_density)
    return found


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def give_keys(
    ordering: Ordering, clusters: cython.pointer[Cluster], leaders: cython.pointer[Cluster], count: int64_t
) -> cython.void:
    """Number the functions, cluster by cluster."""
    key: uint64_t = 0
    i: int64_t
    for i in range(count):
        at: uint32_t = leaders[i].leader
        while at != NONE:
            key += 1
            ordering.key[clusters[at].section] = key
            at = clusters[at].next
