"""Edits of real sources, as people make them between two builds: made up from a seed, each in a place of its own.

An edit is a new text for one or two files.  It need not make sense to the program, which is only linked; it has to be
of the kind that changes objects in the ways in which daily work does: bodies grow and shrink, texts and numbers change,
helpers and variables come, a library's function or template is used for the first time, a header changes, an edit is
taken back.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

Texts = dict[str, str]  # file name -> contents


class Place(NamedTuple):
    """A function in a text: offsets of its first line and of the first character of its body."""

    head: int
    body: int
    end: int


HEADS = {
    "c": re.compile(
        r"(?m)^(?!namespace|struct|class|enum|union|typedef|extern|else|switch|#)"
        r"[A-Za-z_][^;{}=]*\)[^;{}()=]*\{\n"
    ),
    "rs": re.compile(r"(?m)^(?:    )?(?:pub(?:\([a-z]+\))? )?fn [a-z_0-9]+\([^{};]*\{\n"),
}  # fmt: skip
TRACE = {
    "c": 'if (getenv("REPLAY{n}")) {{ {code} }}\n',
    "rs": 'if std::env::var("REPLAY{n}").is_ok() {{ {code} }}\n',
}
PRINT = {"c": 'fprintf(stderr, "trace %d\\n", {n});', "rs": 'eprintln!("trace {{}}", {n});'}
HELPER = {
    "c": "static int helper{n}(int x) {{\n  volatile int y = x;\n  for (int i = 0; i < {n}; i++) y += i * x;\n"
    "  return y;\n}}\n\n",
    "rs": "fn helper{n}(x: i32) -> i32 {{\n    let mut y = x;\n    for i in 0..{n} {{ y = y.wrapping_mul(3) ^ i; }}\n"
    "    y\n}}\n\n",
}
CALL = {"c": 'fprintf(stderr, "%d\\n", {name}({n}));', "rs": 'eprintln!("{{}}", {name}({n}));'}
VARIABLE = {
    "c": "static int count{n} = {n};\n",
    "rs": "static COUNT{n}: std::sync::atomic::AtomicUsize = std::sync::atomic::AtomicUsize::new({n});\n",
}
USE = {
    "c": 'fprintf(stderr, "%d\\n", ++count{n});',
    "rs": 'eprintln!("{{}}", COUNT{n}.fetch_add(1, std::sync::atomic::Ordering::SeqCst));',
}
# Uses of a library that are new to the object; many of them are new to the program.
LIBRARY_C = (
    'char t[40]; time_t s = time(0); strftime(t, sizeof t, "%H", localtime(&s)); fputs(t, stderr);',
    'fprintf(stderr, "%ld\\n", strtol(getenv("REPLAY{n}"), 0, 16));',
    'fprintf(stderr, "%s\\n", strrchr("a/b/c", \'/\'));',
    'fprintf(stderr, "%f\\n", hypot(3.0, {n}));',
    'if (strcasecmp(getenv("REPLAY{n}"), "yes") == 0) abort();',
    'char *t = strdup("text {n}"); puts(t); free(t);',
    'fprintf(stderr, "%d\\n", getppid());',
    'FILE *f = fopen("/tmp/replay{n}", "r"); if (f) fclose(f);',
    'fprintf(stderr, "%lu\\n", (unsigned long)strspn("aab", "a"));',
    'usleep({n});',
)  # fmt: skip
LIBRARY_CPP = (
    'std::map<std::string, int> m; m["text {n}"]++; fprintf(stderr, "%zu\\n", m.size());',
    'std::vector<std::pair<int, std::string>> v; v.emplace_back({n}, "x"); std::sort(v.begin(), v.end());',
    'std::ostringstream s; s << "value " << {n} << 2.5; fputs(s.str().c_str(), stderr);',
    'try {{ throw std::runtime_error("error {n}"); }} catch (const std::exception &e) {{ fputs(e.what(), stderr); }}',
    'std::function<int(int)> f = [](int x) {{ return x * {n}; }}; fprintf(stderr, "%d\\n", f(2));',
    'struct Base {{ virtual ~Base() {{}} virtual int f() {{ return {n}; }} }}; std::make_unique<Base>()->f();',
    'std::set<int> s; s.insert({n}); fprintf(stderr, "%zu\\n", s.count(3));',
    'std::unordered_map<int, std::string> m; m[{n}] = "x"; fputs(m[{n}].c_str(), stderr);',
    'std::deque<int> d; d.push_back({n}); fprintf(stderr, "%d\\n", d.front());',
    'std::shared_ptr<int> p = std::make_shared<int>({n}); fprintf(stderr, "%d\\n", *p);',
)  # fmt: skip
LIBRARY_RS = (
    'let mut m = std::collections::HashMap::new(); m.insert({n}, "x"); eprintln!("{{:?}}", m);',
    'let mut v: Vec<String> = (0..{n}).map(|x| x.to_string()).collect(); v.sort(); eprintln!("{{}}", v.join(","));',
    'let b: std::collections::BTreeMap<u64, String> = Default::default(); eprintln!("{{:?}}", b);',
    'eprintln!("{{:?}}", std::fs::read_to_string("/tmp/replay{n}").map(|t| t.len()));',
    'let b: Box<dyn Fn(u32) -> u32> = Box::new(|x| x + {n}); eprintln!("{{}}", b(1));',
    'std::thread::spawn(|| eprintln!("thread {n}")).join().unwrap();',
    'eprintln!("{{:?}}", std::time::Instant::now());',
    'eprintln!("{{:?}}", "a,b,c".split(\',\').rev().collect::<Vec<_>>());',
    'eprintln!("{{}}", std::panic::catch_unwind(|| {{ if std::env::args().count() > {n} {{ panic!() }} }}).is_ok());',
    'eprintln!("{{:?}}", "{n}".parse::<f64>());',
)  # fmt: skip
INCLUDES = {
    "c": ("stdio.h", "stdlib.h", "string.h", "strings.h", "time.h", "math.h", "unistd.h"),
    "cc": (
        "algorithm", "deque", "functional", "map", "memory", "set", "sstream", "stdexcept", "string",
        "unordered_map", "utility", "vector",
    ),
}  # fmt: skip


class Editor:
    """Makes edits of the sources of one project; `texts` is what they are now."""

    def __init__(self, texts: Texts, seed: int) -> None:
        self.texts = dict(texts)
        self.chance = random.Random(seed)
        self.number = 0
        self.before: list[Texts] = []  # what undoes the edits so far
        self.kinds: dict[str, tuple[int, Callable[[str, str], Texts | None]]] = {
            "a trace is printed": (18, self.trace),
            "a number is changed": (14, self.change_number),
            "a text is changed": (10, self.change_text),
            "a library is used": (14, self.use_library),
            "a helper is added": (12, self.add_helper),
            "a function is added and called elsewhere": (8, self.add_shared),
            "a variable is added": (6, self.add_variable),
            "a global object is added": (2, self.add_object),
            "a header is changed": (5, self.change_header),
        }

    def edits(self) -> Iterator[tuple[str, Texts]]:
        """(what it is, the texts that it changes), without end."""
        kinds = list(self.kinds)
        weights = [weight for weight, _ in self.kinds.values()]
        while True:
            self.number += 1
            if self.before and self.chance.random() < 0.12:
                yield "an edit is taken back", self.before.pop(self.chance.randrange(len(self.before)))
                continue
            kind = self.chance.choices(kinds, weights)[0]
            names = [name for name in self.texts if not name.endswith(".h")]
            changed = self.kinds[kind][1](name := self.chance.choice(names), language(name))
            if changed:
                yield kind, changed

    def accept(self, changed: Texts) -> None:
        """The edit compiled; only the last edit of a file can be taken back."""
        self.before = [old for old in self.before if not old.keys() & changed.keys()]
        self.before.append({name: self.texts[name] for name in changed})
        self.texts.update(changed)

    # --- places ----------------------------------------------------------------------------------------------

    def place(self, name: str, words: str) -> Place | None:
        text = self.texts[name]
        found = list(HEADS[words].finditer(text))
        if not found:
            return None
        match = self.chance.choice(found)
        indent = " " * (len(match[0]) - len(match[0].lstrip(" ")))
        end = text.find(f"\n{indent}}}", match.end() - 1)
        return Place(match.start(), match.end(), end) if end >= 0 else None

    def insert(self, name: str, words: str, code: str, ahead: str = "") -> Texts | None:
        """Put code at the start of a function that runs only when asked for, and something ahead of the function."""
        place = self.place(name, words)
        if place is None:
            return None
        text = self.texts[name]
        if words == "rs" and ahead and text[place.head] == " ":
            ahead, text = "", text + "\n" + ahead  # not into an `impl`
        line = TRACE[words].format(n=self.number, code=code)
        text = text[: place.head] + ahead + text[place.head : place.body] + line + text[place.body :]
        return {name: with_includes(name, text)}

    # --- edits -----------------------------------------------------------------------------------------------

    def trace(self, name: str, words: str) -> Texts | None:
        return self.insert(name, words, PRINT[words].format(n=self.number))

    def change_number(self, name: str, words: str) -> Texts | None:
        return self.replace(
            name, words, r"(?<![\w.\"'#\[])[1-9][0-9]{0,3}(?![\w.\"'\]])", lambda n: str(int(n) + 1)
        )

    def change_text(self, name: str, words: str) -> Texts | None:
        return self.replace(name, words, r'(?<=")[A-Za-z ,]{4,60}(?=")', lambda text: f"{text} {self.number}")

    def replace(self, name: str, words: str, what: str, new: Callable[[str], str]) -> Texts | None:
        place = self.place(name, words)
        if place is None:
            return None
        text = self.texts[name]
        found = list(re.compile(what).finditer(text, place.body, place.end))
        if not found:
            return None
        match = self.chance.choice(found)
        return {name: text[: match.start()] + new(match[0]) + text[match.end() :]}

    def use_library(self, name: str, words: str) -> Texts | None:
        choices = LIBRARY_RS if words == "rs" else LIBRARY_C + (LIBRARY_CPP * 2 if is_cpp(name) else ())
        return self.insert(name, words, self.chance.choice(choices).format(n=self.number))

    def add_helper(self, name: str, words: str) -> Texts | None:
        code = CALL[words].format(name=f"helper{self.number}", n=self.number)
        return self.insert(name, words, code, HELPER[words].format(n=self.number))

    def add_variable(self, name: str, words: str) -> Texts | None:
        return self.insert(
            name, words, USE[words].format(n=self.number), VARIABLE[words].format(n=self.number)
        )

    def add_shared(self, name: str, words: str) -> Texts | None:
        """In C and C++ the caller is another file; in Rust it is another module as often as not."""
        if words == "rs":
            return self.add_helper(name, words)
        others = [other for other in self.texts if not other.endswith(".h") and other != name]
        other = self.chance.choice(others)
        function = f"shared{self.number}"
        definition = (
            f"int {function}(int x);\nint {function}(int x) {{\n  return x * {self.number} + 1;\n}}\n"
        )
        code = CALL[words].format(name=function, n=self.number)
        called = self.insert(name, words, code, f"int {function}(int x);\n")
        return {**called, other: self.texts[other] + definition} if called else None

    def add_object(self, name: str, words: str) -> Texts | None:
        """With a constructor that runs before main, in C++."""
        if not is_cpp(name):
            return self.add_variable(name, words)
        object_ = f'static std::string object{self.number}(getenv("HOME") ? "home" : "none");\n'
        return self.insert(name, words, f"fputs(object{self.number}.c_str(), stderr);", object_)

    def change_header(self, name: str, words: str) -> Texts | None:
        headers = [each for each in self.texts if each.endswith(".h")]
        if not headers:
            return self.change_number(name, words)
        header = self.chance.choice(headers)
        text = self.texts[header]
        at = text.rfind("#endif")
        return (
            {header: f"{text[:at]}#define REPLAY{self.number} {self.number}\n\n{text[at:]}"}
            if at > 0
            else None
        )


def language(name: str) -> str:
    return "rs" if name.endswith(".rs") else "c"


def is_cpp(name: str) -> bool:
    return name.endswith((".cc", ".cpp"))


def with_includes(name: str, text: str) -> str:
    """The text with the headers that edits need, which stand at its end of the first edit."""
    if language(name) == "rs" or "/* replay */" in text:
        return text
    wanted = INCLUDES["c"] + (INCLUDES["cc"] if is_cpp(name) else ())
    lines = "".join(f"#include <{each}>\n" for each in wanted)
    at = text.find("\n#include")
    return text[: at + 1] + f"/* replay */\n{lines}" + text[at + 1 :]
