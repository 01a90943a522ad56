"""Linker scripts that lay out the output (SECTIONS, MEMORY, PHDRS); loaded when there is one."""
