# Kind and part of a section.

from libc.stdint cimport uint8_t, uint16_t, uint32_t

from wild.kernels.elf cimport Elf64_Shdr
from wild.kernels.files cimport Inputs
from wild.kernels.sections cimport Read
from wild.kernels.tables cimport SectionRow

cdef object compile_rules(Inputs inputs, Read *read, rules)
cdef uint16_t section_flags(const Elf64_Shdr *shdr) noexcept nogil
cdef void place_section(Read *read, uint32_t file, SectionRow *sec, const Elf64_Shdr *shdr,
                        const uint8_t *name) noexcept nogil
