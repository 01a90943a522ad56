"""Compressing sections of the output (gABI, "Section Compression").

A section is cut into chunks that threads compress on their own.  Deflate allows that (RFC 1951): a chunk that ends
with an empty stored block ends on a byte boundary, so the chunks joined are one stream; only matches across a cut are
lost, well under one percent at this chunk size.  The checksum of the whole follows from those of the chunks.  With
zstd each chunk is a frame, and frames may follow each other (RFC 8878, 3.1).  Cuts do not depend on the number of
threads, so neither does the output.

zlib is a part of Python, and lets go of the interpreter's lock while it works.  zstd is looked for when it is asked
for: in Python, as the package zstandard, and as the system's libzstd.

--compress-debug-sections=zlib-gnu writes the older form that has no flag: the section is called .zdebug_NAME and
begins with `ZLIB` and the size, big-endian.  A section that would not become smaller is left as it is.
"""

from __future__ import annotations

import zlib
from _thread import allocate_lock, start_new_thread

from wild import elf
from wild.errors import LinkError
from wild.own_symbols import encode

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from wild.kernels.output import Output
    from wild.options import Options
    from wild.output_sections import OutputSection

    Compress = Callable[[memoryview, bool], bytes]  # a chunk, and whether it is the last of its section

CHUNK = 1 << 20
ADLER_BASE = 65521  # RFC 1950
CHDR_SIZE, CHDR_ALIGN = 24, 8
ELFCOMPRESS_ZLIB, ELFCOMPRESS_ZSTD = 1, 2
FAST, GOOD = 1, 6  # zlib levels: without and with -O2
ZSTD_LEVEL = 3


class Job:
    """One section: how it is compressed, and its chunks as they become ready."""

    __slots__ = ("checksums", "compress", "data", "kind", "results", "section")

    def __init__(self, section: OutputSection, kind: str, compress: Compress, data: memoryview) -> None:
        self.section = section
        self.kind = kind
        self.compress = compress
        self.data = data
        count = -(-len(data) // CHUNK)
        self.results: list[bytes] = [b""] * count
        self.checksums = [1] * count

    def run(self, number: int) -> None:
        """Compress one chunk."""
        chunk = self.data[number * CHUNK : (number + 1) * CHUNK]
        self.results[number] = self.compress(chunk, number == len(self.results) - 1)
        if self.kind != "zstd":
            self.checksums[number] = zlib.adler32(chunk)

    def pieces(self) -> list[bytes]:
        """The contents of the compressed section."""
        stream = self.results
        if self.kind != "zstd":
            stream = [b"\x78\x01", *stream, self.checksum().to_bytes(4, "big")]
        return [self.header(), *stream]

    def header(self) -> bytes:
        size = len(self.data)
        if self.kind == "zlib-gnu":
            return b"ZLIB" + size.to_bytes(8, "big")
        number = ELFCOMPRESS_ZSTD if self.kind == "zstd" else ELFCOMPRESS_ZLIB
        return (
            number.to_bytes(8, "little")
            + size.to_bytes(8, "little")
            + self.section.align.to_bytes(8, "little")
        )

    def checksum(self) -> int:
        """Adler-32 of all chunks together: both of its sums are linear in the bytes (RFC 1950, 8.2)."""
        low, high = 1, 0
        for number, found in enumerate(self.checksums):
            length = min(CHUNK, len(self.data) - number * CHUNK)
            high = (high + (found >> 16) + length * (low - 1)) % ADLER_BASE
            low = (low + (found & 0xFFFF) - 1) % ADLER_BASE
        return high << 16 | low


def compress_sections(
    threads: int, options: Options, sections: list[OutputSection], draft: Output
) -> dict[OutputSection, list[bytes]]:
    """The new contents of the sections that become smaller, whose rows are changed to say so."""
    jobs = []
    for section in sections:
        kind, level = choose(options, section)
        if kind != "none" and section.size and not section.nobits:
            jobs.append(Job(section, kind, compressor(kind, level), draft.view(section.offset, section.size)))
    run_all(threads, jobs)
    found = {}
    for job in jobs:
        pieces = job.pieces()
        size = sum(map(len, pieces))
        if size < job.section.size:
            found[job.section] = pieces
            job.section.size = size
            if job.kind == "zlib-gnu":
                job.section.name = f".z{job.section.name[1:]}"
                job.section.align = 1
            else:
                job.section.flags |= elf.SHF_COMPRESSED
                job.section.align = CHDR_ALIGN
    return found


def choose(options: Options, section: OutputSection) -> tuple[str, int | None]:
    """How a section that is not loaded is to be compressed, and the level; the last matching option wins."""
    kind, level = "none", None
    if section.name.startswith(".debug_"):
        kind = options.compress_debug_sections
    for pattern, chosen, wanted in options.compress_sections:
        if matches(section.name, pattern) and section.name not in (".symtab", ".strtab", ".shstrtab"):
            kind, level = chosen, wanted
    if level is None and kind.startswith("zlib"):
        level = GOOD if options.optimize >= 2 else FAST
    return kind, level


def matches(name: str, pattern: str) -> bool:
    from wild.kernels.version_text import matches as glob_matches

    return glob_matches(encode(pattern), encode(name))


def compressor(kind: str, level: int | None) -> Compress:
    """The function that compresses a chunk; raises LinkError if there is no library for it."""
    if kind != "zstd":
        return lambda chunk, is_last: deflate(chunk, FAST if level is None else level, is_last)
    from wild.optional import zstd_compressor

    compress = zstd_compressor(ZSTD_LEVEL if level is None else level)
    if compress is None:
        raise LinkError(
            "cannot compress with zstd: there is neither the Python package zstandard nor the library libzstd.so.1;"
            " install one of them, or compress with zlib"
        )
    return lambda chunk, is_last: compress(chunk)


def deflate(chunk: memoryview, level: int, is_last: bool) -> bytes:
    engine = zlib.compressobj(level, zlib.DEFLATED, -zlib.MAX_WBITS)
    return engine.compress(chunk) + engine.flush(zlib.Z_FINISH if is_last else zlib.Z_SYNC_FLUSH)


def run_all(threads: int, jobs: list[Job]) -> None:
    """Compress all chunks; what goes wrong in a thread is raised here."""
    queue = ((job, number) for job in jobs for number in range(len(job.results)))
    guard = allocate_lock()
    wrong: list[BaseException] = []

    def work(done: Callable[[], None]) -> None:
        try:
            while not wrong:
                with guard:
                    job, number = next(queue)
                job.run(number)
        except StopIteration:
            pass
        except BaseException as error:
            wrong.append(error)
        finally:
            done()

    helpers = []
    for _ in range(min(threads, sum(len(job.results) for job in jobs)) - 1):
        lock = allocate_lock()
        lock.acquire()
        helpers.append(lock)
        start_new_thread(work, (lock.release,))
    work(lambda: None)
    for lock in helpers:
        lock.acquire()
    if wrong:
        raise wrong[0]
