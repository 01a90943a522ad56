"""What differs between machines: one module each, read by the kernels, the texts of errors and the tools."""
