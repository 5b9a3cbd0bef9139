"""HTML becomes text, plain text stays as it was, and what is cut off is counted."""

from __future__ import annotations

import csv
import re
import unicodedata
from itertools import product

import pytest

from retail.files import DEMO_DIR
from retail.media import MAX_TEXT_CHARACTERS, characters_unread, clean_text
from retail.media.text import MAX_SOURCE_CHARACTERS, is_html


def as_ever(text: str) -> str:
    """What plain text has always become, written out once more."""
    composed = unicodedata.normalize("NFC", text)
    kinds = map(unicodedata.category, composed)
    visible = "".join(
        " " if kind.startswith("C") else char for char, kind in zip(composed, kinds, strict=True) if kind != "Cf"
    )
    return re.sub(r"\s+", " ", visible).strip()


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("<p>Oat drink</p>", "Oat drink"),
        ("<b>Un</b>sweet<i>ened</i> oat", "Unsweetened oat"),
        ("Oat<br>drink<BR/>1 l", "Oat\ndrink\n1 l"),
        ("<ul><li>oat<li>no sugar</ul>", "oat\nno sugar"),
        ("<table><tr><td>weight</td><td>1 kg</td></tr></table>", "weight\n1 kg"),
        ("<td>loose<td>cells", "loose\ncells"),
        ("<p>two\nlines of\tsource</p>", "two lines of source"),
        ("<style>p { color: red }</style><p>tea</p><script>if (a<b) alert('x')</script>", "tea"),
        ("tea <!-- not shown --> bags", "tea bags"),
        ('<a title="a > b" href=x>tea</a> here', "tea here"),
        ("<p>salt &amp; vinegar, 5&nbsp;&euro;", "salt & vinegar, 5 €"),
        ("&lt;p&gt;escaped &amp;amp; sent&lt;/p&gt;", "escaped & sent"),
        ("&amp;lt;br&amp;gt;twice", "twice"),
        ("<p>I <3 tea, <brand new>, <10 cm", "I <3 tea, <brand new>, <10 cm"),
        ('<p>cut in the middle of a tag <span style="col', "cut in the middle of a tag"),
        ("<p>&nbsp;</p><div></div>", ""),
        ("<p>no gap in choco\u00adlate</p>", "no gap in chocolate"),
        ("<P>CAPITALS</P>", "CAPITALS"),
        ("<p>we ship for free</p>" * 3 + "<p>tea</p>", "we ship for free\ntea"),
        ("<td>2</td><td>2</td>", "2\n2"),
    ],
)
def test_html_becomes_its_text(source, text):
    assert clean_text(source) == text
    assert clean_text(f"<div>{source}</div>") == text


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("AT&amp;T", "AT&T"),
        ("&amp;nbsp;tea&#32;&#x2019;s &bull; &EACUTE; &Eacute;", "tea ’s • &EACUTE; É"),
        ("&amp;amp;amp;amp; one", "& one"),
        ("1 &lt; 2", "1 < 2"),
    ],
)
def test_entities_are_decoded_without_tags_too(source, text):
    assert clean_text(source) == text


SIGNS = """
a < b | 5 > 4 | <3 | R&D | size <10 cm> | sizes <S>, <M> and <L> | AT&T | x &copy y | fish&chips; peas
&unknown; &notit; | <title> | <small> print | a <b and c> d | a <i = 5 | A --> B | <! | </ | <a | <div | 100 % <<new>>
<brand new> | price <p | >_< | & | &#; | <small>er
""".replace("\n", "|").split("|")


def test_signs_that_only_look_like_html_stay():
    for first, second in product(SIGNS, SIGNS):
        text = f"{first.strip()} tea {second.strip()}"
        assert clean_text(text) == as_ever(text) and not is_html(text)


def test_the_demos_texts_are_read_as_ever():
    with (DEMO_DIR / "metadata.csv").open(encoding="utf-8", newline="") as file:
        cells = {cell for row in csv.DictReader(file) for cell in row.values() if cell}
    assert len(cells) > 500
    assert [clean_text(cell) for cell in cells] == [as_ever(cell) for cell in cells]


@pytest.mark.parametrize(
    "unit", ["<", "<a ", "<a <a", "<a b=c ", "<a href='", "<!--", "</", "<script>", "<b><i>", "&amp;"]
)
def test_a_text_made_to_be_slow_is_read_all_the_same(unit):
    """Each of these costs a parser of the square of its length minutes, and the suite's limit would end it."""
    hostile = unit * (MAX_SOURCE_CHARACTERS // len(unit))
    assert clean_text(f"<p>tea</p>{hostile}").startswith("tea")
    assert len(clean_text(hostile)) <= MAX_TEXT_CHARACTERS


def test_deeply_nested_tags_end_in_their_text():
    assert clean_text("<div>" * 5_000 + "tea") == clean_text("<b>" * 5_000 + "tea</b>") == "tea"


def test_the_limit_counts_what_is_left_of_html():
    padding = "<span class='a-very-long-name'></span>" * 1_000
    assert clean_text(f"{padding}<p>tea</p>") == "tea" and characters_unread(f"{padding}<p>tea</p>") == 0


@pytest.mark.parametrize(
    ("source", "unread"),
    [
        ("tea", 0),
        ("x" * MAX_TEXT_CHARACTERS, 0),
        ("x" * (MAX_TEXT_CHARACTERS + 7), 7),
        ("<p>" + "x" * (MAX_TEXT_CHARACTERS + 7) + "</p>", 7),
        ("a  " * MAX_TEXT_CHARACTERS, MAX_TEXT_CHARACTERS - 1),
        ("x" * (MAX_SOURCE_CHARACTERS + 3), MAX_SOURCE_CHARACTERS - MAX_TEXT_CHARACTERS + 3),
    ],
)
def test_characters_beyond_the_limit_are_counted(source, unread):
    assert characters_unread(source) == unread
