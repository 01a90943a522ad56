"""Where symbols of inputs are in .symtab: the same walk over kept symbols as symslices.py writes them in."""

import cython
from cython.cimports.libc.stdint import int64_t, uint32_t, uint64_t
from cython.cimports.wild.kernels.cc import ctz64
from cython.cimports.wild.kernels.elf import STT_FILE, U32, Sym
from cython.cimports.wild.kernels.pool import Pool
from cython.cimports.wild.kernels.symslices import SymbolSlice, SymtabTables
from cython.cimports.wild.kernels.symtab import SymbolTable
from cython.cimports.wild.kernels.tables import SYM_HIDDEN, SYM_LOCALISED
from cython.cimports.wild.kernels.views import symbol_at

Indexing = cython.struct(view=cython.pointer[SymtabTables], local_index=U32, name_index=U32)


@cython.cfunc
@cython.exceptval(-1, check=False)
def index_symbols(pool: Pool, symtab: SymbolTable, local_index: U32, name_index: U32) -> cython.int:
    """Fill LocalId and NameId -> index in .symtab; what is not there stays 0."""
    indexing = cython.declare(Indexing)
    indexing.view = cython.address(symtab.view)
    indexing.local_index = local_index
    indexing.name_index = name_index
    pool.run(index_slices, cython.address(indexing), symtab.slices, 4)
    i: int64_t
    for i in range(symtab.view.import_count):
        name_index[symtab.view.imports[i]] = cython.cast(uint32_t, symtab.view.first_import + i)
    return 0


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def index_slices(context: cython.p_void, begin: int64_t, end: int64_t, worker: cython.int) -> cython.int:
    indexing = cython.cast(cython.pointer[Indexing], context)
    i: int64_t
    for i in range(begin, end):
        index_slice(indexing, cython.address(indexing.view.slice[i]))
    return 0


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def index_slice(indexing: cython.pointer[Indexing], slice: cython.pointer[SymbolSlice]) -> cython.void:
    tables = indexing.view.tables
    row = cython.address(tables.files.row[slice.file])
    syms: Sym = symbol_at(tables, slice.file, 0)
    local: uint32_t = slice.locals
    global_: uint32_t = slice.globals
    word: uint64_t
    for word in range((slice.end - slice.begin + 63) // 64):
        bits: uint64_t = indexing.view.keep[slice.word + word]
        while bits:
            i: uint32_t = slice.begin + cython.cast(uint32_t, word * 64) + ctz64(bits)
            bits &= bits - 1
            if i < row.first_global:
                if syms[i].st_info & 15 != STT_FILE or not slice.drop_files:
                    indexing.local_index[row.local_base + i] = local
                    local += 1
                continue
            name: uint32_t = tables.names.of[row.global_base - row.first_global + i]
            if tables.symbol[name].flags & (SYM_HIDDEN | SYM_LOCALISED):
                indexing.name_index[name] = local
                local += 1
            else:
                indexing.name_index[name] = global_
                global_ += 1
