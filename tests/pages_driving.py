"""What the tests of single pages share: open one without a browser, press a button, read what it says."""

from __future__ import annotations

from streamlit.testing.v1 import AppTest

TIMEOUT_SECONDS = 300


def open_page(name: str, **state) -> AppTest:
    app = AppTest.from_file("../streamlit_app.py", default_timeout=TIMEOUT_SECONDS)
    for key, value in state.items():
        app.session_state[key] = value
    app.switch_page(f"retail/pages/{name}.py").run()
    assert not app.exception, app.exception
    return app


def element(app: AppTest, kind: str, label: str):
    """The first element of a kind, such as "button", whose label begins so."""
    return next(item for item in app.get(kind) if item.label.startswith(label))


def press(app: AppTest, label: str) -> AppTest:
    element(app, "button", label).click().run()
    assert not app.exception, app.exception
    return app


def said(app: AppTest) -> str:
    kinds = (app.markdown, app.caption, app.info, app.warning, app.error, app.success)
    return "\n".join(item.value for kind in kinds for item in kind)
