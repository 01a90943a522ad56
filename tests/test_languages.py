"""Compilers of other languages: each links as its own manual says, and the program shows what its runtime needs.

Exceptions, threads and thread-local variables are the parts of a runtime that a linker can break: unwinding records,
constructors, TLS models, sections that the runtime walks through.
"""

from __future__ import annotations

import subprocess
from typing import NamedTuple

import pytest
from linking import Output, gcc_directory, kind_of, linker_under_test
from programs import tool, write

pytestmark = pytest.mark.slow


class Language(NamedTuple):
    """A program and the command that makes `program` of `source`; {gcc} is the directory that holds `ld`."""

    compiler: str
    source: str
    text: str
    command: str
    prints: str


LANGUAGES = {
    "fortran": Language(
        "gfortran",
        "squares.f90",
        """
module squares
  implicit none
contains
  pure real function square(x)
    real, intent(in) :: x
    square = x * x
  end function
end module
program main
  use squares
  implicit none
  integer :: i
  real, allocatable :: a(:)
  allocate (a(10))
  do i = 1, 10
    a(i) = square(real(i))
  end do
  print '(f6.1)', sum(a)
end program
""",
        "gfortran -B{gcc} squares.f90 -o program",
        " 385.0\n",
    ),
    "d": Language(
        "gdc",
        "tls.d",
        """
import std.stdio, std.algorithm, std.array;
int own = 5;
__gshared int shared_ = 7;
void main() {
    auto a = [3, 1, 2].sort.array;
    try { throw new Exception("thrown"); } catch (Exception e) { writeln(e.msg, a, own + shared_); }
}
""",
        "gdc -B{gcc} tls.d -o program",
        "thrown[1, 2, 3]12\n",
    ),
    "ada": Language(
        "gnatmake",
        "main.adb",
        """
with Ada.Text_IO; use Ada.Text_IO;
procedure Main is
   task T;
   task body T is begin null; end T;
begin
   raise Constraint_Error;
exception
   when Constraint_Error => Put_Line ("raised");
end Main;
""",
        "gnatmake -q main.adb -o program -largs -B{gcc}",
        "raised\n",
    ),
    "ocaml": Language(
        "ocamlopt",
        "main.ml",
        """
let rec fib n = if n < 2 then n else fib (n - 1) + fib (n - 2)
let () = try failwith (string_of_int (fib 20)) with Failure text -> print_endline text
""",
        "ocamlopt -ccopt -B{gcc} main.ml -o program",
        "6765\n",
    ),
    "haskell": Language(
        "ghc",
        "Main.hs",
        """
import Control.Exception
import qualified Data.Map as M
main = do
  r <- try (evaluate (1 `div` (0 :: Int))) :: IO (Either ArithException Int)
  print r
  print (M.toList (M.fromList [(i, i * i) | i <- [1 .. 3 :: Int]]))
""",
        "ghc -v0 -pgml gcc -optl-B{gcc} Main.hs -o program",
        "Left divide by zero\n[(1,1),(2,4),(3,9)]\n",
    ),
    "assembler": Language(
        "nasm",
        "main.asm",
        """
global _start
section .text
_start: mov rax, 1
        mov rdi, 1
        lea rsi, [rel message]
        mov rdx, length
        syscall
        mov rax, 60
        xor rdi, rdi
        syscall
section .data
message: db "written", 10
length equ $ - message
""",
        "nasm -f elf64 main.asm -o main.o && {gcc}/ld main.o -o program",
        "written\n",
    ),
    # Free Pascal writes a script with INSERT, and looks for the linker by its full name.
    "pascal": Language(
        "fpc",
        "main.pas",
        """
{$mode objfpc}
program main;
uses sysutils;
begin
  try raise Exception.Create('raised'); except on e: Exception do writeln(e.message); end;
end.
""",
        "mkdir bin && ln -s {gcc}/ld bin && ln -s ld bin/ld.bfd && fpc -v0 -l- -XX -CX -FDbin main.pas -oprogram",
        "raised\n",
    ),
}


@pytest.mark.parametrize("name", LANGUAGES)
def test_language(name, link):
    language = LANGUAGES[name]
    tool(language.compiler)
    write(link.directory / language.source, language.text)
    command = language.command.format(gcc=gcc_directory(linker_under_test()))
    link.commands.append(f"cd {link.directory} && {command}")

    done = subprocess.run(
        command, shell=True, cwd=link.directory, capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stdout + done.stderr
    program = Output(link.directory / "program")
    assert program.run() == language.prints
    if kind_of(linker_under_test()) == "wild":
        assert "Linker: Wild" in program.readelf("-p", ".comment")
