# What a relocation asks of the link, decided once for the scan and for the writing: both call `decide`, so they agree.
#
# The inputs of a decision are the relocation's form (machine/x86_64.py), the flags of the symbol, the kind of output,
# and for the forms that the psABI lets the linker rewrite the bytes of the instruction.  Rewriting itself is in
# x86_64.pxd.  Letters are the psABI's: S symbol, A addend, P place, G GOT slot, L PLT entry, Z size.

from libc.stdint cimport int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t

from wild.kernels.faults cimport *
from wild.kernels.tables cimport *
from wild.kernels.x86_64 cimport (
    PREFIX_NONE, PREFIX_UNCLEAR, RELAX_NONE, TLS_IE_ADD, TLS_IE_MOV, TLS_KEEP, is_general_dynamic, is_initial_exec,
    is_local_dynamic, is_tlsdesc, pick_relaxation,
)

cdef enum:                       # RelocType.form, in the order of machine/x86_64.py FORMS
    FORM_NONE = 0
    FORM_ABS = 1                 # S+A
    FORM_PC = 2                  # S+A-P
    FORM_PLT = 3                 # L+A-P
    FORM_GOTPC = 4               # G+GOT+A-P
    FORM_GOTOFF = 5              # S+A-GOT
    FORM_GOTBASE = 6             # GOT+A-P
    FORM_GOT = 7                 # G+A
    FORM_PLTOFF = 8              # L+A-GOT
    FORM_SIZE = 9                # Z+A
    FORM_TLSGD = 10
    FORM_TLSLD = 11
    FORM_DTPOFF = 12
    FORM_GOTTPOFF = 13
    FORM_TPOFF = 14
    FORM_DTPMOD = 15
    FORM_TLSDESC = 16
    FORM_TLSDESC_CALL = 17
    FORM_DYNAMIC = 18
    FORM_UNKNOWN = 255

cdef struct RelocType:
    uint8_t form, size, check, relax

cdef enum:                       # RelocType.check
    CHECK_NONE = 0
    CHECK_SIGNED = 1
    CHECK_UNSIGNED = 2
    CHECK_EITHER = 3

cdef struct Mode:                # the kind of output, as far as relocations ask
    int shared                   # a shared object
    int pic                      # loaded anywhere: shared object or position-independent executable
    int dynamic                  # the dynamic loader is there
    int relax
    int textrel                  # dynamic relocations in read-only sections are allowed
    int copyreloc
    int near                     # every address is known to fit 31 bits, so is an immediate operand
    int relr                     # R_*_RELATIVE relocations are packed where that is possible
    int call_byte                # what fills a call that gets shorter, before it or (call_suffix) behind it
    int call_suffix
    RelocType types[256]

cdef enum:                       # Decision.action
    ACT_NONE = 0
    ACT_STATIC = 1               # computed now, by form
    ACT_RELATIVE = 2             # R_*_RELATIVE
    ACT_SYMBOLIC = 3             # dynamic relocation of the same type against the dynamic symbol
    ACT_PLT = 4                  # L is the PLT entry
    ACT_GOT = 5                  # G is the GOT slot
    ACT_RELAX = 6                # instruction rewritten as `how` says, no GOT
    ACT_TLSGD = 7
    ACT_GD_TO_IE = 8
    ACT_GD_TO_LE = 9
    ACT_TLSLD = 10
    ACT_LD_TO_LE = 11
    ACT_DTPOFF = 12
    ACT_GOTTP = 13
    ACT_IE_TO_LE = 14
    ACT_TPOFF = 15
    ACT_TLSDESC = 16
    ACT_DESC_TO_IE = 17
    ACT_DESC_TO_LE = 18
    ACT_CALL_TO_NOP = 19         # the call of a rewritten TLS descriptor sequence
    ACT_DTPMOD = 20

cdef struct Decision:
    int action
    int how                      # of ACT_RELAX, and of TLS rewrites
    int skip                     # relocations that belong to the same rewritten sequence
    uint32_t needs               # NEEDS_* bits of the symbol
    int fault                    # FAULT_RELOC_*, 0: none

cdef inline bint is_packed(const Mode *mode, const SectionRow *sec, uint64_t offset) noexcept nogil:
    """Does a R_*_RELATIVE at this offset of a section go to .relr.dyn?  Its address has to be even."""
    return mode.relr and sec.kind == SEC_PLAIN and sec.align != 0 and not offset & 1 and offset >> 32 == 0

cdef inline bint is_defined(uint32_t flags) noexcept nogil:
    return flags & (SYM_OBJECT_DEF | SYM_SHARED_DEF | SYM_COMMON) != 0

cdef inline void decide_address(Decision *d, const RelocType *type, uint32_t flags, const Mode *mode,
                                bint writable) noexcept nogil:
    """S+A, S+A-P and S+A-GOT: the address itself is wanted."""
    cdef bint word = type.form == FORM_ABS and type.size == 8
    cdef bint fixable = writable or mode.textrel
    cdef bint from_here = type.form != FORM_ABS and mode.pic  # how far from here to a fixed address is not known yet
    d.action = ACT_STATIC
    # Where addresses are fixed, code takes that of an undefined weak symbol as zero, so data must not differ from it.
    if flags & (SYM_IMPORTED | SYM_SHARED_DEF | SYM_STRONG_REF) == SYM_IMPORTED and not mode.pic:
        return
    if flags & SYM_IMPORTED:
        if word and fixable:
            d.action = ACT_SYMBOLIC
            d.needs = NEEDS_DYNSYM
            return
        if mode.shared or (mode.pic and not flags & (SYM_SHARED_DEF | SYM_STRONG_REF)):
            d.fault = FAULT_RELOC_TEXTREL if word else FAULT_RELOC_PIC
            return
        if not flags & SYM_SHARED_DEF:               # undefined, and allowed to be: zero
            return
        if flags & (SYM_FUNC | SYM_IFUNC):
            d.needs = NEEDS_PLT | NEEDS_CANONICAL
            if flags & SYM_PROTECTED_DEF and type.form == FORM_ABS:
                d.fault = FAULT_RELOC_PROTECTED      # its own module has another address for it
        else:
            d.needs = NEEDS_COPY
            if flags & SYM_PROTECTED_DEF:
                d.fault = FAULT_RELOC_PROTECTED
            elif not mode.copyreloc:
                d.fault = FAULT_RELOC_COPY
    elif flags & SYM_ABS or not is_defined(flags):
        d.fault = FAULT_RELOC_PIC if from_here and flags & SYM_ABS else 0
        return
    elif flags & SYM_IFUNC:
        d.needs = NEEDS_PLT | NEEDS_CANONICAL
    if type.form == FORM_ABS and mode.pic and d.fault == 0:
        if not word:
            d.fault = FAULT_RELOC_PIC
        elif fixable:
            d.action = ACT_RELATIVE
        else:
            d.fault = FAULT_RELOC_TEXTREL

cdef inline void decide_got(Decision *d, const RelocType *type, uint32_t r_type, uint32_t flags, const Mode *mode,
                            const uint8_t *place, uint64_t before, int64_t addend) noexcept nogil:
    """G+GOT+A-P: a slot, unless the instruction can do without."""
    cdef bint fixed
    d.action = ACT_GOT
    d.needs = NEEDS_GOT
    # An absolute value may be any 64 bits, which no immediate holds; it is not known yet.
    if type.relax and mode.relax and addend == -4 and not flags & (SYM_IMPORTED | SYM_IFUNC | SYM_ABS):
        fixed = not is_defined(flags)
        d.how = pick_relaxation(place, before, r_type, mode.pic if fixed else not mode.near, fixed, mode.call_suffix)
        if d.how != RELAX_NONE:
            d.action = ACT_RELAX
            d.needs = 0

cdef inline void decide_tls(Decision *d, const RelocType *type, uint32_t r_type, uint32_t flags, const Mode *mode,
                            const uint8_t *place, uint64_t before, uint64_t after, bint code) noexcept nogil:
    """The four models of thread-local access and the transitions between them (psABI, "TLS relaxation")."""
    cdef bint local = not mode.shared and not flags & SYM_IMPORTED
    cdef int form = type.form
    if form == FORM_TLSGD:
        d.action = ACT_TLSGD
        d.needs = NEEDS_TLSGD
        d.how = 0 if mode.shared else is_general_dynamic(place, before, after)
        if d.how:
            d.action = ACT_GD_TO_LE if local else ACT_GD_TO_IE
            d.needs = 0 if local else NEEDS_GOTTP
            d.skip = 1
    elif form == FORM_TLSLD:
        d.action = ACT_TLSLD
        if not mode.shared:
            d.how = is_local_dynamic(place, before, after)
            if d.how:
                d.action = ACT_LD_TO_LE
                d.skip = 1
    elif form == FORM_DTPOFF:
        # Behind a rewritten local-dynamic call %rax holds the thread pointer, so code wants the offset from there.
        d.action = ACT_TPOFF if code and not mode.shared else ACT_DTPOFF
        if flags & SYM_IMPORTED and type.size == 8 and not code:
            d.action = ACT_SYMBOLIC
            d.needs = NEEDS_DYNSYM
        elif code and flags & (SYM_SHARED_DEF | SYM_OBJECT_DEF) == SYM_SHARED_DEF:
            d.fault = FAULT_RELOC_TLS_SHARED
    elif form == FORM_GOTTPOFF:
        d.action = ACT_GOTTP
        d.needs = NEEDS_GOTTP
        if local:
            d.how = is_initial_exec(place, before, r_type)
            if d.how != TLS_KEEP:
                d.action = ACT_IE_TO_LE
                d.needs = 0
    elif form == FORM_TPOFF:
        d.action = ACT_TPOFF
        if type.size == 8 and (mode.shared or flags & SYM_IMPORTED):
            d.action = ACT_SYMBOLIC
            d.needs = NEEDS_DYNSYM if flags & SYM_IMPORTED else 0
        elif mode.shared or flags & (SYM_SHARED_DEF | SYM_OBJECT_DEF) == SYM_SHARED_DEF:
            d.fault = FAULT_RELOC_TLS_SHARED
    elif form == FORM_DTPMOD:
        d.action = ACT_DTPMOD if local else ACT_SYMBOLIC
        d.needs = NEEDS_DYNSYM if flags & SYM_IMPORTED else 0
    elif form == FORM_TLSDESC:
        d.action = ACT_TLSDESC
        d.needs = NEEDS_TLSDESC
        if not mode.shared:
            d.how = is_tlsdesc(place, before, r_type)
            if d.how == PREFIX_NONE:
                d.fault = FAULT_RELOC_TLS_CODE
            local = local and d.how != PREFIX_UNCLEAR    # which register is loaded is not known, only where from
            d.action = ACT_DESC_TO_LE if local else ACT_DESC_TO_IE
            d.needs = 0 if local else NEEDS_GOTTP
    elif form == FORM_TLSDESC_CALL:
        d.action = ACT_NONE if mode.shared else ACT_CALL_TO_NOP

cdef inline Decision decide(const Mode *mode, uint32_t r_type, uint32_t flags, const uint8_t *place, uint64_t before,
                            uint64_t after, int64_t addend, uint16_t section_flags) noexcept nogil:
    """What to do about one relocation of a loaded section.

    `place` is the field, with `before` bytes of the section before it and `after` bytes from it on; NULL has no code.
    `flags` are SymbolRow.flags, or the like of a local symbol."""
    cdef Decision d
    cdef const RelocType *type = &mode.types[r_type]
    cdef int form = type.form
    d.action = ACT_NONE
    d.how = 0
    d.skip = 0
    d.needs = 0
    d.fault = 0
    if form == FORM_ABS or form == FORM_PC or form == FORM_GOTOFF:
        decide_address(&d, type, flags, mode, section_flags & SEC_WRITE != 0)
    elif form == FORM_PLT or form == FORM_PLTOFF:
        d.action = ACT_STATIC
        if flags & (SYM_IMPORTED | SYM_IFUNC) and (flags & SYM_IMPORTED or flags & SYM_OBJECT_DEF):
            d.action = ACT_PLT
            d.needs = NEEDS_PLT
        elif flags & SYM_ABS and mode.pic:
            d.fault = FAULT_RELOC_PIC
    elif form == FORM_GOTPC:
        decide_got(&d, type, r_type, flags, mode, place, before, addend)
    elif form == FORM_GOT:
        d.action = ACT_GOT
        d.needs = NEEDS_GOT
    elif form == FORM_GOTBASE or form == FORM_SIZE:
        d.action = ACT_STATIC
    elif form >= FORM_TLSGD and form <= FORM_TLSDESC_CALL:
        decide_tls(&d, type, r_type, flags, mode, place, before, after, section_flags & SEC_EXEC != 0)
    elif form == FORM_DYNAMIC:
        d.fault = FAULT_RELOC_DYNAMIC
    elif form == FORM_UNKNOWN:
        d.fault = FAULT_RELOC_TYPE
    return d

cdef inline uint32_t local_flags(uint8_t st_info, bint absolute) noexcept nogil:
    """The flags that a local symbol would have in its SymbolRow."""
    cdef uint32_t flags = SYM_OBJECT_DEF
    cdef int kind = st_info & 15
    if kind == 6:
        flags |= SYM_TLS
    elif kind == 10:
        flags |= SYM_IFUNC
    elif kind == 2:
        flags |= SYM_FUNC
    if absolute:
        flags |= SYM_ABS
    return flags
