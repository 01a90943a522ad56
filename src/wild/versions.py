"""Version scripts and dynamic lists: which symbols a shared object offers, and under which version.

The language is that of GNU ld's manual, "VERSION Command". A script is a list of nodes, named or (at most one
a file) anonymous; a node has the names and patterns that belong to it (`global:`), those that are hidden
(`local:`), and the nodes it succeeds. Inside `extern "C++"` names are demangled ones. A quoted name is never
a pattern.

What a name that several entries match becomes is not written in the manual. These are the rules GNU ld shows:

1. an exact name beats every pattern; of several the first in the script counts;
2. then patterns other than `*` of `global:`, those of the last node first;
3. then patterns other than `*` of `local:`;
4. then `*` of `global:`, of the last node first;
5. then `*` of `local:`; and a name that nothing matches stays global, without a version.

`patterns` of the result is in that order, so that the first match counts. Exact names are the many, and so
are rows in a table that a kernel fills (`wild.kernels.version_text`); the few exact names that are not
written as they are, because they are C++ names or contain a backslash, are patterns with the flag EXACT.

More is accepted than GNU ld does, as lld does: labels in any order, no label before the first name (global),
no `;` after the last name of a node, and, where several files are given, an anonymous node in each of them.
"""

from __future__ import annotations

from wild.errors import LinkError
from wild.kernels.version_text import CXX, EXACT, VersionNames, VersionText

LOCAL = 0  # VER_NDX_LOCAL
GLOBAL = 1  # VER_NDX_GLOBAL: exported without a version
FIRST_NODE = 2  # versions of the named nodes count up from here
_LAST_VERSION = 0x7FFF  # the 16th bit of .gnu.version marks hidden versions

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn, TypeAlias

    Pattern: TypeAlias = tuple[bytes, int, int]  # text, version, CXX and EXACT bits
    Parent: TypeAlias = tuple[
        "VersionNode", bytes, int, "_Cursor"
    ]  # the name of a parent, and where it stands


class VersionNode:
    """A named version: `version` is its index in .gnu.version_d, `parents` those of the nodes it succeeds; does it list
    any names?"""

    __slots__ = ("lists_names", "name", "parents", "version")

    def __init__(self, name: bytes, version: int) -> None:
        self.name = name
        self.version = version
        self.parents: list[int] = []
        self.lists_names = True


class VersionScript:
    """Named nodes in order of their versions, the exact names, and the patterns in order of precedence."""

    __slots__ = ("names", "nodes", "patterns")

    def __init__(self, names: VersionNames) -> None:
        self.nodes: list[VersionNode] = []
        self.names = names
        self.patterns: list[Pattern] = []


class DynamicList:
    """Names and patterns of symbols to export; every version is GLOBAL."""

    __slots__ = ("names", "patterns")

    def __init__(self, names: VersionNames) -> None:
        self.names = names
        self.patterns: list[Pattern] = []


def parse_version_script(text: bytes, path: str) -> VersionScript:
    """Read one version script.  Raises LinkError, which begins with `path:line:column`."""
    return parse_version_scripts([(text, path)])


def parse_version_scripts(sources: list[tuple[bytes, str]]) -> VersionScript:
    """Read the scripts of one link, (text, path) each, as if they were one.  Raises LinkError."""
    text, stretches = _joined(sources)
    script = VersionScript(VersionNames(text))
    nodes: dict[bytes, VersionNode] = {}
    parents: list[Parent] = []
    for path, begin, end in stretches:
        _ScriptParser(_Cursor(script.names, path, begin, end), nodes, parents, script.patterns).parse()
    _resolve_parents(nodes, parents)
    script.nodes += nodes.values()
    script.patterns.sort(key=_precedence)
    return script


def parse_dynamic_list(text: bytes, path: str) -> DynamicList:
    """Read the file of --dynamic-list or --export-dynamic-symbol-list: `{ names };`.  Raises LinkError."""
    _check_size(len(text), path)
    result = DynamicList(VersionNames(text))
    cursor = _Cursor(result.names, path, 0, len(text))
    cursor.expect(b"{", "to begin a dynamic list")
    while True:
        _Body(cursor, result.patterns, GLOBAL, "a dynamic list").parse()
        cursor.expect(b";", "after the dynamic list")
        token = cursor.next_token()
        if not token:
            return result
        if token != b"{":
            cursor.unexpected("'{' or the end of the file", token)


def _joined(sources: list[tuple[bytes, str]]) -> tuple[bytes, list[tuple[str, int, int]]]:
    """One text, and (path, begin, end) of each source in it."""
    stretches = []
    begin = 0
    for text, path in sources:
        stretches.append((path, begin, begin + len(text)))
        begin += len(text)
        _check_size(begin, path)
    text = sources[0][0] if len(sources) == 1 else b"".join(text for text, _ in sources)
    return text, stretches


def _check_size(size: int, path: str) -> None:
    if size >= 1 << 32:
        raise LinkError(f"{path}: version scripts of 4 GiB or more are not supported")


def _precedence(pattern: Pattern) -> tuple[int, int]:
    """Sort key of rules 1 to 5; sorting is stable, so that exact names keep their order."""
    text, version, flags = pattern
    if flags & EXACT:
        return 0, 0
    return (3 if text == b"*" else 1) + (version == LOCAL), -version


def _resolve_parents(nodes: dict[bytes, VersionNode], parents: list[Parent]) -> None:
    for node, name, at, cursor in parents:
        if name not in nodes or name == node.name:
            raise cursor.error(f"there is no version {_shown(name)} for {_shown(node.name)} to succeed", at)
        node.parents.append(nodes[name].version)


def _shown(token: bytes) -> str:
    return token.decode("utf-8", "replace")


class _Cursor:
    """The tokens of one source, and the texts of errors about it."""

    __slots__ = ("begin", "names", "path", "text")

    def __init__(self, names: VersionNames, path: str, begin: int, end: int) -> None:
        self.names = names
        self.text = VersionText(names, begin, end)
        self.path = path
        self.begin = begin

    def next_token(self) -> bytes:
        token = self.text.next_token()
        if token == b"/*":
            raise self.error("this comment is never closed")
        if token == b'"':
            raise self.error("this quote is never closed")
        return token

    def expect(self, wanted: bytes, where: str) -> None:
        token = self.next_token()
        if token != wanted:
            self.unexpected(f"'{_shown(wanted)}' {where}", token)

    def word(self, what: str) -> tuple[bytes, bool]:
        """A word or the inside of a quoted name; was it quoted?"""
        token = self.next_token()
        if token[:1] == b'"':
            if len(token) == 2:
                self.unexpected(what, token)
            return token[1:-1], True
        if not token or token in b"{};:" or token[0] < 32 or token[0] == 127:
            self.unexpected(what, token)
        return token, False

    def error(self, what: str, at: int | None = None) -> LinkError:
        """About what stands at `at`, by default the token that was read last."""
        source = self.names.source
        at = self.text.offset() if at is None else at
        line = source.count(b"\n", self.begin, at) + 1
        column = at - max(source.rfind(b"\n", self.begin, at), self.begin - 1)
        return LinkError(f"{self.path}:{line}:{column}: {what}")

    def unexpected(self, expected: str, token: bytes) -> NoReturn:
        found = f"'{_shown(token)}'" if token else "the end of the file"
        raise self.error(f"expected {expected}, found {found}")


class _Body:
    """What stands between the braces of a node or list; the opening brace has been read."""

    __slots__ = ("cursor", "patterns", "version", "what")

    def __init__(self, cursor: _Cursor, patterns: list[Pattern], version: int, what: str) -> None:
        self.cursor = cursor
        self.patterns = patterns
        self.version = version  # of what stands under `global:`
        self.what = what

    def parse(self) -> None:
        cursor = self.cursor
        scope = self.version
        languages = [0]  # of the blocks we are in: CXX inside extern "C++"
        while languages:
            if not languages[-1]:
                cursor.text.take_names(scope)
            if self.closes():
                languages.pop()
                if languages:
                    self.end_statement()
                continue
            name, quoted = cursor.word(f"a name or '}}' in {self.what}")
            following = cursor.next_token()
            if following == b":" and name in {b"global", b"local"} and len(languages) == 1 and not quoted:
                scope = self.scope(name)
            elif following[:1] == b'"' and name == b"extern" and not quoted:
                languages.append(self.language(following))
            else:
                cursor.text.back()
                self.end_statement()
                self.add(name, quoted, scope, languages[-1])

    def closes(self) -> bool:
        if self.cursor.next_token() == b"}":
            return True
        self.cursor.text.back()
        return False

    def end_statement(self) -> None:
        token = self.cursor.next_token()
        if token == b"}":
            self.cursor.text.back()
        elif token != b";":
            self.cursor.unexpected("';'", token)

    def scope(self, label: bytes) -> int:
        if label == b"local" and self.what == "a dynamic list":
            raise self.cursor.error("'local:' has no meaning in a dynamic list")
        return self.version if label == b"global" else LOCAL

    def language(self, quoted: bytes) -> int:
        if quoted not in {b'"C"', b'"C++"'}:
            raise self.cursor.error(f'unknown language {_shown(quoted)}; known are "C" and "C++"')
        self.cursor.expect(b"{", f"after extern {_shown(quoted)}")
        return CXX if quoted == b'"C++"' else 0

    def add(self, name: bytes, quoted: bool, version: int, language: int) -> None:
        """An entry that the kernel left to us."""
        exact = name if quoted else _without_escapes(name)
        if exact is None:
            self.patterns.append((name, version, language))
        else:
            self.patterns.append((exact, version, language | EXACT))


def _without_escapes(pattern: bytes) -> bytes | None:
    """The only name that a pattern matches, None if there may be others."""
    if b"\\" not in pattern:
        return None if b"*" in pattern or b"?" in pattern or b"[" in pattern else pattern
    result = bytearray()
    at = 0
    while at < len(pattern):
        if pattern[at] in b"*?[":
            return None
        at += pattern[at] == ord("\\") and at + 1 < len(pattern)
        result.append(pattern[at])
        at += 1
    return bytes(result)


class _ScriptParser:
    """The nodes of one source; parents are resolved when all sources are read."""

    __slots__ = ("cursor", "nodes", "parents", "patterns")

    def __init__(
        self, cursor: _Cursor, nodes: dict[bytes, VersionNode], parents: list[Parent], patterns: list[Pattern]
    ) -> None:
        self.cursor = cursor
        self.nodes = nodes
        self.parents = parents
        self.patterns = patterns

    def parse(self) -> None:
        cursor = self.cursor
        if cursor.next_token() == b"{":
            self.body(GLOBAL, "the version node")
            cursor.expect(b";", "after the version node")
            if cursor.next_token():
                raise cursor.error("a version node without a name must be the only one")
            return
        cursor.text.back()
        self.named_node("a version node")
        while (token := cursor.next_token()) not in {b"", b"{"}:
            cursor.text.back()
            self.named_node("a version node or the end of the file")
        if token:
            raise cursor.error("a version node without a name must be the only one")

    def named_node(self, what: str) -> None:
        cursor = self.cursor
        name, _ = cursor.word(what)
        if name in self.nodes:
            raise cursor.error(f"version {_shown(name)} is defined twice")
        node = VersionNode(name, FIRST_NODE + len(self.nodes))
        if node.version > _LAST_VERSION:
            raise cursor.error(f"more than {_LAST_VERSION - FIRST_NODE + 1} versions")
        self.nodes[name] = node
        cursor.expect(b"{", f"after version {_shown(name)}")
        node.lists_names = cursor.next_token() != b"}"
        cursor.text.back()
        self.body(node.version, f"version {_shown(name)}")
        self.succeeded(node)

    def body(self, version: int, what: str) -> None:
        _Body(self.cursor, self.patterns, version, what).parse()

    def succeeded(self, node: VersionNode) -> None:
        """The names between the closing brace and the semicolon."""
        cursor = self.cursor
        while cursor.next_token() != b";":
            cursor.text.back()
            name, _ = cursor.word(f"';' or a version that {_shown(node.name)} succeeds")
            self.parents.append((node, name, cursor.text.offset(), cursor))
