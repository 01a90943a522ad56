"""SHF_COMPRESSED inputs (gABI "Section Compression"): each is uncompressed once, before anybody reads it."""

from __future__ import annotations

from wild.errors import LinkError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from wild.kernels.files import Inputs
    from wild.kernels.sections import SectionTable

ELFCOMPRESS_ZLIB, ELFCOMPRESS_ZSTD = 1, 2


def decompress_sections(inputs: Inputs, sections: SectionTable) -> None:
    """Give every compressed section its contents; raises LinkError."""
    for section, file, data, kind, size in sections.compressed():
        try:
            content = uncompress(data, kind, size)
        except ValueError as error:
            raise LinkError(f"{inputs.file_name(file)}: a compressed section is damaged: {error}") from None
        if len(content) != size:
            raise LinkError(
                f"{inputs.file_name(file)}: a compressed section has {len(content)} bytes, its header says {size}"
            )
        sections.set_content(section, content)


def uncompress(data: bytes, kind: int, size: int) -> bytes:
    """The contents; raises ValueError with the reason."""
    if kind == ELFCOMPRESS_ZLIB:
        import zlib

        engine = zlib.decompressobj()
        try:
            return engine.decompress(data, size + 1) if size else b""
        except zlib.error as error:
            raise ValueError(str(error)) from None
    if kind == ELFCOMPRESS_ZSTD:
        from wild.optional import decompress_zstd

        content = decompress_zstd(data, size)
        if content is None:
            raise ValueError("it is compressed with zstd; install the Python package zstandard")
        return content
    raise ValueError(f"unknown compression {kind}")
