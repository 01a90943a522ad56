"""Rust: programs, static programs, libraries of every crate type, panics that unwind, backtraces that name
lines.
"""

from __future__ import annotations

import os
import subprocess

import pytest
from linking import Output, gcc_directory, linker_under_test
from programs import compile_c, tool, write

pytestmark = pytest.mark.slow


def rustc(link, source: str, *flags: str, output: str = "program", status: int = 0) -> Output:
    """Compile and link with rustc; it links through gcc, which is told to use the linker under test."""
    path = write(link.directory / f"{output.partition('.')[0]}.rs", source)
    command = [*rust_command(), str(path), "--edition=2021", *flags, "-o", str(link.directory / output)]
    link.commands.append(f"cd {link.directory} && {' '.join(command)}")
    done = subprocess.run(
        command, cwd=link.directory, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == status, done.stderr
    return Output(link.directory / output)


def rust_command() -> list[str]:
    directory = gcc_directory(linker_under_test())
    return [tool("rustc"), "-Clinker=gcc", f"-Clink-arg=-B{directory}", *default_linker_off()]


def default_linker_off() -> list[str]:
    """From 1.90 on rustc asks for its own lld on this platform."""
    version = subprocess.run([tool("rustc"), "--version"], capture_output=True, text=True, check=True).stdout
    return ["-Clinker-features=-lld"] if int(version.split(".")[1]) >= 90 else []


def standard_libraries() -> str:
    """The directory of libstd's shared object."""
    done = subprocess.run(
        [tool("rustc"), "--print=target-libdir"], capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


HELLO = (
    "fn main() { let words: Vec<String> = std::env::args().map(|a| a.to_uppercase()).collect(); "
    'println!("hello {}", words.len()); }'
)
PANIC = """
    struct Guard;
    impl Drop for Guard { fn drop(&mut self) { println!("dropped"); } }
    fn fail(n: usize) -> i32 { let _guard = Guard; let v = vec![1, 2, 3]; v[n] }
    fn main() {
        let caught = std::panic::catch_unwind(|| fail(7));
        std::process::exit(if caught.is_err() { 42 } else { 1 });
    }
"""
MODES = {
    "debug": (),
    "release": ("-O",),
    "static": ("-Ctarget-feature=+crt-static",),
    "static_exec": ("-Ctarget-feature=+crt-static", "-Crelocation-model=static"),
    "exec": ("-Crelocation-model=static",),
    "lto": ("-O", "-Clto=fat"),
    "debuginfo": ("-g",),
    "strip": ("-Cstrip=symbols",),
    "prefer_dynamic": ("-Cprefer-dynamic",),
}


@pytest.mark.parametrize("mode", MODES)
def test_hello(link, mode):
    program = rustc(link, HELLO, *MODES[mode])

    assert program.run(LD_LIBRARY_PATH=standard_libraries()) == "hello 1\n"


@pytest.mark.parametrize("mode", ["debug", "release", "static", "exec"])
def test_panic_unwinds(link, mode):
    assert rustc(link, PANIC, *MODES[mode]).run(status=42) == "dropped\n"


def test_backtrace_names_files_and_lines(link):
    source = '#[inline(never)]\nfn deep() {\n    panic!("here");\n}\nfn main() {\n    deep();\n}\n'
    program = rustc(link, source, "-g")

    done = subprocess.run(
        [program.path], env={**os.environ, "RUST_BACKTRACE": "1"}, capture_output=True, text=True, check=False
    )

    assert done.returncode == 101
    assert "program::deep" in done.stderr
    assert "program.rs:3" in done.stderr
    assert "program.rs:6" in done.stderr


def test_dynamic_library_for_c(link):
    library = rustc(
        link,
        '#[no_mangle] pub extern "C" fn answer() -> i32 { vec![40, 2].iter().sum() }',
        "--crate-type=cdylib",
        output="libanswer.so",
    )
    main = compile_c("int answer(void); int main(void) { return answer(); }")

    link(main, library).run(status=42)
    assert library.exports == {"answer"}


def test_static_library_for_c(link):
    source = (
        '#[no_mangle] pub extern "C" fn answer() -> i32 { '
        'std::panic::catch_unwind(|| panic!("x")).map_or(42, |_: i32| 1) }'
    )
    path = write(link.directory / "answer.rs", source)
    subprocess.run(
        [tool("rustc"), path, "--crate-type=staticlib", "-o", link.directory / "libanswer.a"],
        check=True,
        cwd=link.directory,
    )
    main = compile_c("int answer(void); int main(void) { return answer(); }")

    for flags in (
        ("-lgcc_s", "-lutil", "-lrt", "-lpthread", "-lm", "-ldl"),
        ("-Wl,--gc-sections", "-lgcc_s", "-lm"),
    ):
        link(main, "libanswer.a", *flags).run(status=42)


def test_rust_dynamic_library_with_program(link):
    """crate-type dylib exports thousands of symbols through a version script; std comes from its own .so."""
    rustc(
        link,
        'pub fn answer() -> i32 { format!("{}", 42).parse().unwrap() }',
        "--crate-type=dylib",
        "-Cprefer-dynamic",
        output="libanswer.so",
    )
    program = rustc(
        link,
        "fn main() { std::process::exit(answer::answer()); }",
        "-Cprefer-dynamic",
        f"--extern=answer={link.directory}/libanswer.so",
    )

    program.run(status=42, LD_LIBRARY_PATH=f"{link.directory}:{standard_libraries()}")


def test_procedural_macro(link):
    """The compiler itself loads what we linked."""
    rustc(link, (
        "use proc_macro::TokenStream;\n#[proc_macro] pub fn answer(_: TokenStream) -> TokenStream { "
        "\"42\".parse().unwrap() }"
    ),
          "--crate-type=proc-macro", "--extern=proc_macro", output="libmacros.so")  # fmt: skip
    program = rustc(
        link,
        "fn main() { std::process::exit(macros::answer!()); }",
        f"--extern=macros={link.directory}/libmacros.so",
    )

    program.run(status=42)


def test_several_crates_and_generics(link):
    path = write(
        link.directory / "crate_a.rs",
        (
            "pub fn sum<T: std::iter::Sum<T> + Copy>(v: &[T]) -> T { v.iter().copied().sum() }\n"
            "pub static TABLE: [i32; 3] = [40, 1, 1];"
        ),
    )
    subprocess.run(
        [tool("rustc"), path, "--crate-type=rlib", "--edition=2021"], check=True, cwd=link.directory
    )

    program = rustc(
        link,
        "fn main() { std::process::exit(crate_a::sum(&crate_a::TABLE)); }",
        f"--extern=crate_a={link.directory}/libcrate_a.rlib",
    )

    program.run(status=42)


def test_threads_and_thread_locals(link):
    source = """
        use std::cell::RefCell; use std::sync::mpsc; use std::thread;
        thread_local! { static NAMES: RefCell<Vec<String>> = RefCell::new(vec!["start".into()]); }
        fn main() {
            let (sender, receiver) = mpsc::channel();
            for n in 0..4 { let s = sender.clone(); thread::spawn(move || NAMES.with(|v| {
                v.borrow_mut().push(n.to_string()); s.send(v.borrow().len()).unwrap(); })); }
            drop(sender);
            println!("{}", receiver.iter().sum::<usize>());
        }
    """

    for mode in ("debug", "static"):
        assert rustc(link, source, *MODES[mode]).run() == "8\n"


def test_undefined_rust_symbol_is_demangled(link):
    source = write(
        link.directory / "program.rs",
        (
            'extern "Rust" { fn missing_from_rust(n: i32) -> i32; }\nfn main() { unsafe { '
            "missing_from_rust(1); } }"
        ),
    )
    command = [*rust_command(), str(source), "-o", "program"]

    done = subprocess.run(command, cwd=link.directory, capture_output=True, text=True, check=False)

    assert done.returncode != 0
    assert "missing_from_rust" in done.stderr
    assert "program::main" in done.stderr
