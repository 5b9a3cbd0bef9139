"""What a spreadsheet did to identifiers before they were saved.

In: the cells of a column. Out: how many of them lost their last digits.
"""

from __future__ import annotations

from collections.abc import Sequence

from retail.dataset.labels.questions import ROUNDED


def rounded_numbers(cells: Sequence[str]) -> int:
    """How many cells are numbers in scientific notation, such as 4.00638E+12 for the EAN 4006381333931."""
    return sum(bool(ROUNDED.fullmatch(cell.strip())) for cell in cells)
