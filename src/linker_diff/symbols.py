"""Symbols of `.symtab` and `.dynsym` by name, and the versions that a file defines and needs."""

from __future__ import annotations

from collections.abc import Iterator

from linker_diff import elf_names as elf
from linker_diff.headers import Facts, differing, value_difference
from linker_diff.image import Image, Symbol
from linker_diff.match import Pair
from linker_diff.places import is_boundary, plain_name
from linker_diff.report import Difference

# Canonical entries of ifuncs, in which some linkers put them apart.
SAME_SECTION = {".iplt": ".plt", ".plt.sec": ".plt", ".plt.got": ".plt", ".bss.rel.ro": ".data.rel.ro"}


def compare_symbols(pair: Pair) -> Iterator[Difference]:
    """Global symbols with their properties, local ones by whether they are there."""
    ref, ours = pair.ref.image, pair.ours.image
    if ref.dynamic_symbols or ours.dynamic_symbols:
        yield from compare_tables(pair, "dynsym", ref.dynamic_symbols, ours.dynamic_symbols)
    if ref.symbols and ours.symbols:
        yield from compare_tables(pair, "symbol", ref.symbols, ours.symbols)
        yield from compare_locals(pair)
    elif ref.symbols or ours.symbols:
        texts = ("present" if it.symbols else "-" for it in (ref, ours))
        yield value_difference(pair, "section.symtab." + ("missing" if ref.symbols else "extra"), *texts)


def compare_tables(pair: Pair, key: str, a: list[Symbol], b: list[Symbol]) -> Iterator[Difference]:
    by_name_a, by_name_b = global_symbols(pair.ref.image, a, key), global_symbols(pair.ours.image, b, key)
    hidden_a, hidden_b = hidden_names(a), hidden_names(b)
    for name, symbol in by_name_a.items():
        other = by_name_b.get(name)
        if other is None:
            if key == "dynsym" or name not in hidden_b:
                yield presence(pair, f"{key}.missing.{name}", symbol, None)
        elif symbol[3:] != other[3:] or symbol.size != other.size:
            yield from properties(pair, key, name, symbol, other)
    for name in by_name_b.keys() - by_name_a.keys():
        if key == "dynsym" or name not in hidden_a:
            optional = key == "dynsym" and is_optional(pair, name)
            yield presence(pair, f"{key}.{'weak' if optional else 'extra'}.{name}", None, by_name_b[name])


def is_optional(pair: Pair, name: str) -> bool:
    """An undefined weak symbol of our executable, of which the dynamic linker need not know."""
    return pair.ours.image.is_executable and name in pair.ours.weak


def global_symbols(image: Image, table: list[Symbol], key: str) -> dict[str, Symbol]:
    """Undefined symbols say something only to the dynamic linker, those that stand for versions to nobody."""
    return {
        plain_name(image, symbol): symbol
        for symbol in table
        if symbol.binding != elf.STB_LOCAL and symbol.name and symbol.visibility in (0, 3)
        and (symbol.is_defined or key == "dynsym")
        and not (symbol.section == elf.SHN_ABS and symbol.name in image.versions.defined)
    }  # fmt: skip


def hidden_names(table: list[Symbol]) -> set[str]:
    """Hidden symbols, which some linkers make local in the output and some do not."""
    return {
        symbol.name for symbol in table if symbol.binding == elf.STB_LOCAL or symbol.visibility not in (0, 3)
    }


def presence(pair: Pair, key: str, a: Symbol | None, b: Symbol | None) -> Difference:
    texts = (
        "-" if symbol is None else shown(places.image, symbol)
        for symbol, places in ((a, pair.ref), (b, pair.ours))
    )
    return value_difference(pair, key, *texts)


def shown(image: Image, symbol: Symbol) -> str:
    facts = symbol_facts(image, symbol)
    return " ".join(facts[name] for name in ("binding", "type", "visibility", "section") if facts[name])


def properties(pair: Pair, key: str, name: str, a: Symbol, b: Symbol) -> Iterator[Difference]:
    facts_a, facts_b = symbol_facts(pair.ref.image, a), symbol_facts(pair.ours.image, b)
    if elf.STT_GNU_IFUNC in (a.type, b.type) and any(map_entries(pair, a, b)):
        values = ("its PLT entry" if entry else "its resolver" for entry in map_entries(pair, a, b))
        yield value_difference(pair, f"{key}.ifunc.{name}", *values)
        return
    for fact, value in facts_a.items():
        if facts_b[fact] != value and not (
            is_boundary(name) and fact in ("section", "type", "binding", "size")
        ):
            yield value_difference(pair, f"{key}.{fact}.{name}", value, facts_b[fact])


def map_entries(pair: Pair, a: Symbol, b: Symbol) -> tuple[bool, bool]:
    return pair.ref.ifunc_entry(a) is not None, pair.ours.ifunc_entry(b) is not None


def symbol_facts(image: Image, symbol: Symbol) -> Facts:
    """What is said of a symbol besides its address, which the comparison of contents covers."""
    absolute = symbol.section == elf.SHN_ABS
    # What is defined elsewhere has the type that it has there; what a reference says is some linker's guess.
    plain = symbol.is_defined or symbol.value or symbol.type == elf.STT_TLS
    return {
        "type": elf.named(symbol.type, elf.SYMBOL_TYPES) if plain else "",
        "binding": elf.named(symbol.binding, elf.BINDINGS),
        "visibility": elf.VISIBILITIES[symbol.visibility],
        "size": str(symbol.size if symbol.is_defined else 0),
        "section": SAME_SECTION.get(image.section_of(symbol), image.section_of(symbol)),
        "version": symbol.version,
        "value": f"{symbol.value:#x}" if absolute else "",
    }


def compare_locals(pair: Pair) -> Iterator[Difference]:
    """Names of local symbols that only one of the files has."""
    tables = [local_names(places.image) for places in (pair.ref, pair.ours)]
    elsewhere = [{symbol.name for symbol in places.image.symbols} for places in (pair.ref, pair.ours)]
    for name in tables[0] - elsewhere[1]:
        yield value_difference(pair, f"symbol.local.missing.{name}", "local", "-")
    for name in tables[1] - elsewhere[0]:
        yield value_difference(pair, f"symbol.local.extra.{name}", "-", "local")


def local_names(image: Image) -> set[str]:
    kinds = (elf.STT_SECTION, elf.STT_FILE)
    return {
        it.name for it in image.symbols if it.binding == elf.STB_LOCAL and it.type not in kinds and it.name
    }


def compare_versions(pair: Pair) -> Iterator[Difference]:
    """Versions defined, with their parents, and needed, by library."""
    yield from differing("version.defined.", defined(pair.ref.image), defined(pair.ours.image), pair)
    a, b = needed(pair.ref.image), needed(pair.ours.image)
    yield from differing("version.needed.", dict.fromkeys(a, "needed"), dict.fromkeys(b, "needed"), pair)
    both = a.keys() & b.keys()
    yield from differing("version.weak.", {it: a[it] for it in both}, {it: b[it] for it in both}, pair)


def defined(image: Image) -> Facts:
    rows = image.versions.defined.items()
    return {
        name: " ".join(["defined", *parents, *(["weak"] if flags & 2 else [])])
        for name, (flags, parents) in rows
    }


def needed(image: Image) -> Facts:
    rows = image.versions.needed.items()
    return {f"{library}.{name}": "weak" if flags & 2 else "needed" for (library, name), flags in rows}
