"""Go programs with C parts, which the go command links through gcc: every build mode."""

from __future__ import annotations

import os
import subprocess

import pytest
from linking import Output, gcc_directory, linker_under_test
from programs import compile_c, tool, write

pytestmark = pytest.mark.slow
PROGRAM = """
package main

// int answer(void) { return 42; }
import "C"
import "fmt"

func main() {
    defer func() { fmt.Println("recovered", recover() != nil) }()
    fmt.Println(C.answer())
    var nothing *int
    *nothing = 1
}
"""
LIBRARY = """
package main

import "C"
import "strconv"

//export answer
func answer() C.int { n, _ := strconv.Atoi("42"); return C.int(n) }
func Answer() int { return 42 }
func main() {}
"""
HOST = """
package main

import ("fmt"; "os"; "plugin")

func main() {
    opened, err := plugin.Open(os.Args[1])
    if err != nil { panic(err) }
    symbol, err := opened.Lookup("Answer")
    if err != nil { panic(err) }
    fmt.Println(symbol.(func() int)())
}
"""


def go_build(link, source: str, *flags: str, output: str = "program", static: str = ""):
    """Build one file; external linking hands the objects to gcc, which is told to use the linker under test."""
    path = write(link.directory / f"{output.partition('.')[0]}.go", source)
    write(link.directory / "go.mod", "module example\ngo 1.20\n")
    linking = f"-linkmode=external -extld=gcc '-extldflags={static} -B{gcc_directory(linker_under_test())}'"
    command = [tool("go"), "build", f"-ldflags={linking}", *flags, "-o", output, path.name]
    link.commands.append(f"cd {link.directory} && go {' '.join(command[1:])}")
    environment = {
        **os.environ,
        "GOTOOLCHAIN": "local",
        "GOFLAGS": "-mod=mod",
        "GOPROXY": "off",
        "CGO_ENABLED": "1",
    }
    done = subprocess.run(
        command, cwd=link.directory, env=environment, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stderr
    return link.directory / output


@pytest.mark.parametrize(
    ("mode", "static"), [("exe", ""), ("pie", ""), ("exe", "-static")], ids=["exe", "pie", "static"]
)
def test_program(link, mode, static):
    program = go_build(link, PROGRAM, f"-buildmode={mode}", static=static)

    assert Output(program).run() == "42\nrecovered true\n"


def test_shared_library_for_c(link):
    library = go_build(link, LIBRARY, "-buildmode=c-shared", output="libanswer.so")

    link(compile_c("int answer(void); int main(void) { return answer(); }"), library).run(status=42)


def test_archive_for_c(link):
    library = go_build(link, LIBRARY, "-buildmode=c-archive", output="libanswer.a")
    main = compile_c("int answer(void); int main(void) { return answer(); }")

    link(main, library, "-pthread").run(status=42)


def test_plugin(link):
    plugin = go_build(link, LIBRARY, "-buildmode=plugin", output="plugin.so")
    host = go_build(link, HOST, output="host")

    assert Output(host).run(str(plugin)) == "42\n"
