"""The door of the dashboard: a login where one is set up, and a warning where others can come in without.

In: the server's address and Streamlit's secrets. Out: a line in the sidebar, or a page that asks to log in.
"""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st

from retail.components.mark import NAME
from retail.escaping import plain
from retail.workspace.exposure import is_local

OPEN = "Everybody on the network who can open this page sees, changes and deletes what is kept here."
ADVICE = """Keep it to this machine: start it without another address. Or let in only whom you know:

- put a proxy with TLS and a login in front of it, or
- set up Streamlit's login in `.streamlit/secrets.toml`: until somebody has logged in, no page is drawn.

`docs/how-to/share.md` has both, step by step."""


def guard() -> None:
    """Ends the page for whoever has to log in first; says so where nobody has to, though others can come in."""
    if "is_logged_in" in st.user:  # only where a login is set up
        if st.user.is_logged_in:
            st.sidebar.button("Log out", type="tertiary", on_click=st.logout)
            return
        _ask()
    elif not is_local(st.get_option("server.address") or ""):
        with st.sidebar:
            st.caption(f":material/lock_open: {OPEN}")
            with st.popover("What to do"):
                st.markdown(ADVICE)


def _ask() -> None:
    st.title(NAME, anchor=False)
    st.markdown("Log in to use this dashboard.")
    settings = st.secrets["auth"]
    providers = [name for name in settings if isinstance(settings[name], Mapping)]
    for provider in providers:
        st.button(f"Log in with {plain(provider)}", on_click=st.login, args=(provider,))
    if not providers:
        st.button("Log in", type="primary", on_click=st.login)
    st.stop()
