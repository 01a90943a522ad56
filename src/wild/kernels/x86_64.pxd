# x86-64 instructions that the psABI lets the linker rewrite: recognising them, and writing what replaces them.
#
# GOT loads (psABI 4.4.1, B.2 "Optimize GOTPCRELX Relocations"):
#   mov  foo@GOTPCREL(%rip), %reg      lea foo(%rip), %reg      (or mov $foo, %reg when foo does not move)
#   call *foo@GOTPCREL(%rip)           addr32 call foo         (or what -z call-nop says)
#   jmp  *foo@GOTPCREL(%rip)           jmp foo; nop
#   test %reg, foo@GOTPCREL(%rip)      test $foo, %reg          (fixed images only)
#   op   foo@GOTPCREL(%rip), %reg      op $foo, %reg            (fixed images only)
# Thread-local storage (psABI 11.1 and Drepper, "ELF Handling For Thread-Local Storage", 5.5): the general-dynamic,
# local-dynamic, initial-exec and descriptor sequences.  What is not the prescribed sequence is left as it is.
#
# A register's fourth bit, and its fifth with APX, stands in a prefix, and moves there with the register: in a REX prefix
# R to B; in a REX2 prefix (0xd5 and a byte M0 R4 X4 B4 W R3 X3 B3) R4 to B4 and R3 to B3.  The types whose names begin
# with CODE_4 say that the prefix is REX2.  LLVM 19 gives such instructions the older types, too: where 0xd5 is the
# byte before, it can belong to either instruction, and the register is left where it is.

from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t
from libc.string cimport memcpy

from wild.kernels.elf cimport read32, write32

cdef enum:                       # how a GOT load is rewritten
    RELAX_NONE = 0
    RELAX_LEA = 1
    RELAX_MOV = 2
    RELAX_CALL = 3
    RELAX_JMP = 4
    RELAX_TEST = 5
    RELAX_BINOP = 6
    RELAX_CALL_FILLED = 7        # the filler is behind the call

cdef enum:                       # initial-exec instructions
    TLS_KEEP = 0
    TLS_IE_MOV = 1
    TLS_IE_ADD = 2

cdef enum:                       # how __tls_get_addr is called in a local-dynamic sequence
    LD_CALL = 1                  # call rel32
    LD_CALL_GOT = 2              # call *slot(%rip)
    LD_LARGE = 3                 # call *%rax, the large code model

cdef enum:                       # ... and in a general-dynamic one
    GD_CALL = 1                  # in 16 bytes, one way or the other
    GD_LARGE = 2                 # call *%rax: 22 bytes without a prefix before them

cdef enum:                       # what is before an opcode
    PREFIX_NONE = 0
    PREFIX_REX = 1
    PREFIX_REX2 = 2
    PREFIX_UNCLEAR = 3

cdef inline int prefix_of(uint32_t r_type, const uint8_t *p, uint64_t before) noexcept nogil:
    """The prefix that the type promises, as far as the bytes agree."""
    cdef const uint8_t *q = p - 4   # the field is at q[4]
    cdef bint escaped = before >= 4 and q[0] == 0xD5
    if 43 <= r_type <= 45:
        return PREFIX_REX2 if escaped else PREFIX_UNCLEAR
    if r_type == 41:
        return PREFIX_NONE
    return PREFIX_UNCLEAR if escaped or before < 3 else PREFIX_REX

cdef inline int pick_relaxation(const uint8_t *p, uint64_t before, uint32_t r_type, bint pic, bint fixed,
                                bint suffix) noexcept nogil:
    """How to rewrite the instruction whose rel32 is at p; `pic`: the value is not known to fit an immediate;
    `fixed`: it does not move with the image; `suffix`: calls are filled behind them."""
    cdef const uint8_t *q = p - 4   # the field is at q[4]
    if p == NULL or before < 2:
        return RELAX_NONE
    cdef uint8_t opcode = q[2], modrm = q[3]
    if prefix_of(r_type, p, before) == PREFIX_UNCLEAR:
        pic = True                  # the register must not move
    if opcode == 0x8B and modrm & 0xC7 == 0x05:
        if not fixed:
            return RELAX_LEA
        return RELAX_NONE if pic else RELAX_MOV
    if fixed and pic:
        return RELAX_NONE
    if opcode == 0xFF and modrm == 0x15:
        if fixed:
            return RELAX_NONE
        return RELAX_CALL_FILLED if suffix else RELAX_CALL
    if opcode == 0xFF and modrm == 0x25:
        return RELAX_NONE if fixed else RELAX_JMP
    if pic or modrm & 0xC7 != 0x05:
        return RELAX_NONE
    if opcode == 0x85:
        return RELAX_TEST
    return RELAX_BINOP if opcode & 0xC7 == 0x03 else RELAX_NONE

cdef inline bint calls_large(const uint8_t *p, uint64_t after) noexcept nogil:
    """movabs $__tls_get_addr@pltoff, %rax; add %rbx or %r15, %rax; call *%rax, the large model's call, at p[4]."""
    if after < 19 or p[4] != 0x48 or p[5] != 0xB8 or p[17] != 0xFF or p[18] != 0xD0 or p[15] != 0x01:
        return False
    return (p[14] == 0x48 and p[16] == 0xD8) or (p[14] == 0x4C and p[16] == 0xF8)

cdef inline int is_general_dynamic(const uint8_t *p, uint64_t before, uint64_t after) noexcept nogil:
    """data16 lea x@tlsgd(%rip), %rdi; then call __tls_get_addr, directly or through its slot; without data16 the
    large model's call.  Returns GD_CALL, GD_LARGE or 0."""
    cdef const uint8_t *q = p - 4   # the field is at q[4]
    if p == NULL or before < 3 or after < 12 or q[1] != 0x48 or q[2] != 0x8D or q[3] != 0x3D:
        return 0
    if calls_large(p, after):
        return GD_LARGE
    if before < 4 or q[0] != 0x66:
        return 0
    if p[6] != 0x48:
        return GD_CALL if p[4] == 0x66 and p[5] == 0x48 and p[6] == 0xFF and p[7] == 0x15 else 0
    return GD_CALL if p[5] == 0x66 and p[7] == 0xE8 else 0

cdef inline int is_local_dynamic(const uint8_t *p, uint64_t before, uint64_t after) noexcept nogil:
    """lea x@tlsld(%rip), %rdi; then the call.  Returns LD_CALL, LD_CALL_GOT, LD_LARGE or 0."""
    cdef const uint8_t *q = p - 4   # the field is at q[4]
    if p == NULL or before < 3 or after < 9 or q[1] != 0x48 or q[2] != 0x8D or q[3] != 0x3D:
        return 0
    if p[4] == 0xE8:
        return LD_CALL
    if calls_large(p, after):
        return LD_LARGE
    return LD_CALL_GOT if after >= 10 and p[4] == 0xFF and p[5] == 0x15 else 0

cdef inline bint is_wide(const uint8_t *q, int prefix) noexcept nogil:
    """Has the instruction a 64-bit register, and no other whose number the prefix that ends at q[1] extends?"""
    if prefix == PREFIX_REX2:
        return q[1] & 0xBB == 0x08
    return prefix != PREFIX_NONE and q[1] & 0xFB == 0x48

cdef inline int is_initial_exec(const uint8_t *p, uint64_t before, uint32_t r_type) noexcept nogil:
    """mov or add x@gottpoff(%rip), %reg with a 64-bit register."""
    cdef const uint8_t *q = p - 4   # the field is at q[4]
    if p == NULL or before < 3 or q[3] & 0xC7 != 0x05 or (r_type != 22 and r_type != 44):
        return TLS_KEEP
    cdef int prefix = prefix_of(r_type, p, before)
    if prefix == PREFIX_UNCLEAR or not is_wide(q, prefix):
        return TLS_KEEP
    if q[2] == 0x8B:
        return TLS_IE_MOV
    return TLS_IE_ADD if q[2] == 0x03 else TLS_KEEP

cdef inline int is_tlsdesc(const uint8_t *p, uint64_t before, uint32_t r_type) noexcept nogil:
    """lea x@tlsdesc(%rip), %reg.  Returns a PREFIX_, or PREFIX_NONE if it is something else."""
    cdef const uint8_t *q = p - 4   # the field is at q[4]
    if p == NULL or before < 3 or q[2] != 0x8D or q[3] & 0xC7 != 0x05 or (r_type != 34 and r_type != 45):
        return PREFIX_NONE
    cdef int prefix = prefix_of(r_type, p, before)
    return prefix if is_wide(q, prefix) else PREFIX_NONE

cdef inline void move_register(uint8_t *q, uint32_t r_type) noexcept nogil:
    """Move the register's upper bits, which stand in the prefix that ends at q[1], from `reg` to `r/m`."""
    if 43 <= r_type <= 45:
        q[1] = (q[1] & 0xBB) | ((q[1] & 0x44) >> 2)
    else:
        q[1] = (q[1] & 0xFB) | ((q[1] & 4) >> 2)

cdef inline void rewrite_relaxed(uint8_t *p, int how, uint32_t r_type, uint8_t filler) noexcept nogil:
    """Rewrite the opcode of a GOT load; the caller fills the four bytes at p (one lower for RELAX_JMP and
    RELAX_CALL_FILLED).  `filler` is the byte by which a call is too short."""
    cdef uint8_t *q = p - 4   # the field is at q[4]
    cdef uint8_t reg = (q[3] >> 3) & 7
    if how == RELAX_LEA:
        q[2] = 0x8D
        return
    if how == RELAX_CALL:
        q[2] = filler
        q[3] = 0xE8
        return
    if how == RELAX_CALL_FILLED:
        q[2] = 0xE8
        p[3] = filler
        return
    if how == RELAX_JMP:
        q[2] = 0xE9
        p[3] = 0x90
        return
    if r_type != 41:
        move_register(q, r_type)
    if how == RELAX_BINOP:
        q[3] = 0xC0 | (q[2] & 0x38) | reg
        q[2] = 0x81
    else:
        q[3] = 0xC0 | reg
        q[2] = 0xC7 if how == RELAX_MOV else 0xF7

cdef inline uint8_t *begin_gd(uint8_t *p, int how) noexcept nogil:
    """mov %fs:0, %rax over the start of a general-dynamic sequence, and a nop over the end of a long one; what comes
    between them has its operand 12 bytes from the place returned."""
    cdef uint8_t *start = p - 3 if how == GD_LARGE else p - 4
    memcpy(start, b"\x64\x48\x8b\x04\x25\x00\x00\x00\x00", 9)
    if how == GD_LARGE:
        memcpy(start + 16, b"\x66\x0f\x1f\x44\x00\x00", 6)
    return start

cdef inline void write_gd_to_le(uint8_t *p, int how, int32_t tpoff) noexcept nogil:
    """mov %fs:0, %rax; lea tpoff(%rax), %rax."""
    cdef uint8_t *start = begin_gd(p, how)
    memcpy(start + 9, b"\x48\x8d\x80", 3)
    write32(start + 12, <uint32_t> tpoff)

cdef inline void write_gd_to_ie(uint8_t *p, int how, uint64_t distance) noexcept nogil:
    """mov %fs:0, %rax; add slot(%rip), %rax; `distance` is that of the slot from p."""
    cdef uint8_t *start = begin_gd(p, how)
    memcpy(start + 9, b"\x48\x03\x05", 3)
    write32(start + 12, <uint32_t> (distance - <uint64_t> (start + 16 - p)))

cdef inline void write_ld_to_le(uint8_t *p, int how) noexcept nogil:
    """mov %fs:0, %rax with as many prefixes as the call was long."""
    if how == LD_LARGE:              # data16 nopw 0(%rax,%rax,1) with prefixes before it, to fill 22 bytes
        memcpy(p - 3, b"\x66\x66\x66\x66\x2e\x0f\x1f\x84\x00\x00\x00\x00\x00\x64\x48\x8b\x04\x25\x00\x00\x00\x00", 22)
    elif how == LD_CALL:
        memcpy(p - 3, b"\x66\x66\x66\x64\x48\x8b\x04\x25\x00\x00\x00\x00", 12)
    else:
        memcpy(p - 3, b"\x66\x66\x66\x66\x64\x48\x8b\x04\x25\x00\x00\x00\x00", 13)

cdef inline void write_ie_to_le(uint8_t *p, int how, uint32_t r_type, int32_t tpoff) noexcept nogil:
    """mov $tpoff, %reg; or lea tpoff(%reg), %reg (add for %rsp, %r12 and those of APX, which lea encodes longer)."""
    cdef uint8_t *q = p - 4   # the field is at q[4]
    cdef uint8_t reg = (q[3] >> 3) & 7
    cdef uint8_t high = q[1] & 4
    if how == TLS_IE_MOV or reg == 4 or r_type == 44:
        move_register(q, r_type)
        q[2] = 0xC7 if how == TLS_IE_MOV else 0x81
        q[3] = 0xC0 | reg
    else:
        q[1] = 0x48 | high | (high >> 2)
        q[2] = 0x8D
        q[3] = 0x80 | reg | (reg << 3)
    write32(p, <uint32_t> tpoff)

cdef inline void write_desc_to_le(uint8_t *p, uint32_t r_type, int32_t tpoff) noexcept nogil:
    """mov $tpoff, %reg."""
    cdef uint8_t *q = p - 4   # the field is at q[4]
    cdef uint8_t reg = (q[3] >> 3) & 7
    move_register(q, r_type)
    q[2] = 0xC7
    q[3] = 0xC0 | reg
    write32(p, <uint32_t> tpoff)

cdef inline void write_desc_to_ie(uint8_t *p, int32_t displacement) noexcept nogil:
    """mov slot(%rip), %reg."""
    cdef uint8_t *q = p - 4   # the field is at q[4]
    q[2] = 0x8B
    write32(p, <uint32_t> displacement)
