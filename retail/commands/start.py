"""Commands to start with: dashboard, demo.

In: an address, or nothing. Out: the running app, or where the demo lies.
"""

from __future__ import annotations

import runpy
import sys
from typing import Annotated

import typer

from retail.commands.shared import EXAMPLES, app, say
from retail.files import APP, DEMO_BUNDLE, DEMO_DIR, DEMO_RESULTS, GROCERIES_EXAMPLES

DEMO_PHOTO = DEMO_DIR / "images" / "lark_tea_original_17.jpg"  # of the test split
GROCERY_PHOTO = GROCERIES_EXAMPLES / "images" / "banana.jpg"


@app.command(epilog=EXAMPLES["dashboard"])
def dashboard(
    port: Annotated[int, typer.Option(min=1, max=65535, help="Where the browser finds it.")] = 8501,
    address: Annotated[str, typer.Option(help="0.0.0.0 lets other machines in.")] = "127.0.0.1",
    host: Annotated[
        list[str] | None,
        typer.Option(help="A name that browsers may call it by, such as that of a proxy; may be given several times."),
    ] = None,
) -> None:
    """Open the dashboard in a browser; Ctrl-C ends it."""
    from retail.workspace.exposure import DASHBOARD, is_local, names_of

    if not is_local(address):
        say(f"Note: {DASHBOARD.format(address=address)}", err=True)
    hosts = [f"--server.allowedHosts={name}" for name in dict.fromkeys([*names_of(address), *(host or ())])]
    # As `python -m streamlit run` would, in this process; it reads the configuration beside the app.
    sys.argv = ["streamlit", "run", str(APP), f"--server.port={port}", f"--server.address={address}", *hosts]
    runpy.run_module("streamlit", run_name="__main__")


@app.command(epilog=EXAMPLES["demo"])
def demo(context: typer.Context) -> None:
    """Say where the demo lies; as DATA, BUNDLE or RESULTS the word `demo` means it."""
    for kind, place in {"Data set": DEMO_DIR, "Recogniser": DEMO_BUNDLE, "Results": DEMO_RESULTS}.items():
        say(f"{kind:<10}  {place}")
    predict = f"{context.find_root().info_name} predict"
    say("")
    say(f'Try: {predict} demo --image "{DEMO_PHOTO}" --text "breakfast tea"')
    say(f'Or, of 81 real groceries: {predict} groceries --image "{GROCERY_PHOTO}"')
