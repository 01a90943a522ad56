"""The effects of options that few links use: those of `wild.option_effects` go on here as plain functions."""

from __future__ import annotations

from posix import stat, urandom
from sys import getfilesystemencoding

from wild.option_effects import IN_BINARY, IN_JUST_SYMBOLS, IN_LAZY, IN_STATIC, NO_END, check_choice

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from wild.option_effects import Effects
    from wild.option_table import Row
    from wild.options import Options

MOST_SPARE_HEADERS = 32
_SHOWS = ("", "v", "V", "version")


def clear(effects: Effects, row: Row, name: str, value: str) -> None:
    setattr(effects.options, row[3], None)


def add_builtin_list(effects: Effects, row: Row, name: str, value: str) -> None:
    effects.options.builtin_lists.append(row[3])


def add_bits(effects: Effects, row: Row, name: str, value: str) -> None:
    """The target is `attribute=bits`; several options add up."""
    attribute, _, bits = row[3].partition("=")
    setattr(effects.options, attribute, getattr(effects.options, attribute) | int(bits))


def set_format(effects: Effects, row: Row, name: str, value: str) -> None:
    """A format counts for the inputs that follow, as in GNU ld."""
    if value not in ("binary", "default", "elf", "elf64-x86-64"):
        raise ValueError("must be binary, default or elf64-x86-64")
    effects.set_marks(IN_BINARY if value == "binary" else 0, IN_BINARY)


def remap_inputs(effects: Effects, row: Row, name: str, value: str) -> None:
    pattern, equals, file = value.partition("=")
    if not equals or not pattern:
        raise ValueError("must be PATTERN=FILE")
    effects.options.remapped_inputs.append((pattern, file))


def read_remaps(effects: Effects, row: Row, name: str, value: str) -> None:
    """Lines `PATTERN FILE` or `PATTERN=FILE`; # begins a comment (GNU ld manual, --remap-inputs-file)."""
    try:
        with open(value, encoding="utf-8", errors="surrogateescape") as file:
            lines = file.read().splitlines()
    except OSError as error:
        raise ValueError(error.strerror) from None
    for number, line in enumerate(lines, 1):
        words = line.partition("#")[0].replace("=", " ", 1).split()
        if words and len(words) != 2:
            raise ValueError(f"line {number} is not PATTERN FILE")
        if words:
            effects.options.remapped_inputs.append((words[0], words[1]))


def count(effects: Effects, row: Row, name: str, value: str) -> None:
    setattr(effects.options, row[3], getattr(effects.options, row[3]) + 1)


def number(effects: Effects, row: Row, name: str, value: str) -> None:
    """The target may name the number that is meant when there is none: `attribute=number`."""
    attribute, _, default = row[3].partition("=")
    setattr(effects.options, attribute, parse_number(value or default))


def set_incremental(effects: Effects, row: Row, name: str, value: str) -> None:
    check_choice(row, value or "explain")
    effects.options.incremental = True
    effects.options.incremental_how = value


def page_size(effects: Effects, row: Row, name: str, value: str) -> None:
    size = parse_number(value)
    if size <= 0 or size & (size - 1):
        raise ValueError("a page size must be a power of two")
    setattr(effects.options, row[3], size)


def only(effects: Effects, row: Row, name: str, value: str) -> None:
    """Accept the values that ask for what happens anyway."""
    if value not in row[3].split():
        effects.refuse(row, name, value)


def set_compression(effects: Effects, row: Row, name: str, value: str) -> None:
    check_choice(row, value)
    effects.options.compress_debug_sections = "zlib" if value == "zlib-gabi" else value


def add_compression(effects: Effects, row: Row, name: str, value: str) -> None:
    glob, equals, how = value.rpartition("=")
    kind, _, level = how.partition(":")
    if not equals or not glob or kind not in ("none", "zlib", "zstd"):
        raise ValueError("must be GLOB=none, GLOB=zlib or GLOB=zstd; a level may follow, as in zlib:9")
    if level and not 0 <= parse_number(level) <= (9 if kind == "zlib" else 22):
        raise ValueError("the level of zlib is at most 9, that of zstd at most 22")
    effects.options.compress_sections.append((glob, kind, parse_number(level) if level else None))


def sort_calls(effects: Effects, row: Row, name: str, value: str) -> None:
    value = value or "hfsort"
    check_choice(row, value)
    effects.options.call_graph_profile_sort = value


def shuffle(effects: Effects, row: Row, name: str, value: str) -> None:
    """lld writes GLOB=SEED, and -1 for the reverse order."""
    seed = value.removeprefix("*=")
    if seed == "-1":
        effects.options.reverse_sections = True
    elif seed:
        effects.options.shuffle_sections = parse_number(seed)
    else:
        effects.options.shuffle_sections = int.from_bytes(urandom(8), "little")


def add_backrefs_exclude(effects: Effects, row: Row, name: str, value: str) -> None:
    effects.options.warn_backrefs_exclude = (*effects.options.warn_backrefs_exclude, value)


def discard_section(effects: Effects, row: Row, name: str, value: str) -> None:
    effects.options.discard_sections = (*effects.options.discard_sections, row[3] or value)


def keep_apart(effects: Effects, row: Row, name: str, value: str) -> None:
    effects.options.unique.append(value or "*")


def switch_magic(effects: Effects, row: Row, name: str, value: str) -> None:
    """-n and -N also turn shared objects off, as in GNU ld's manual."""
    effects.switch(row, name, value)
    if getattr(effects.options, row[3]):
        effects.set_marks(IN_STATIC, 0)


def set_package_metadata(effects: Effects, row: Row, name: str, value: str) -> None:
    effects.options.package_metadata = decode_percent(value) or None


def add_rpath_directory(effects: Effects, row: Row, name: str, value: str) -> None:
    """-R: a directory of the run-time search path, which need not exist here, or a file of symbols."""
    if not exists(value) or is_directory(value):
        effects.add_rpath(row, name, value)
        return
    effects.fill_flags()
    effects.options.inputs.append(value)
    effects.options.input_flags.append(IN_JUST_SYMBOLS)
    effects.options.just_symbols = True


def set_image_base(effects: Effects, row: Row, name: str, value: str) -> None:
    effects.options.image_base = parse_number(value) if name == "image-base" else parse_address(value)


def set_section_start(effects: Effects, row: Row, name: str, value: str) -> None:
    section, equals, address = value.rpartition("=")
    if not equals or not section:
        raise ValueError("must be NAME=ADDRESS")
    effects.options.section_start[section] = parse_address(address)


def set_section_align(effects: Effects, row: Row, name: str, value: str) -> None:
    section, equals, size = value.rpartition("=")
    if not equals or not section:
        raise ValueError("must be NAME=SIZE")
    align = parse_number(size)
    if align <= 0 or align & (align - 1) or align >> 32:
        raise ValueError("the size must be a power of two below 2^32")
    effects.options.section_align[section] = align


def set_spare_headers(effects: Effects, row: Row, name: str, value: str) -> None:
    """The headers have to stay on one page."""
    count = parse_number(value)
    if count > MOST_SPARE_HEADERS:
        raise ValueError(f"at most {MOST_SPARE_HEADERS}")
    effects.options.spare_program_headers = count


def set_named_section_start(effects: Effects, row: Row, name: str, value: str) -> None:
    effects.options.section_start[row[3]] = parse_address(value)


def set_segment_start(effects: Effects, row: Row, name: str, value: str) -> None:
    effects.options.segment_start[row[3]] = parse_address(value)


def set_output_format(effects: Effects, row: Row, name: str, value: str) -> None:
    if value not in ("elf64-x86-64", "elf", "default", "binary"):
        raise ValueError(f"{value}: only elf64-x86-64 and binary can be written")
    effects.options.oformat = "binary" if value == "binary" else "elf64-x86-64"


def choose_libraries(effects: Effects, row: Row, name: str, value: str) -> None:
    check_choice(row, value)
    effects.set_marks(IN_STATIC if value == "archive" else 0, IN_STATIC)


def start_lib(effects: Effects, row: Row, name: str, value: str) -> None:
    if effects.marks & IN_LAZY:
        raise ValueError("inside another --start-lib")
    effects.set_marks(IN_LAZY, 0)
    effects.options.groups.append((len(effects.options.inputs), NO_END))


def end_lib(effects: Effects, row: Row, name: str, value: str) -> None:
    if not effects.marks & IN_LAZY:
        raise ValueError("there was no --start-lib before it")
    effects.set_marks(0, IN_LAZY)
    effects.end_inner_group()


def add_defsym(effects: Effects, row: Row, name: str, value: str) -> None:
    symbol, _, expression = value.partition("=")
    if not symbol or not expression:
        raise ValueError("must be SYMBOL=EXPRESSION")
    effects.options.defsyms.append((symbol, expression))


def add_exclude_libs(effects: Effects, row: Row, name: str, value: str) -> None:
    names = value.replace(":", ",").split(",")
    if "ALL" in names or effects.options.exclude_libs == "ALL":
        effects.options.exclude_libs = "ALL"
    else:
        effects.options.exclude_libs = [*effects.options.exclude_libs, *filter(None, names)]


def set_unresolved_symbols(effects: Effects, row: Row, name: str, value: str) -> None:
    """Which also decides what -z defs and --allow-shlib-undefined did before it: the last one wins."""
    check_choice(row, value)
    effects.options.unresolved_symbols = value
    effects.options.z_defs = effects.options.allow_shlib_undefined = None


def pack_relocations(effects: Effects, row: Row, name: str, value: str) -> None:
    """Relative relocations (relr), the others, too (android), or each in the form that is best for it."""
    check_choice(row, value)
    effects.options.z_pack_relative_relocs = value.endswith("relr")
    effects.options.android_relocations = value.startswith("android")


def set_call_nop(effects: Effects, row: Row, name: str, value: str) -> None:
    """GNU ld manual, -z call-nop: where the byte goes, and which one it is."""
    where, dash, byte = value.partition("-")
    byte = {"prefix-addr": "0x67", "suffix-nop": "0x90"}.get(value, byte)
    if where not in ("prefix", "suffix") or not dash:
        raise ValueError("must be prefix-addr, suffix-nop, prefix-NUMBER or suffix-NUMBER")
    number = parse_number(byte)
    if number > 255:
        raise ValueError("the number is a byte")
    effects.options.z_call_nop = number, where == "suffix"


def add_tombstone(effects: Effects, row: Row, name: str, value: str) -> None:
    glob, equals, number = value.rpartition("=")
    if not equals or not glob:
        raise ValueError("must be GLOB=VALUE")
    row_of_glob = glob.encode("utf-8", "surrogateescape"), parse_number(number)
    effects.options.dead_relocations = (*effects.options.dead_relocations, row_of_glob)


def add_lto_word(effects: Effects, row: Row, name: str, value: str) -> None:
    """Another linker's option in the words of LLVM's plugin."""
    effects.options.lto_words.append(f"{row[3]}={value}" if value else row[3])


def set_time_trace(effects: Effects, row: Row, name: str, value: str) -> None:
    effects.options.time_trace = value


def set_dependencies(effects: Effects, row: Row, name: str, value: str) -> None:
    effects.options.print_dependencies = value or "-"


def ignore_or_share(effects: Effects, row: Row, name: str, value: str) -> None:
    if name == "G" and not value:
        effects.kinds.add("shared")
        effects.options.kind = "shared"


def set_color(effects: Effects, row: Row, name: str, value: str) -> None:
    value = value or "always"
    check_choice(row, value)
    effects.options.color = value


def print_map(effects: Effects, row: Row, name: str, value: str) -> None:
    effects.options.map_file = effects.options.map_file or "-"


def silence(effects: Effects, row: Row, name: str, value: str) -> None:
    effects.options.no_warnings = True
    effects.options.fatal_warnings = False


def show_help(effects: Effects, row: Row, name: str, value: str) -> None:
    effects.options.help = True
    stop_reading(effects)


def show_version(effects: Effects, row: Row, name: str, value: str) -> None:
    """--version stops there and then, -v and -V go on if there is something to link."""
    effects.options.show_version = max(effects.options.show_version, row[3], key=_SHOWS.index)
    if row[3] == "version":
        stop_reading(effects)


def stop_reading(effects: Effects) -> None:
    """Leave the arguments that follow unread."""
    effects.at = len(effects.arguments)


def parse_number(text: str) -> int:
    """Read a number as C writes it: decimal, 0x hexadecimal or 0 octal."""
    digits = text.lower()
    base = 16 if digits[:2] == "0x" else 8 if digits[:1] == "0" else 10
    return _parse_digits(digits.removeprefix("0x"), base, "needs a number")


def parse_address(text: str) -> int:
    """Read a hexadecimal number, with or without 0x."""
    return _parse_digits(text.lower().removeprefix("0x"), 16, "needs a hexadecimal address")


def _parse_digits(digits: str, base: int, reason: str) -> int:
    if not digits.isascii() or not digits.isalnum():
        raise ValueError(reason)
    try:
        number = int(digits, base)
    except ValueError:
        raise ValueError(reason) from None
    if number >> 64:
        raise ValueError("needs a number below 2^64")
    return number


def decode_percent(text: str) -> str:
    """Replace %XX by the byte it stands for; a `%` before anything else stands for itself."""
    first, *pieces = text.split("%")
    data = first.encode("utf-8", "surrogateescape")
    for piece in pieces:
        code = piece[:2]
        try:
            byte = bytes.fromhex(code) if len(code) == 2 and code.isalnum() else b""
        except ValueError:
            byte = b""
        data += (byte or b"%") + (piece[2:] if byte else piece).encode("utf-8", "surrogateescape")
    return data.decode("utf-8", "surrogateescape")


def exists(path: str) -> bool:
    try:
        stat(path)
    except OSError:
        return False
    return True


def is_directory(path: str) -> bool:
    try:
        return stat(path).st_mode & 0o170000 == 0o040000
    except OSError:
        return False


def use_save_directories(options: Options, environment: Mapping[bytes, bytes]) -> None:
    """WILD_SAVE_DIR=DIR and WILD_SAVE_BASE=DIR; WILD_SAVE_SKIP_LINKING=1 saves the link and makes no output."""
    encoding = getfilesystemencoding()
    options.save_directory = (
        environment.get(b"WILD_SAVE_DIR", b"").decode(encoding, "surrogateescape") or None
    )
    options.save_base = environment.get(b"WILD_SAVE_BASE", b"").decode(encoding, "surrogateescape") or None
    options.save_skip_linking = environment.get(b"WILD_SAVE_SKIP_LINKING") == b"1"


def map_path(path: str, output: str) -> str:
    """Return where -Map writes to: in a directory OUTPUT.map, and `%` stands for OUTPUT, as in GNU ld."""
    if is_directory(path):
        path = f"{path.rstrip('/')}/%.map"
    return path.replace("%", output.rpartition("/")[2])
