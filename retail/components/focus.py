"""The keyboard's place on a page: where a rerun takes the focused element away, the nearest that stays gets the focus.

In: nothing. Out: a listener in the browser, for the page that calls it alone: on Review a focus in a box would make its
keys typed words.
"""

from __future__ import annotations

import streamlit as st

# Streamlit draws within a moment; a menu that closes gives its own focus back sooner.
WAIT_MS = 400
LISTEN = """<script>
window.keepsFocusOn = location.pathname;
if (!window.keepsFocus) {
  window.keepsFocus = true;
  let lost = [];
  document.addEventListener("focusin", event => {
    lost = [];
    if (location.pathname !== window.keepsFocusOn) return;
    for (let place = event.target; place; place = place.parentElement) lost.push(place);
  });
  new MutationObserver(() => {
    if (!lost.length || lost[0].isConnected) return;
    const around = lost.find(place => place.isConnected);
    lost = [];
    setTimeout(() => {
      if (document.activeElement !== document.body || !around?.isConnected || around === document.body) return;
      if (location.pathname !== window.keepsFocusOn) return;
      const all = [...around.querySelectorAll("button:not([disabled]), input, textarea, a[href]")];
      // Not the button of a picture, which has no words.
      all.find(one => one.innerText.trim() || one.matches("input, textarea"))?.focus({preventScroll: true});
    }, %d);
  }).observe(document.body, {childList: true, subtree: true});
}
</script>"""


def keep_focus() -> None:
    """From now on in this tab."""
    st.html(LISTEN % WAIT_MS, unsafe_allow_javascript=True)
