"""Gathering what the workers of the scan found, in input order: NameIds by their first mention, then LocalIds."""

import cython
from cython.cimports.libc.stdint import int64_t, uint32_t, uint64_t
from cython.cimports.libc.stdlib import free, qsort
from cython.cimports.libc.string import memcpy
from cython.cimports.wild.kernels.files import Inputs
from cython.cimports.wild.kernels.lists import IdList, drop
from cython.cimports.wild.kernels.pool import Pool
from cython.cimports.wild.kernels.reach import Reach
from cython.cimports.wild.kernels.scan import Scan


@cython.cfunc
def gather(reach: Reach, pool: Pool, inputs: Inputs, scan: cython.pointer[Scan]):
    """Merge the workers' lists in input order."""
    names: int64_t = 0
    locals_: int64_t = 0
    for w in range(pool.threads):
        worker = cython.address(scan.worker[w])
        if worker.failed:
            raise MemoryError("no memory for the lists of the scan")
        names += worker.names.count
        locals_ += worker.locals.count
        reach.view.packed_count += worker.packed.count // 2
        reach.needs_tlsld |= worker.tlsld
        reach.static_tls |= worker.static_tls
        reach.textrel |= worker.textrel
        reach.needs_got_base |= worker.got_base
        reach.missing |= worker.missing
    pairs = cython.cast(cython.pointer[uint64_t], inputs.arena.array(names + locals_, 8))
    reach.view.names = cython.cast(cython.pointer[uint32_t], inputs.arena.array(names, 4))
    reach.view.locals = cython.cast(cython.pointer[uint32_t], inputs.arena.array(locals_, 4))
    reach.view.local_file = cython.cast(cython.pointer[uint32_t], inputs.arena.array(locals_, 4))
    reach.view.name_count = names
    reach.view.local_count = locals_
    gather_packed(reach, pool, inputs, scan)
    i: int64_t
    with cython.nogil:
        names = 0
        for w in range(pool.threads):
            list_names(scan, cython.address(scan.worker[w].names), pairs + names)
            names += scan.worker[w].names.count
        qsort(pairs, names, 8, compare64)
        for i in range(names):
            reach.view.names[i] = cython.cast(uint32_t, pairs[i])
        locals_ = 0
        for w in range(pool.threads):
            worker = cython.address(scan.worker[w])
            for i in range(worker.locals.count):
                pairs[locals_] = (
                    cython.cast(uint64_t, worker.locals.item[i]) << 32
                ) | worker.local_files.item[i]
                locals_ += 1
        qsort(pairs, locals_, 8, compare64)
        for i in range(locals_):
            reach.view.locals[i] = cython.cast(uint32_t, pairs[i] >> 32)
            reach.view.local_file[i] = cython.cast(uint32_t, pairs[i])


@cython.cfunc
def gather_packed(reach: Reach, pool: Pool, inputs: Inputs, scan: cython.pointer[Scan]):
    """Join the lists of relocations for .relr.dyn; relr.py sorts them."""
    if reach.view.packed_count == 0:
        return
    to = cython.cast(cython.pointer[uint32_t], inputs.arena.array(reach.view.packed_count, 8))
    reach.view.packed = to
    for w in range(pool.threads):
        packed = cython.address(scan.worker[w].packed)
        if packed.count:
            memcpy(to, packed.item, packed.count * 4)
            to += packed.count


@cython.cfunc
@cython.exceptval(check=False)
def free_workers(scan: cython.pointer[Scan], threads: cython.int) -> cython.void:
    for w in range(threads):
        drop(cython.address(scan.worker[w].names))
        drop(cython.address(scan.worker[w].locals))
        drop(cython.address(scan.worker[w].local_files))
        drop(cython.address(scan.worker[w].stack))
        drop(cython.address(scan.worker[w].packed))
    free(scan.worker)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def compare64(a: cython.p_const_void, b: cython.p_const_void) -> cython.int:
    x: uint64_t = cython.cast(cython.pointer[cython.const[uint64_t]], a)[0]
    y: uint64_t = cython.cast(cython.pointer[cython.const[uint64_t]], b)[0]
    return (x > y) - (x < y)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def list_names(
    scan: cython.pointer[Scan], list: cython.pointer[IdList], to: cython.pointer[uint64_t]
) -> cython.void:
    """NameIds with the GlobalId of their first mention above them, to sort by."""
    i: int64_t
    for i in range(list.count):
        name: uint32_t = list.item[i]
        to[i] = (cython.cast(uint64_t, scan.names.row[name].first) << 32) | name
