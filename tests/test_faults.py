"""Every fault that a kernel can report has a text."""

from __future__ import annotations

import re

import pytest
from programs import ROOT

from wild import faults, relocation_faults

HEADER = (ROOT / "src/wild/kernels/faults.pxd").read_text(encoding="utf-8")
CODES = {name: int(number) for name, number in re.findall(r"^    FAULT_(\w+) = (\d+)", HEADER, re.M)}
FIRST_RELOCATION = CODES.pop("RELOC_FIRST")
WORDED_BY_CODE = {CODES["FOREIGN"]}  # why_unusable looks at the file


@pytest.mark.parametrize("name", CODES)
def test_a_code_has_a_text(name):
    code = CODES[name]

    texts = relocation_faults.TEXTS if code >= FIRST_RELOCATION else faults.TEXTS

    assert code in texts or code in WORDED_BY_CODE


def test_texts_are_of_codes():
    assert {*faults.TEXTS, *relocation_faults.TEXTS} <= set(CODES.values())


@pytest.mark.parametrize("code", faults.TEXTS)
def test_a_text_is_filled_with_numbers(code):
    assert "{" not in faults.TEXTS[code].format(place=0x1234, extra=5)


@pytest.mark.parametrize("code", relocation_faults.TEXTS)
def test_a_text_about_a_relocation_is_filled_with_its_fields(code):
    names = ("type", "number", "symbol", "value", "low", "high", "output", "flag", "section")

    assert "{" not in relocation_faults.TEXTS[code].format_map(dict.fromkeys(names, "x"))


def test_codes_are_distinct():
    assert len(set(CODES.values())) == len(CODES)
