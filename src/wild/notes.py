"""The linker's own notes: .note.gnu.property, .note.gnu.build-id (and what it hashes), .note.package."""

from __future__ import annotations

from wild.errors import LinkError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from wild.kernels.notes import NoteTable
    from wild.kernels.pool import Pool

NT_GNU_BUILD_ID = 3
NT_GNU_PROPERTY_TYPE_0 = 5
NT_FDO_PACKAGING_METADATA = 0xCAFE1A7E
GNU_PROPERTY_STACK_SIZE, GNU_PROPERTY_MEMORY_SEAL, GNU_PROPERTY_1_NEEDED = 1, 3, 0xB0008000
GNU_PROPERTY_X86_FEATURE_1_AND = 0xC0000002
GNU_PROPERTY_X86_ISA_1_NEEDED = 0xC0008002

NOTE_HEADER = 16  # bytes before the description of a note whose owner has three letters
LEAF = 1 << 20  # bytes that one thread hashes at a time for the tree of --build-id=sha1
STYLE_SIZES = {"fast": 20, "sha1": 20, "tree": 20, "sha256": 32, "md5": 16, "uuid": 16}

# What GNU ld's --package-metadata writes for characters that shells and compiler drivers would take for
# themselves.
PERCENT_NAMES = {"comma": ",", "lbrace": "{", "quot": '"', "rbrace": "}", "space": " "}


def word(value: int) -> bytes:
    return value.to_bytes(4, "little")


def note(owner: bytes, kind: int, description: bytes, align: int = 4) -> bytes:
    """One note (gABI, "Note Section"): sizes, type, owner, description, filled up to `align` bytes."""
    name = owner + b"\0"
    head = word(len(name)) + word(len(description)) + word(kind) + name
    return fill_up(head, align if align == 4 else 8) + fill_up(description, align)


def fill_up(data: bytes, align: int) -> bytes:
    return data + bytes(-len(data) % align)


def property_note(
    properties: list[tuple[int, int, int]],
    forced: dict[int, int] | None = None,
    plain: dict[int, tuple[int, int]] | None = None,
) -> bytes:
    """.note.gnu.property, aligned to 8; b"" if there is nothing to say.

    `properties` are (type, bytes of data, value) as NoteTable has them.  `forced` are bits by type that the
    command line adds (-z ibt, -z shstk, -z x86-64-v2); `plain` are properties by type, as (bytes of data, value).
    """
    rows = {kind: (size, value) for kind, size, value in properties}
    for kind, bits in (forced or {}).items():
        if bits:
            rows[kind] = (4, rows.get(kind, (4, 0))[1] | bits)
    rows |= plain or {}
    if not rows:
        return b""
    entries = [
        fill_up(word(kind) + word(size) + value.to_bytes(size, "little"), 8)
        for kind, (size, value) in sorted(rows.items())
    ]
    return note(b"GNU", NT_GNU_PROPERTY_TYPE_0, b"".join(entries), 8)


FEATURES = ((1, "IBT"), (2, "SHSTK"))  # bits of GNU_PROPERTY_X86_FEATURE_1_AND
STACK_EXECUTABLE = 2  # NoteTable.files_with_stack


def feature_texts(table: NoteTable, name_of: Callable[[int], str], limit: int) -> list[str]:
    """For -z cet-report: the objects that keep IBT or SHSTK from the output, at most `limit` for each."""
    missing: dict[int, list[str]] = {}
    for bit, feature in FEATURES:
        for file in table.files_without(bit, limit):
            missing.setdefault(file, []).append(feature)
    return [
        f"{name_of(file)}: not marked for {' and '.join(missing[file])} (.note.gnu.property)"
        "; compile it with -fcf-protection"
        for file in sorted(missing)
    ]


def stack_is_executable(table: NoteTable, asked: bool | None) -> bool:
    """PF_X of PT_GNU_STACK: as -z execstack or noexecstack (`asked`) says, else .note.GNU-stack of an object.

    An object without that note does not count, as in lld and mold: it is assembly by someone who forgot it.
    """
    return bool(table.files_with_stack(STACK_EXECUTABLE, 1)) if asked is None else asked


def stack_texts(table: NoteTable, name_of: Callable[[int], str], limit: int) -> list[str]:
    """For --warn-execstack: the objects that make the stack executable."""
    return [
        f"{name_of(file)}: makes the stack executable (.note.GNU-stack); with -z noexecstack it does not"
        for file in table.files_with_stack(STACK_EXECUTABLE, limit)
    ]


def package_metadata_note(argument: str) -> bytes:
    """.note.package (Package Metadata for Executable Files): the JSON text, ended by NUL."""
    text = percent_decoded(argument).encode(errors="surrogateescape")
    return note(b"FDO", NT_FDO_PACKAGING_METADATA, text + b"\0")


def percent_decoded(text: str) -> str:
    """The text with %XX and GNU ld's %[name] replaced; raises LinkError for any other %."""
    first, *pieces = text.split("%")
    data = first.encode(errors="surrogateescape")
    for piece in pieces:
        if piece.startswith("["):
            name, bracket, rest = piece[1:].partition("]")
            if not bracket or name not in PERCENT_NAMES:
                raise LinkError(
                    f"--package-metadata: %[{name}] is no escape; known are {', '.join(PERCENT_NAMES)}"
                )
            data += PERCENT_NAMES[name].encode() + rest.encode(errors="surrogateescape")
        else:
            data += percent_byte(piece[:2]) + piece[2:].encode(errors="surrogateescape")
    return data.decode(errors="surrogateescape")


def percent_byte(digits: str) -> bytes:
    try:
        if len(digits) == 2 and digits.isalnum():
            return bytes.fromhex(digits)
    except ValueError:
        pass
    raise LinkError(f"--package-metadata: %{digits} is no escape; write % as %25")


class BuildId:
    """What --build-id asks for: `size` bytes that are `fixed` or computed from the output (`digest`)."""

    __slots__ = ("fixed", "size", "style")

    def __init__(self, style: str) -> None:
        """`style`: fast, sha1, tree, sha256, md5, uuid or 0xHEX; raises LinkError for another."""
        self.style = style
        self.fixed = b""
        if style[:2] in ("0x", "0X"):
            self.fixed = hex_bytes(style[2:])
        elif style == "uuid":
            self.fixed = random_uuid()
        elif style not in STYLE_SIZES:
            raise LinkError(
                f"--build-id={style}: unknown style; known are {', '.join(STYLE_SIZES)}, 0xHEX and none"
            )
        self.size = len(self.fixed) or STYLE_SIZES[style]

    def note(self) -> bytes:
        """.note.gnu.build-id; until `digest` is known, its last `size` bytes are zero."""
        return note(b"GNU", NT_GNU_BUILD_ID, self.fixed or bytes(self.size))

    def digest(self, pool: Pool, address: int, size: int) -> bytes:
        """The id of the output: the `size` bytes at `address`, in which the id itself is still zero."""
        if self.fixed:
            return self.fixed
        from wild.kernels import buildid

        if self.style == "fast":
            return buildid.fast_digest(pool, address, size)
        name = "sha1" if self.style == "tree" else self.style
        return tree_digest(name, buildid.memory(address, size), pool.threads)


def hex_bytes(digits: str) -> bytes:
    """Bytes of --build-id=0x..., whose digits may be set apart by - and : (as GNU ld allows)."""
    plain = digits.replace("-", "").replace(":", "")
    try:
        if plain and not set(plain) - set("0123456789abcdefABCDEF"):
            return bytes.fromhex(plain)
    except ValueError:
        pass
    raise LinkError(f"--build-id=0x{digits}: not an even number of hexadecimal digits")


def random_uuid() -> bytes:
    """A random UUID (RFC 9562, version 4)."""
    import posix

    data = bytearray(posix.urandom(16))
    data[6] = data[6] & 0x0F | 0x40
    data[8] = data[8] & 0x3F | 0x80
    return bytes(data)


def tree_digest(name: str, data: memoryview, threads: int) -> bytes:
    """A cryptographic hash of the hashes of all leaves, which several threads compute (without the GIL)."""
    import _thread
    import hashlib

    starts = range(0, len(data), LEAF)
    leaves = [b""] * len(starts)
    unclaimed = iter(range(len(starts)))

    def hash_leaves() -> None:
        for leaf in unclaimed:
            start = starts[leaf]
            leaves[leaf] = hashlib.new(name, data[start : start + LEAF], usedforsecurity=False).digest()

    def work(done: _thread.LockType) -> None:
        try:
            hash_leaves()
        finally:
            done.release()

    running = []
    for _ in range(min(threads, len(starts)) - 1):
        done = _thread.allocate_lock()
        done.acquire()
        _thread.start_new_thread(work, (done,))
        running.append(done)
    hash_leaves()
    for done in running:
        done.acquire()
    return hashlib.new(name, b"".join(leaves), usedforsecurity=False).digest()
