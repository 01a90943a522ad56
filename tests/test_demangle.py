"""Demangled names: C++ through the run-time library, both of Rust's manglings, hostile names."""

from __future__ import annotations

import glob
import os
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from programs import ROOT, compile_cxx, tool

from wild import demangle as demangler
from wild.demangle import can_demangle_cxx, demangle, demangle_many

HASH = "17h0123456789abcdefE"


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("_Z3fooi", "foo(int)"),
        (
            "_ZNSt6vectorIiSaIiEE9push_backERKi",
            "std::vector<int, std::allocator<int> >::push_back(int const&)",
        ),
        ("_ZTV3foo", "vtable for foo"),
        ("_Z3foov@V1", "foo()@V1"),
        ("_Z3foov@@V1", "foo()@@V1"),
        ("_Z3foov.cold", "foo() [clone .cold]"),
        ("_Z", "_Z"),
        ("_Zfoo", "_Zfoo"),
    ],
)
def test_cxx_name(name, expected):
    assert demangle(name) == expected


@pytest.mark.parametrize(
    "name", ["", "main", "i", "_", "_start", "__cxa_throw", "Z3foov", "foo@V1", "_R", "_ReadFile"]
)
def test_other_names_stay_as_they_are(name):
    """`i` is a name here, though `__cxa_demangle` takes it for the mangled type `int`."""
    assert demangle(name) == name


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        (f"_ZN4core3fmt5Write9write_fmt{HASH}", "core::fmt::Write::write_fmt"),
        (f"_ZN4core3fmt5Write9write_fmt{HASH}.llvm.12345", "core::fmt::Write::write_fmt"),
        (f"_ZN4core3fmt5Write9write_fmt{HASH}.cold", "core::fmt::Write::write_fmt.cold"),
        (f"_ZN27_$LT$impl$u20$T$u20$for$GT$3bar{HASH}", "<impl T for>::bar"),
        (f"_ZN3foo21$u7b$$u7b$x$u7d$$u7d${HASH}", "foo::{{x}}"),
        (f"_ZN15$RF$$BP$$SP$$C$3foo{HASH}", "&*@,::foo"),
        (f"_ZN12foo..bar$LP$3baz{HASH}", "foo::bar(::baz"),
        (f"_ZN7$ud800$3foo{HASH}", "$ud800$::foo"),
        (f"_ZN5$XX$a3foo{HASH}", "$XX$a::foo"),
        ("_ZN3foo3barE", "foo::bar"),
        ("_ZN3foo17hnothexadecimal00E", "foo::hnothexadecimal00"),
    ],
)
def test_legacy_rust_name(name, expected):
    assert demangle(name) == expected


V0_NAMES = {
    "_RNvCs1234_7mycrate3foo": "mycrate::foo",
    "_RNCNCNgCs6DXkGYLi8lr_2cc5spawn00B5_": "cc::spawn::{closure#0}::{closure#0}",
    "_RNCINkXs25_NgCsbmNqQUJIY6D_4core5sliceINyB9_4IterhENuNgNoBb_4iter8iterator8Iterator9rposition"
    "NCNgNpB9_6memchr7memrchrs_0E0Bb_": "<core::slice::Iter<u8> as core::iter::iterator::Iterator>::"
    "rposition::<core::slice::memchr::memrchr::{closure#1}>::{closure#0}",
    "_RINbNbCskIICzLVDPPb_5alloc5alloc8box_freeDINbNiB4_5boxed5FnBoxuEp6OutputuEL_ECs1iopQbuBiw2_3std":
    "alloc::alloc::box_free::<dyn alloc::boxed::FnBox<(), Output = ()>>",
    "_RNvMC0INtC8arrayvec8ArrayVechKj7b_E3new": "<arrayvec::ArrayVec<u8, 123>>::new",
    "_RNqCs4fqI2P2rA04_11utf8_identsu30____7hkackfecea1cbdathfdh9hlq6y":
    "utf8_idents::საჭმელად_გემრიელი_სადილი",
    "_RNvYNtC1a1SNtC1b1T1f": "<a::S as b::T>::f",
    "_RNSC3foo4test": "foo::{shim:test#0}",
    "_RNvC1a1f.llvm.123": "a::f",
    "_RNvC1a1f.0.llvm.123": "a::f.0",
    "_RNvC1a1f.cold": "a::f.cold",
    "_RNvC1a1f@V1": "a::f@V1",
    "_RNvC1a5_1abcd": "a::1abcd",
}  # fmt: skip

V0_TYPES = {
    "h": "u8", "z": "!", "v": "...", "u": "()", "e": "str",
    "Rh": "&u8", "Qh": "&mut u8", "RL_h": "&u8", "Ph": "*const u8", "Oh": "*mut u8",
    "Sh": "[u8]", "Ahj3_": "[u8; 3]", "TE": "()", "ThE": "(u8,)", "ThtE": "(u8, u16)", "TThEE": "((u8,),)",
    "FEu": "fn()", "FhtEe": "fn(u8, u16) -> str", "FUKCEz": 'unsafe extern "C" fn() -> !',
    "FK8fastcallEu": 'extern "fastcall" fn()', "FK10C_cmse_retEu": 'extern "C-cmse-ret" fn()',
    "FG_RL0_hEu": "for<'a> fn(&'a u8)", "FG0_RL1_hRL0_hEu": "for<'a, 'b> fn(&'a u8, &'b u8)",
    "FG_RL0_FG_RL0_RL1_hEuEu": "for<'a> fn(&'a for<'b> fn(&'b &'a u8))",
    "DNtC1a1TEL_": "dyn a::T", "DNtC1a1TNtC1b1UEL_": "dyn a::T + b::U", "DEL_": "dyn ",
    "DINtC1a1ThEp1Xtp1YmEL_": "dyn a::T<u8, X = u16, Y = u32>", "DNtC1a1Tp1XtEL_": "dyn a::T<X = u16>",
    "FG_DNtC1a1TEL0_Eu": "for<'a> fn(dyn a::T + 'a)", "DG_INtC1a2FnTRL0_hEEp6OutputuEL_":
    "dyn for<'a> a::Fn<(&'a u8,), Output = ()>",
    "INtC1a1SL_hE": "a::S<'_, u8>",
}  # fmt: skip

V0_CONSTANTS = {
    "p": "_", "h7b_": "123", "j0_": "0", "j_": "0", "ln1_": "-1", "n8000000000000000_": "9223372036854775808",
    "offffffffffffffffff_": "0xffffffffffffffffff",
    "b0_": "false", "b1_": "true", "c58_": "'X'", "c27_": "'\\''", "ca_": "'\\n'", "c22_": "'\"'",
    "cd800_": "'\\u{d800}'",
    "e616263_": '{*"abc"}', "Re616263_": '"abc"', "Re22_": '"\\""', "RRe_": '{&""}',
    "RRRh0_": "{&&&0}", "Qh1_": "{&mut 1}",
    "AE": "{[]}", "Aj0_j1_E": "{[0, 1]}", "QAE": "{&mut []}", "TE": "{()}",
    "Tj0_E": "{(0,)}", "Tj1_b0_E": "{(1, false)}",
    "VNvINtNtC4core6option6OptionjE4NoneU": "{core::option::Option::<usize>::None}",
    "VNvINtNtC4core6option6OptionjE4SomeTj0_E": "{core::option::Option::<usize>::Some(0)}",
    "VNtC3foo3BarS1sRe616263_2chc78_5sliceRAh1_h2_h3_EE":
    "{foo::Bar { s: \"abc\", ch: 'x', slice: &[1, 2, 3] }}",
}  # fmt: skip


@pytest.mark.parametrize("name", V0_NAMES)
def test_v0_rust_name(name):
    assert demangle(name) == V0_NAMES[name]


@pytest.mark.parametrize("mangled", V0_TYPES)
def test_v0_type(mangled):
    assert demangle(f"_RINvC1a1f{mangled}E") == f"a::f::<{V0_TYPES[mangled]}>"


@pytest.mark.parametrize("mangled", V0_CONSTANTS)
def test_v0_constant(mangled):
    assert demangle(f"_RINvC1a1fK{mangled}E") == f"a::f::<{V0_CONSTANTS[mangled]}>"


@pytest.mark.parametrize(
    "name",
    [
        "_RNvC1a",  # ends too early
        "_RNvC1a9f",
        "_RNvC1a1fz",  # something behind the path
        "_RNvC1a1fC1b1",
        "_RINvC1a1fB_E",  # decodes itself
        "_RINvC1a1fBz_E",  # refers forward
        "_RINvC1a1fRL0_hE",  # a lifetime without a binder
        "_RINvC1a1fKb2_E",
        "_RINvC1a1fKc110000_E",
        "_RINvC1a1fKRe6_E",  # half a byte
        "_RINvC1a1fKReff_E",  # not UTF-8
        "_RINvC1a1fKhXY_E",
        "_RINvC1a1fFGzzzzzzzz_EuE",  # for<'a, 'b, …
        "_RNvC1au3!!!",
        "_RNvC1a01",
        "_R" + "N" * 5000,
        "_RI" + "R" * 5000 + "hE",
    ],
)
def test_malformed_v0_name_stays_as_it_is(name):
    assert demangle(name) == name


def test_back_references_cannot_multiply_work_without_bound():
    """Each tuple holds the one before it twice: 2**40 leaves in 300 characters."""
    body, at = "", len("INvC1a1f")
    places = []
    for level in range(40):
        places.append(at + len(body))
        body += "h" if level == 0 else "T" + f"B{base62(places[-2])}" * 2 + "E"
    name = f"_RINvC1a1f{body}E"

    begin = time.process_time()
    assert demangle(name) == name
    assert time.process_time() - begin < 1


def base62(value: int) -> str:
    digits = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
    text = "_"
    value -= 1
    while value >= 0:
        text = digits[value % 62] + text
        value = value // 62 - (value < 62)
    return text


@given(st.text("RNvCMXYIBKLTEFDGSAQPObcehjpsu_0123456789aZ$.", max_size=60))
def test_any_name_is_decoded_or_stays(text):
    assert demangle("_R" + text)
    assert demangle("_ZN" + text)


def test_demangle_many_leaves_c_and_rust_names_to_patterns():
    names = ["main", "i", "_Z3fooi", "_Zx", "_RNvC1a1f", f"_ZN1a1f{HASH}"]

    assert demangle_many(names) == ["main", "i", "foo(int)", "_Zx", "_RNvC1a1f", "a::f::h0123456789abcdef"]


def test_a_hundred_thousand_names_take_well_under_a_second():
    names = [f"_ZNSt6vectorIiSaIiEE8insert{index % 1000:03}ERKi" for index in range(100_000)]

    begin = time.process_time()
    demangle_many(names)
    assert time.process_time() - begin < 1.5


def test_without_a_cxx_library_names_stay(monkeypatch):
    monkeypatch.setattr(demangler, "_address", None)
    monkeypatch.setattr(demangler, "_LIBRARIES", [b"libnothing.so.0"])

    assert not can_demangle_cxx()
    assert demangle("_Z3foov") == "_Z3foov"
    assert demangle_many(["_Z3foov"]) == ["_Z3foov"]
    assert demangle("_RNvC1a1f") == "a::f"


def test_works_without_site_packages():
    code = f"import sys; sys.path.insert(0, {str(ROOT / 'src')!r})\nfrom wild.demangle import demangle\n"
    code += "print(demangle('_Z1fv'))"

    assert subprocess.check_output([sys.executable, "-IS", "-c", code], text=True) == "f()\n"


def rust_library() -> Path:
    """libstd of the installed Rust, which has some thousand v0 names in newer releases."""
    root = subprocess.run(
        [tool("rustc"), "--print", "sysroot"], capture_output=True, text=True, check=True
    ).stdout
    found = glob.glob(os.path.join(root.strip(), "lib/rustlib/*/lib/libstd-*.so"))
    if not found:
        pytest.skip("Rust without a shared libstd")
    return Path(found[0])


def test_every_v0_name_of_libstd_reads_as_llvm_reads_it():
    listed = subprocess.run(
        [tool("nm"), "-D", rust_library()], capture_output=True, text=True, check=True
    ).stdout
    names = [
        name for line in listed.splitlines() if (name := line.split()[-1].partition("@")[0]).startswith("_R")
    ]
    answers = subprocess.run(
        [tool("llvm-cxxfilt")], input="\n".join(names), capture_output=True, text=True, check=True
    )
    if not names:
        pytest.skip("this Rust uses the older mangling")

    # LLVM shows a suffix in parentheses.
    expected = [re.sub(r"( \(\.\S*\))$", "", answer) for answer in answers.stdout.splitlines()]
    assert [demangle(name.partition(".")[0]) for name in names] == expected


CXX = """
#include <map>
#include <string>
namespace ns { struct S { S(); ~S(); virtual void f() const; S operator+(int) const; operator bool(); }; }
ns::S::S() {} ns::S::~S() {} void ns::S::f() const {} ns::S ns::S::operator+(int) const { return S(); }
ns::S::operator bool() { return true; }
template <class... T> int g(T... t) { return sizeof...(t); }
int h(std::map<std::string, long double> &, int (*)(char[3]), auto x) { return g(x, 1, "a") + g([](int) {}); }
template int h(std::map<std::string, long double> &, int (*)(char[3]), unsigned);
"""


def test_cxx_names_of_an_object_read_as_cxxfilt_reads_them():
    """Without its habit of spelling out `std::string`, which version scripts do not share."""
    listed = subprocess.run([tool("nm"), compile_cxx(CXX)], capture_output=True, text=True, check=True).stdout
    names = [name for line in listed.splitlines() if (name := line.split()[-1]).startswith("_Z")]
    command = [tool("c++filt"), "--no-verbose"]
    answers = subprocess.run(command, input="\n".join(names), capture_output=True, text=True, check=True)

    assert len(names) > 10
    assert [demangle(name) for name in names] == answers.stdout.splitlines()
