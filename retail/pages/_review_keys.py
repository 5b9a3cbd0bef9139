"""What the keys of Review mean while something has the focus: Enter presses what Tab has reached.

In: nothing. Out: a listener in the browser. Streamlit's own shortcuts are silent while somebody types, but its Enter
would accept a row even where somebody walked to Skip by keyboard.
"""

from __future__ import annotations

import streamlit as st

ENTER = """<script>
if (!window.enterPressesWhatTabReached) {
  window.enterPressesWhatTabReached = true;
  let byTab = false;
  window.addEventListener("pointerdown", () => { byTab = false; }, true);
  window.addEventListener("keydown", event => {
    if (event.key === "Tab") byTab = true;
    const focus = document.activeElement;
    if (event.key === "Enter" && byTab && focus && focus !== document.body) event.stopPropagation();
  }, true);
}
</script>"""
FOCUS = """<script>
setTimeout(() => document.querySelector('[class*="st-key-name_review_name"] input')?.focus(), 150);
</script>"""


def listen() -> None:
    """From now on in this tab."""
    st.html(ENTER, unsafe_allow_javascript=True)


def focus_on_name() -> None:
    """Puts the cursor into the box for a new product's name."""
    st.html(FOCUS, unsafe_allow_javascript=True)
