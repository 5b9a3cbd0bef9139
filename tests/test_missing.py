"""Words that tools write for a missing value are told from what people mean as an answer."""

from __future__ import annotations

import pytest

from retail.dataset.labels.missing import is_blank, is_missing

MISSING = r"""
    nan NaN -nan None none NONE null NULL Null N/A n/a #N/A NA na <NA> NaT nil <nil> - -- --- — – − n.a. k.A. \N #REF!
    #VALUE! #DIV/0! #NAME? #BEZUG! #NV #¡VALOR! #ERROR! ######## undefined (null) (blank) [] {} "" ? . 1.#QNAN
""".split()
VALUES = [
    *"unknown other 0 0.0 no No false FALSE no Nan NAN Na Nil nano Nonesuch nullify #1 #sale! -1 --force n".split(),
    *"a/n NAAN None-such x- inf any".split(),
    *("not available", "none of these", "NA 12", "N/A or less", "- 5"),
]


@pytest.mark.parametrize("cell", MISSING)
def test_what_tools_write_is_missing(cell):
    assert is_missing(cell)
    assert is_missing(f"\u00a0 {cell}\t\u200b")
    assert not is_blank(cell)


@pytest.mark.parametrize("cell", VALUES)
def test_what_people_mean_is_a_value(cell):
    assert not is_missing(cell)


def test_words_of_several_parts():
    assert is_missing("#N/A N/A") and is_missing("n. a.") and is_missing("[object Object]")


@pytest.mark.parametrize("cell", ["", " \t\n", "\u200b", "\ufeff", "\u00ad\u00a0"])
def test_what_nobody_sees_is_missing_but_no_word(cell):
    assert is_missing(cell) and is_blank(cell)
