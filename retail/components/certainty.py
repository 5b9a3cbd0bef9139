"""The word for how sure an answer is, as a small sign with a shape and a colour of its own.

In: a word of `retail.wording`. Out: HTML for `st.html`; the text keeps the page's colour, so both themes can be read.
"""

from __future__ import annotations

from retail.escaping import in_html
from retail.wording import CERTAINTY_MEANS, Certainty

SIGNS: dict[Certainty, tuple[str, str]] = {
    "Sure": ("●", "#009E73"),
    "Likely": ("◕", "#2F74B5"),
    "Unsure": ("◑", "#E69F00"),
    "Not in your range": ("○", "#8A6FDF"),
}
LOOKS = """<style>
.certainty {display: inline-block; padding: 0 0.6em; border-radius: 1em; font-weight: 600; font-size: 0.875rem;
  line-height: 1.6; white-space: nowrap; background: color-mix(in srgb, var(--sign) 20%, transparent)}
</style>"""


def sign(word: Certainty) -> str:
    """The word in its colour; what it means shows when one points at it."""
    shape, colour = SIGNS[word]
    return (
        f'<span class="certainty" style="--sign: {colour}" title="{in_html(CERTAINTY_MEANS[word])}">'
        f'<span aria-hidden="true">{shape}</span> {in_html(word)}</span>'
    )
