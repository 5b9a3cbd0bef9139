"""How a typed value, from a spreadsheet or a Parquet file, is written in a cell.

In: what a library decoded. Out: a string. The same value gives the same string whatever file it came from.
"""

from __future__ import annotations

import json
import math
from datetime import date, datetime, time
from typing import Any

DIGITS = 15  # what a spreadsheet keeps of a number; the 16th and 17th only show how it is stored


def as_cell(value: Any) -> str:
    """3.0 is "3", a day without a time is its date alone, nothing and not-a-number are "", a list is a JSON list."""
    if value is None:
        return ""
    if isinstance(value, float):
        return _number(value)
    if isinstance(value, datetime):
        is_day = value.time() == time() and value.tzinfo is None
        return value.date().isoformat() if is_day else value.isoformat(sep=" ")
    if isinstance(value, (date, time)):
        return value.isoformat()
    if isinstance(value, (list, dict)):
        return json.dumps(value, ensure_ascii=False, default=as_cell)
    return str(value).strip()


def _number(value: float) -> str:
    if math.isnan(value):
        return ""
    if value.is_integer() and abs(value) < 1e21:
        return f"{value:.0f}"  # an EAN in full, not 4.00638e+12
    return f"{value:.{DIGITS}g}"
