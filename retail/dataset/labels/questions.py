"""Which columns can be questions, and why the others are none: identifiers, prices, dates, addresses, free text.

In: the cells of a table. Out: the columns to offer as label columns, and one clause for each of the others.
"""

from __future__ import annotations

import re
import shlex
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from retail.dataset.labels.missing import is_missing
from retail.dataset.labels.several import find_several
from retail.dataset.labels.spelling import label_key

MAX_CLASSES = 200  # more is free text or a number, not a label column to guess
MOST = 0.9  # share of the cells that make a column what they are
MANY_PRICES = 5  # different numbers that all have two decimals
MANY_NUMBERS = 20  # more different ones measure something; sizes and grades are fewer
ONCE, LEAST_ONCE = 0.95, 50  # nearly every value once; a small table may have many classes of one row
FREE_TEXT = "it holds free text"
ADDRESSES, FILES, DATES, PRICES = (
    f"it holds {what}" for what in ("addresses", "file names", "dates or times", "prices")
)
NO_TEXT = (ADDRESSES, FILES, DATES, PRICES)  # what a description is not, whatever its column is called
LONG_TEXT, SENTENCE = 12, 5  # words on average: a text in any case, or one where most differ
MOST_LOOKED_AT = 5_000  # different values; spellings cannot bring more than these down to 200 classes

ID_NAMES = {"id", "ids", "sku", "ean", "gtin", "upc", "asin", "isbn", "mpn", "barcode", "uuid", "guid", "key", "hash"}
ID_NAMES |= {"index", "rowid", "artnr", "artikelnummer", "articlenumber", "number", "nr", "no"}
ID_NAMES |= {"référence", "reference", "ref", "referencia", "codice", "código", "artikelnr"}
PRICE_NAMES = {"price", "prices", "preis", "prix", "precio", "prezzo", "cost", "msrp", "rrp", "uvp", "amount", "betrag"}
DATE_NAMES = {"date", "time", "timestamp", "datum", "created", "updated", "modified", "datetime", "uploaded", "added"}
MEASURE_NAMES = {"weight", "width", "height", "length", "depth", "volume", "quantity", "qty", "stock", "count", "score"}
MEASURE_NAMES |= {"gewicht", "breite", "laenge", "länge", "höhe", "tiefe", "menge", "views", "sales", "rank", "area"}
SPLIT_NAMES = {"fold", "folds", "kfold", "cv_fold", "is_test", "is_train", "is_val", "is_valid", "is_validation"}
SPLIT_VALUES = {
    "train",
    "training",
    "val",
    "valid",
    "validate",
    "validation",
    "dev",
    "eval",
    "test",
    "testing",
    "holdout",
}
CLASS_NAMES = {"class", "band", "range", "level", "tier", "group", "category", "segment", "bucket", "label"}

NUMBER = r"[+-]?(?:\d{1,3}(?:[.,' \u00a0\u202f]\d{3})+|\d+)(?:[.,]\d+)?"
MONEY = r"(?:[$€£¥₹₽₺₩]|EUR|USD|GBP|CHF|JPY|SEK|NOK|DKK|PLN|CZK|INR|AUD|CAD|kr\.?|zł|Rs\.?)"
IS_NUMBER = re.compile(rf"{NUMBER}(?:[eE][+-]?\d+)?")
IS_MONEY = re.compile(rf"{MONEY}\s?{NUMBER}-?|{NUMBER}\s?{MONEY}")
WITH_DECIMALS = re.compile(r"[+-]?\d*[.,](?!0+$)\d+")  # 3.0 is a whole number that a tool wrote
CENTS = re.compile(r"\d+[.,]\d\d")
MONTH = r"(?:jan|feb|m[aä]r|apr|ma[iy]|jun|jul|aug|sep|o[ck]t|nov|de[cz])[a-zä]*\.?"
CLOCK = r"\d{1,2}:\d\d(?::\d\d(?:[.,]\d+)?)?(?:\s?[ap]\.?m\.?)?"
DAY = r"\d{4}[-/.]\d{1,2}[-/.]\d{1,2}|\d{1,2}([-/.])\d{1,2}\1(?:\d{4}|\d\d)"
NAMED_DAY = rf"\d{{1,2}}\.?[ -]{MONTH}[ ,-]+\d{{2,4}}|{MONTH} \d{{1,2}}(?:st|nd|rd|th)?,? \d{{4}}"
IS_DATE = re.compile(rf"(?:{DAY}|{NAMED_DAY})(?:[T ]+{CLOCK})?\s?(?:Z|UTC|[+-]\d\d:?\d\d)?|{CLOCK}", re.IGNORECASE)
IS_STAMP = re.compile(r"(?:1\d{9}|1\d{12})(?:\.\d+)?|(?:19|20)\d\d[01]\d[0-3]\d")
# As spreadsheets show a long number, with the decimal sign of the country; "2E5" may be an article's own code.
ROUNDED = re.compile(r"[+-]?\d(?:[.,]\d+)?[eE]\+\d{1,3}")
IS_PICTURE = re.compile(r"data:(?:image|audio)/.*|/9j/[A-Za-z0-9+/=\s]{200,}|iVBOR[A-Za-z0-9+/=\s]{200,}", re.DOTALL)
IS_OBJECT = re.compile(r"\{\s*[\"'].*\}", re.DOTALL)  # as JSON or Python write one
IS_ADDRESS = re.compile(r"(?:https?|ftp|s3|gs)://\S+|www\.\S+\.\S+|[^\s@]+@[^\s@]+\.[a-z]{2,}", re.IGNORECASE)
ENDINGS = "jpe?g|png|webp|gif|bmp|tiff?|avif|heic|svg|wav|mp3|ogg|opus|flac|m4a|webm|mp4|mov|pdf|txt|json|csv|html?|zip"
IS_FILE = re.compile(rf".*\.(?:{ENDINGS})", re.IGNORECASE | re.DOTALL)
CAMEL = re.compile(r"(?<=[a-zäöü])(?=[A-ZÄÖÜ])")


def offered(header: Sequence[str], rows: Sequence[Sequence[str]]) -> tuple[list[str], dict[str, str]]:
    """The columns that can be questions, and why each of the others is none; every row is as long as the header."""
    reasons = {name: why_no_question(name, [row[place] for row in rows]) for place, name in enumerate(header)}
    return [name for name in header if not reasons[name]], {name: why for name, why in reasons.items() if why}


def why_no_question(name: str, values: Iterable[str]) -> str:
    """Why a column with these cells is not offered as a question, "" if it is; missing values do not count."""
    counts = {value: count for value, count in Counter(values).items() if not is_missing(value)}
    if not counts:
        return "it is empty"
    column = _Column(name, counts)
    return next((reason for test, reason in REASONS if test(column)), "") or _number_of_classes(column)


def words_of(name: str) -> set[str]:
    """The words of a column's name, also those of productId."""
    return set(re.findall(r"[^\W\d_]+", CAMEL.sub(" ", name).lower()))


@dataclass(frozen=True)
class _Column:
    """The different values of a column with how often each occurs."""

    name: str
    counts: Mapping[str, int]

    @cached_property
    def rows(self) -> int:
        return sum(self.counts.values())

    @cached_property
    def words(self) -> set[str]:
        """Those of its name."""
        return words_of(self.name)

    @cached_property
    def is_numeric(self) -> bool:
        return self.mostly(IS_NUMBER)

    @cached_property
    def some(self) -> list[str]:
        """Values enough to tell what they are, from all over the table."""
        values = list(self.counts)
        return values[:: max(1, len(values) // MOST_LOOKED_AT)]

    @cached_property
    def classes(self) -> int:
        """How many classes there are, in whatever spellings."""
        many = len(self.counts) > MOST_LOOKED_AT
        return len(self.counts) if many else len(set(map(label_key, self.counts)))

    @property
    def distinct_share(self) -> float:
        return self.classes / self.rows

    @cached_property
    def has_lists(self) -> bool:
        return find_several({value: self.counts[value] for value in self.some}) is not None

    def mostly(self, pattern: re.Pattern[str]) -> bool:
        """Whether most of the different values are such."""
        return sum(bool(pattern.fullmatch(value)) for value in self.some) >= MOST * len(self.some)

    def words_a_cell(self) -> float:
        return sum(value.count(" ") + 1 for value in self.some) / len(self.some)


def _is_date(column: _Column) -> bool:
    return column.mostly(IS_DATE) or (bool(column.words & DATE_NAMES) and column.mostly(IS_STAMP))


def _is_price(column: _Column) -> bool:
    if column.words & CLASS_NAMES:  # price_band
        return False
    named = bool(column.words & PRICE_NAMES) and column.is_numeric
    return named or column.mostly(IS_MONEY) or (len(column.counts) > MANY_PRICES and column.mostly(CENTS))


def _is_measure(column: _Column) -> bool:
    if not column.is_numeric or len(column.counts) <= MANY_NUMBERS:
        return False
    return bool(column.words & MEASURE_NAMES) or sum(map(bool, map(WITH_DECIMALS.fullmatch, column.some))) > 1


def _is_split(column: _Column) -> bool:
    """As folds or as a yes or no; what follows names the part of the data that its rows are in."""
    marks = column.name.lower().replace(" ", "_") in SPLIT_NAMES and column.classes <= MANY_NUMBERS
    return marks or {value.strip().lower() for value in column.counts} <= SPLIT_VALUES


def _is_identifier(column: _Column) -> bool:
    named = bool(column.words & ID_NAMES) and 2 * column.classes > column.rows > 2
    return named or (column.distinct_share >= ONCE and column.classes >= LEAST_ONCE and not column.has_lists)


def _is_text(column: _Column) -> bool:
    words = column.words_a_cell()
    return words >= LONG_TEXT or (words >= SENTENCE and column.distinct_share > 0.5)


def _number_of_classes(column: _Column) -> str:
    if column.classes == 1:
        return "it has one value only"
    if column.classes > MAX_CLASSES and column.has_lists:
        decision = shlex.quote(f"{column.name}=each")
        return f"its cells hold several labels each; name it with --tasks and choose --decide {decision}"
    if column.classes == column.rows:
        return "no value occurs twice"
    if column.classes > MAX_CLASSES:
        return f"it has {column.classes:,} classes, more than {MAX_CLASSES}; name it with --tasks to learn it"
    return ""


# The first that fits is what a person reads.
REASONS: tuple[tuple[Callable[[_Column], bool], str], ...] = (
    (lambda column: column.mostly(ROUNDED), "a spreadsheet rounded its numbers; format it as text and export it again"),
    (lambda column: column.mostly(IS_PICTURE), "it holds pictures as text, which are not read; save them as files"),
    (lambda column: column.mostly(IS_ADDRESS), ADDRESSES),
    (lambda column: column.mostly(IS_FILE), FILES),
    (_is_date, DATES),
    (_is_price, PRICES),
    (_is_text, FREE_TEXT),
    (
        lambda column: column.mostly(IS_OBJECT),
        "its cells hold several named values each; give each a column of its own",
    ),
    (_is_split, "it says how rows were split; call it 'split', with train, val and test in it, to split them so"),
    (_is_identifier, "it names single rows, as an identifier does"),
    (_is_measure, "it holds a measure with many different numbers"),
)
