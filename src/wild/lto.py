"""Link-time optimisation: how files of intermediate code become objects, through the compiler's plugin.

gcc -flto, clang -flto and rustc -C linker-plugin-lto leave the compiler's intermediate code (IR) in object
files.  Only the compiler can read it, so its plugin is loaded: liblto_plugin.so of GCC, LLVMgold.so of LLVM
(GCC wiki, "Linker plugin API").  A link with IR goes this way:

 1. Every file that may hold IR is offered to the plugins, in the order of the command line.  The plugin that
    takes it lists its symbols, and from these an object is made that stands in for it (kernels/stand_ins.py).
 2. Names are resolved with these objects by the passes of any link: archives are searched, COMDAT groups won,
    versions given, exports decided.
 3. The plugin is told that all symbols have been read.  It asks how the symbols of its files were resolved
    (kernels/ir_symbols.py), compiles those files that take part, and names the objects it has made, and
    libraries that these may need.
 4. The objects take the place of the IR (kernels/ir_files.py) and the link begins again with indexing names.

Resolving twice is the plain way: what the optimiser drops and what it adds (calls of memcpy) needs no
bookkeeping.  What was loaded for references that are gone stays, as its constructors may be what is wanted.

A plugin is loaded only if there is IR, although gcc names its own in every link.  rustc gives options for a
plugin that it does not name, and clang names none to a linker that it takes for lld: LLVM's is then looked
for beside clang and where distributions put it.  Objects with both machine code and IR are linked as the one
if no plugin takes the other.

The plugin's temporary files are removed as soon as its objects are open.  Its messages are shown as ours.
Limits: a function that --wrap is about can already be inlined, or be bound inside the one object that the
compiler makes of all IR; other linkers with plugins do no better.  Members of IR that are wanted only by what
the compiler makes of other IR come too late, so those that define functions which compilers call on their own
are loaded beforehand.
"""

from __future__ import annotations

import posix

from wild.clock import Clock
from wild.errors import LinkError
from wild.kernels.files import MAP_OBJECT
from wild.kernels.ir_files import (
    claimed_files,
    excluded_names,
    ir_files,
    is_fat,
    load_definitions,
    replace_claimed,
)
from wild.kernels.ir_symbols import IrSymbols
from wild.kernels.plugin import ERROR, WARNING, Plugin
from wild.kernels.plugin_calls import load
from wild.messages import Messages
from wild.option_effects import IN_AS_NEEDED, IN_STATIC
from wild.own_symbols import encode

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from wild.inputs import InputSet
    from wild.kernels.files import Inputs
    from wild.kernels.pool import Pool
    from wild.link import Resolved
    from wild.options import Options

    Resolve = Callable[[Pool, Inputs, Resolved, Options, Messages, Clock], None]

BITCODE = (b"BC\xc0\xde", b"\xde\xc0\x17\x0b")
OUTPUT_KINDS = {"relocatable": 0, "exec": 1, "shared": 2, "pie": 3}  # LDPO_*

# What compilers call without being asked: the C functions that they know, and those of their own libraries.
LIBRARY_CALLS = """
    memcpy memmove memset memcmp bcmp bzero mempcpy strlen strcpy stpcpy strcat strchr strcmp puts putchar abort
    sqrt sqrtf pow powf exp expf exp2 log logf log2 sin sinf cos cosf sincos sincosf fmod fmodf floor floorf ceil
    ceilf trunc truncf round roundf rint rintf nearbyint fma fmaf fmin fmax ldexp frexp
    __stack_chk_fail __udivti3 __divti3 __umodti3 __modti3 __multi3 __ashlti3 __lshrti3 __muloti4 __popcountdi2
    __tls_get_addr __cxa_atexit __cxa_guard_acquire __cxa_guard_release _Unwind_Resume
""".split()


def compile_inputs(
    pool: Pool,
    inputs: Inputs,
    found: Resolved,
    options: Options,
    messages: Messages,
    resolve: Resolve,
) -> None:
    """Replace the IR among the inputs by objects; `resolve` resolves all names as they are then, into `found`.

    Raises LinkError if a plugin reports an error, and for errors of names that no compiler can mend.
    """
    files = ir_files(inputs)
    wanted = [file for file in files if not is_fat(inputs, file)]
    plugins = [
        Plugin(inputs, path, list(map(encode, options.wraps)))
        for path in plugin_paths(inputs, wanted, options)
    ]
    try:
        if plugins and claim(plugins, inputs, files, options, messages):
            found.sources.read_headers(found.own)
            run(plugins, pool, inputs, found, options, messages, resolve)
    finally:
        for plugin in plugins:
            plugin.clean_up()
    for plugin in plugins:
        show_messages(plugin, messages)


def claim(
    plugins: list[Plugin], inputs: Inputs, files: list[int], options: Options, messages: Messages
) -> bool:
    """Load the plugins and offer each file to one after the other; is any file taken?"""
    kind = OUTPUT_KINDS[options.kind]
    for plugin in plugins:
        words = [encode(word) for word in plugin_options(plugin.path, options)]
        load(plugin, words, encode(options.output), kind)
        show_messages(plugin, messages)
    taken = 0
    for file in files:
        path = inputs.paths[inputs.file_row(file)["map"]]
        for plugin in plugins:
            claimed = plugin.claim(file, path)
            show_messages(plugin, messages, f"{inputs.file_name(file)}: ")
            if claimed:
                taken += 1
                break
    return taken > 0


def run(
    plugins: list[Plugin],
    pool: Pool,
    inputs: Inputs,
    found: Resolved,
    options: Options,
    messages: Messages,
    resolve: Resolve,
) -> None:
    """Steps 2 to 4 for files that plugins have claimed."""
    # What there is to tell and to warn of is said of the final files.
    silent = Messages(options)
    resolve(pool, inputs, found, options, silent, Clock(False))
    if claimed_files(inputs) and load_definitions(inputs, found.names, list(map(encode, LIBRARY_CALLS))):
        resolve(pool, inputs, found, options, silent, Clock(False))
    silent.stop_if_failed()
    if not claimed_files(inputs):
        return
    claims = [plugin.files() for plugin in plugins]
    symbols = IrSymbols(pool, found.names, found.resolution, claims, options.kind == "relocatable")
    symbols.see([name for symbol in map(encode, options.wraps) for name in (symbol, b"__wrap_" + symbol)])
    for plugin in plugins:
        compile_claimed(plugin, symbols)
        show_messages(plugin, messages)
    if options.exclude_libs:
        found.sources.hidden = excluded_names(inputs, found.names, found.resolution)
    replace(plugins, pool, inputs, found, options)
    found.sources.read_headers(found.own)


def compile_claimed(plugin: Plugin, symbols: IrSymbols) -> None:
    """Let the plugin work; its children do not inherit that the interpreter ignores SIGPIPE."""
    from signal import SIG_DFL, SIGPIPE, signal

    before = signal(SIGPIPE, SIG_DFL)
    try:
        plugin.all_symbols_read(symbols)
    finally:
        signal(SIGPIPE, before)


def replace(plugins: list[Plugin], pool: Pool, inputs: Inputs, found: Resolved, options: Options) -> None:
    """Put the plugins' objects in the place of the IR, and their libraries behind everything."""
    sources = found.sources
    paths = [path for plugin in plugins for path in plugin.added_files]
    first = inputs.open(pool, paths)
    maps = range(first, first + len(paths))
    objects = [map for map in maps if inputs.map_kind(map) == MAP_OBJECT]
    wanted = [] if options.kind == "relocatable" else plugins  # what is missing is left to the next link
    libraries = [find_library(name, plugin, sources) for plugin in wanted for name in plugin.added_libraries]
    bits = IN_AS_NEEDED | (IN_STATIC if options.static else 0)
    more, flags = sources.open_paths(libraries, [bits] * len(libraries), 0)
    others = [map for map in maps if inputs.map_kind(map) != MAP_OBJECT]
    replace_claimed(
        inputs, pool, found.names, found.sections, objects, more + others, flags + [0] * len(others)
    )


def find_library(name: str, plugin: Plugin, sources: InputSet) -> str:
    """The file for a library that a plugin asks for by the NAME of -lNAME; its own directories go first."""
    static = sources.options.static
    directories = sources.directories
    sources.directories = plugin.library_paths + directories
    path = sources.find_library(name, static)
    sources.directories = directories
    if path is None:
        raise LinkError(f"{base_name(plugin.path)}: {sources.library_missing(name, static)}")
    return path


def show_messages(plugin: Plugin, messages: Messages, about: str = "") -> None:
    """Pass on what the plugin says, of a file that it was offered; raises LinkError after an error."""
    said, plugin.messages = plugin.messages, []
    for level, words in said:
        text = f"{base_name(plugin.path)}: {words.strip()}"
        if level >= ERROR:
            messages.refuse(about + text)
        elif level == WARNING:
            messages.warn(about + text)
        else:
            messages.tell(text)
    messages.stop_if_failed()


# -- which plugin, and with which options


def plugin_paths(inputs: Inputs, wanted: list[int], options: Options) -> list[str]:
    """The plugins to load: those of the command line, and one for bitcode if there seems to be none for that."""
    paths = list(dict.fromkeys(path for path, _ in options.plugins))
    if all(is_of_gcc(path) for path in paths) and any(
        inputs.file_start(file)[:4] in BITCODE for file in wanted
    ):
        found = find_llvm_plugin()
        if found:
            paths.append(found)
    return paths


def plugin_options(path: str, options: Options) -> list[str]:
    """The options for a plugin: those behind its name, except that words which only LLVM knows go to LLVM's.

    rustc gives its options before or behind another plugin's name, or without any.
    """
    own: list[str] = []
    strays = list(options.plugin_opts)
    for name, words in options.plugins:
        if is_of_gcc(name) and not is_of_gcc(path):
            strays += [word for word in words if not is_for_gcc(word)]
        elif name == path:
            own += [word for word in words if is_for_gcc(word)] if is_of_gcc(path) else words
    if is_of_gcc(path):
        return [word for word in strays if is_for_gcc(word)] + own
    return strays + own + options.lto_words


def is_of_gcc(path: str) -> bool:
    """Is it GCC's plugin, going by its name?"""
    return "lto_plugin" in base_name(path)


def is_of_llvm(path: str) -> bool:
    return "LLVM" in base_name(path)


def is_for_gcc(word: str) -> bool:
    """Is it an option as GCC's driver gives them: the path of lto-wrapper, or one with a dash of its own?"""
    return word.startswith(
        ("/", "-fresolution=", "-pass-through=", "-linker-output-", "-sym-style=", "-debug", "-nop")
    )


def base_name(path: str) -> str:
    return path.rpartition("/")[2]


def find_llvm_plugin() -> str | None:
    """LLVMgold.so: beside the clang that is found first, else the newest where distributions put it."""
    from os.path import dirname, exists, realpath

    clangs = [
        f"{directory}/clang"
        for directory in posix.environ.get(b"PATH", b"").decode(errors="ignore").split(":")
    ]
    candidates = [f"{dirname(dirname(realpath(clang)))}/lib/LLVMgold.so" for clang in clangs if exists(clang)]
    candidates += [f"/usr/lib/{directory}/lib/LLVMgold.so" for directory in llvm_directories("/usr/lib")]
    candidates += [
        f"{base}/LLVMgold.so" for base in ("/usr/lib/bfd-plugins", "/usr/lib64", "/usr/lib", "/usr/local/lib")
    ]
    return next(filter(exists, candidates), None)


def llvm_directories(parent: str) -> list[str]:
    """Debian's llvm-NN, the newest first."""
    try:
        versions = [name[5:] for name in posix.listdir(parent) if name.startswith("llvm-")]
    except OSError:
        return []
    return [f"llvm-{version}" for version in sorted(filter(str.isdigit, versions), key=int, reverse=True)]


def why_not_compiled(inputs: Inputs, file: int, options: Options) -> str:
    """What to do about a file of IR that takes part in the link and that no plugin has taken."""
    bitcode = inputs.file_start(file)[:4] in BITCODE
    what = "holds only LLVM bitcode" if bitcode else "holds only GCC's intermediate code"
    name = inputs.file_name(file)
    others = is_of_gcc if bitcode else is_of_llvm
    plugins = ", ".join(dict.fromkeys(path for path, _ in options.plugins if not others(path)))
    if not plugins and bitcode:
        plugins = find_llvm_plugin() or ""
    if plugins:
        return (
            f"{name}: {what}, which {plugins} does not take; was it made by another version of the compiler?"
        )
    if bitcode:
        advice = "link with clang -flto, or add -plugin with the path of LLVMgold.so, which belongs to LLVM"
        return f"{name}: {what}, and there is no plugin for that; {advice}, or compile it without -flto"
    advice = "link with gcc -flto, or add -plugin with what `gcc -print-file-name=liblto_plugin.so` prints"
    return (
        f"{name}: {what}, and no plugin is given; {advice}, or compile it with -ffat-lto-objects or -fno-lto"
    )
