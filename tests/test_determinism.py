"""Equal inputs and options make equal bytes, with any number of threads and in any directory."""

from __future__ import annotations

import os

import pytest
from programs import archive, compile_c, compile_cxx

FILES = 60


def objects() -> list:
    """Files that share inline functions, strings and common symbols, and call each other."""
    source = """
        #include <map>
        #include <string>
        #include <vector>
        int f{next}(int);
        static std::map<std::string, std::vector<int>> table_{n};
        int f{n}(int a) {{ table_{n}["key " + std::to_string(a)].push_back(a);
            return a > 0 ? f{next}(a - 1) : (int)table_{n}.size(); }}
    """
    return [
        compile_cxx(source.format(n=n, next=(n + 1) % 6), "-ffunction-sections", "-g", "-O1", name=f"f{n}")
        for n in range(6)
    ]


def small_objects() -> list:
    source = (
        'const char *text{n}(void) {{ return "text {n}"; }} const char *shared{n}(void) {{ '
        'return "shared by all"; }} int data{n} = {n};'
    )
    return [compile_c(source.format(n=n), "-O1", name=f"small{n}") for n in range(FILES)]


MAIN = "int f0(int); int main() { return f0(40) + 41; }"


@pytest.mark.unlike("ld", reason="has no --threads")
@pytest.mark.parametrize(
    "flags",
    [(), ("-Wl,--gc-sections",), ("-Wl,-O2",), ("-static",), ("-Wl,-z,pack-relative-relocs",)],
    ids=str,
)
def test_number_of_threads_does_not_show(link, flags):
    inputs = [compile_cxx(MAIN, "-g"), *objects(), archive(small_objects(), "libsmall.a"), "-Wl,--build-id"]

    outputs = {link(*inputs, *flags, f"-Wl,--threads={count}", driver="g++").data for count in (1, 2, 8)}

    assert len(outputs) == 1


@pytest.mark.unlike("ld", reason="has no --threads")
@pytest.mark.parametrize("processors", [1, 2])
def test_number_of_processors_does_not_show(link, processors):
    """Of more threads than there are processors, some always sleep."""
    before = os.sched_getaffinity(0)
    inputs = [compile_cxx(MAIN, "-g"), *objects(), "-Wl,--threads=6"]
    outputs = set()
    try:
        for allowed in (before, sorted(before)[:processors]):
            os.sched_setaffinity(0, allowed)
            outputs.add(link(*inputs, driver="g++").data)
    finally:
        os.sched_setaffinity(0, before)

    assert len(outputs) == 1


@pytest.mark.unlike("ld", reason="has no --threads")
@pytest.mark.unlike("lld", reason="reports in the order threads find them")
def test_errors_are_the_same_with_any_number_of_threads(link):
    source = "int missing{n}(void); int f{n}(void) {{ return missing{n}(); }}"
    inputs = [compile_c(source.format(n=n), name=f"f{n}") for n in range(30)]
    main = compile_c("int main(void) { return 0; }")

    messages = {link.fails(main, *inputs, f"-Wl,--threads={count}") for count in (1, 2, 8)}

    assert len(messages) == 1


def test_repeated_links_are_equal(link):
    inputs = [compile_cxx(MAIN, "-g"), *objects(), *small_objects(), "-Wl,--build-id"]

    assert len({link(*inputs, driver="g++").data for _ in range(4)}) == 1


def test_directory_of_the_output_does_not_show(link):
    (link.directory / "elsewhere").mkdir()
    inputs = [compile_cxx(MAIN), *objects()]

    one = link(*inputs, driver="g++").data
    two = link(*inputs, driver="g++", output="elsewhere/another-name").data

    assert one == two


@pytest.mark.parametrize(
    "how", [(), pytest.param(("-Wl,--update-in-place",), marks=pytest.mark.only_wild)], ids=str
)
def test_older_output_does_not_show(link, how):
    inputs = [compile_cxx(MAIN), *objects()]
    fresh = link(*inputs, driver="g++").data
    link(compile_c("int main(void) { return 0; }"), "-static")

    assert link(*inputs, *how, driver="g++").data == fresh


def test_environment_does_not_show(link):
    inputs = [compile_cxx(MAIN), *objects()]

    assert (
        link(*inputs, driver="g++", PYTHONHASHSEED="1").data
        == link(*inputs, driver="g++", PYTHONHASHSEED="2").data
    )
