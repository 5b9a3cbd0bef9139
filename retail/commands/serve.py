"""The command that puts a recogniser behind HTTP, for other people's programs.

In: a bundle and limits. Out: a server that runs until it is ended.
"""

from __future__ import annotations

import importlib.util
from typing import Annotated

import typer

from retail.commands.shared import EXAMPLES, Bundle, Trust, app, reported
from retail.outside.limits import MAX_REQUEST_MIB, MAX_REQUEST_SECONDS, MAX_WAITING
from retail.schema import UserError
from retail.serve.settings import (
    KEY_VARIABLE,
    TOGETHER,
    ServeSettings,
    key_of_the_environment,
)
from retail.workspace.exposure import is_local

PACKAGES = ("fastapi", "uvicorn", "python_multipart", "prometheus_client")


@app.command(epilog=EXAMPLES["serve"])
def serve(
    bundle: Bundle,
    catalogue: Annotated[
        str, typer.Option(help="A catalogue whose products answer beside the classes, and that clients may change.")
    ] = "",
    host: Annotated[str, typer.Option(help="0.0.0.0 lets other machines in.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 takes a free one; the log says which.")] = 8000,
    limit_mib: Annotated[int, typer.Option(min=1, help="Refuse requests larger than this.")] = MAX_REQUEST_MIB,
    limit_seconds: Annotated[float, typer.Option(min=1, help="Give up after this.")] = MAX_REQUEST_SECONDS,
    waiting: Annotated[int, typer.Option(min=1, help="Send requests away beyond so many under way.")] = MAX_WAITING,
    together: Annotated[int, typer.Option(min=1, help="Products that go through the encoders at once.")] = TOGETHER,
    trust: Trust = False,
) -> None:
    """Answer over HTTP, with OpenAPI pages at /docs; a key in RETAIL_API_KEY keeps others out. Ctrl-C ends it."""
    with reported() as report:
        if missing := [name for name in PACKAGES if importlib.util.find_spec(name) is None]:
            raise UserError(f"Serving needs {' and '.join(missing)}, not installed here: pip install 'retail[serve]'.")
        from retail.serve import server

        settings = ServeSettings(
            bundle=bundle,
            catalogue=catalogue,
            local=is_local(host),
            key=key_of_the_environment(),
            most_bytes=limit_mib * 2**20,
            seconds=limit_seconds,
            most_waiting=waiting,
            together=together,
            trust=trust,
        )
        if not settings.local:
            report.note(_warning(host, bool(settings.key)))
        server.serve(settings, host, port)


def _warning(host: str, has_key: bool) -> str:
    """To whom listens to other machines."""
    if has_key:
        return f"who listens on the way to {host} reads the key and what is sent; put a proxy with TLS in front of it."
    return (
        f"everybody who reaches {host} may ask, and change the catalogue; set {KEY_VARIABLE} to keep others out, and "
        "put a proxy with TLS in front of it."
    )
