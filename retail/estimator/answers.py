"""What scikit-learn calls y: one question or several, classes of any kind, rows without an answer.

In: a Series, an array or a DataFrame. Out: `Questions`, the same in words and back. No torch.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from sklearn.utils.multiclass import check_classification_targets

from retail.schema import UserError

ONE = "y"  # what a question without a name is called


@dataclass(frozen=True)
class Questions:
    """The questions by name, with the classes of each in scikit-learn's order and as words."""

    names: tuple[str, ...]
    classes: tuple[np.ndarray, ...]
    several: bool  # y had two dimensions
    labels: tuple[dict[str, str], ...]  # row by row: question -> label, without those that are missing

    @classmethod
    def of(cls, y: Any, rows: int) -> Questions:
        """Raises UserError where y is no answer to one or several questions, row by row."""
        table = _table(y)
        if len(table) != rows:
            raise UserError(f"X and y have a row for each product, but X has {rows:,} rows and y has {len(table):,}.")
        names = tuple(map(str, table.columns))
        known = [column[[_is_label(cell) for cell in column]] for _, column in table.items()]
        classes = tuple(_classes(name, column) for name, column in zip(names, known, strict=True))
        cells = zip(*(table[name] for name in table.columns), strict=True)
        labels = tuple(
            {name: str(cell) for name, cell in zip(names, row, strict=True) if _is_label(cell)} for row in cells
        )
        return cls(names, classes, np.asarray(y).ndim > 1, labels)

    def chances(self) -> list[np.ndarray]:
        """How often each class of each question was the answer."""
        found = []
        for name, classes in zip(self.names, self.classes, strict=True):
            counts = pd.Series([row[name] for row in self.labels if name in row]).value_counts()
            shares = np.array([counts.get(str(one), 0) for one in classes], dtype=float)
            found.append(shares / shares.sum())
        return found


def _table(y: Any) -> pd.DataFrame:
    if y is None:
        raise UserError("This FusionClassifier requires y to be passed, but the target y is None.")
    if isinstance(y, pd.DataFrame):
        return y
    values = y if isinstance(y, pd.Series) else np.asarray(y)
    if values.ndim == 2 and values.shape[1] > 0:
        return pd.DataFrame(values, columns=[f"{ONE}{place}" for place in range(values.shape[1])])
    if values.ndim != 1:
        raise UserError(f"y is a column of labels or a table of them, but came with {values.ndim} dimensions.")
    name = values.name if isinstance(values, pd.Series) and values.name is not None else ONE
    return pd.DataFrame({str(name): values})


def _classes(name: str, known: Sequence[Any]) -> np.ndarray:
    values = np.asarray(known)
    if not len(values):
        raise UserError(f"No row has a label for {name!r}; label some.")
    if len({type(value) for value in values}) > 1:
        raise UserError(f"The labels of {name!r} are of several kinds, such as words and numbers; use one kind.")
    if values.dtype == object and not isinstance(values[0], str):
        values = np.array(values.tolist())
    check_classification_targets(values)
    return np.unique(values)


def _is_label(cell: Any) -> bool:
    """Only None, NaN and "" are none: "n/a" and "none" may be classes here."""
    return cell != "" if isinstance(cell, str) else not pd.isna(cell)
