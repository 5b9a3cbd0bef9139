"""Says to a screen reader what has changed on the page, without moving the focus.

In: a sentence. Out: the text of a live region that no rerun replaces, for one that is new with its text is often
silent.
"""

from __future__ import annotations

import json

import streamlit as st

SECONDS = 20  # then the sentence goes, so that nobody finds it on another page
SAY = """<script>
(() => {
  let region = document.getElementById("said-aloud");
  if (!region) {
    region = document.createElement("div");
    region.id = "said-aloud";
    region.setAttribute("role", "status");
    region.setAttribute("aria-live", "polite");
    region.style.cssText = "position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%%)";
    document.body.append(region);
  }
  clearTimeout(window.saidAloud);
  setTimeout(() => { region.textContent = %s; }, 100);
  window.saidAloud = setTimeout(() => { region.textContent = ""; }, %d);
})();
</script>"""


def announce(sentence: str) -> None:
    """Read out once the listener is idle; the same sentence again is silent."""
    st.html(SAY % (json.dumps(sentence).replace("<", "\\u003c"), 1000 * SECONDS), unsafe_allow_javascript=True)
