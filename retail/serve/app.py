"""The ASGI app: addresses, a door in front of them, and the worker behind.

In: `ServeSettings`. Out: a FastAPI app whose worker begins with it and ends with it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from fastapi import FastAPI, Security
from fastapi.security import HTTPBearer

import retail
from retail.serve import known, recognising, watching
from retail.serve.door import Door
from retail.serve.refusals import add_handlers
from retail.serve.settings import ServeSettings
from retail.serve.traffic import Traffic
from retail.serve.worker import Worker

if TYPE_CHECKING:
    from retail.serve.desk import Desk

DESCRIPTION = "Recognise retail products from any mix of photo, description and sound."


def create_app(
    settings: ServeSettings,
    open_desk: Callable[[], Desk] | None = None,
    on_failure: Callable[[Exception], None] = lambda error: None,
) -> FastAPI:
    """The app; it answers `/health` at once and the rest when the recogniser is loaded, or tells `on_failure`."""
    traffic = Traffic()
    opened = open_desk or (lambda: _open(settings))

    @asynccontextmanager
    async def working(app: FastAPI) -> AsyncIterator[None]:
        worker = Worker(opened, settings.together, traffic.batches.observe, on_failure)
        app.state.worker = worker
        yield
        worker.close(settings.seconds)

    app = FastAPI(
        title="Retail",
        version=retail.__version__,
        description=DESCRIPTION,
        lifespan=working,
        docs_url=None,  # Swagger's page and ReDoc's fetch scripts from elsewhere
        redoc_url=None,
        telemetry={"tracing": False, "metrics": False, "logs": False, "auto_configure": False},
        # The door looks at the key; here it is said in the OpenAPI document.
        dependencies=[Security(HTTPBearer(auto_error=False))] if settings.key else [],
    )
    app.state.settings, app.state.traffic = settings, traffic
    for part in (recognising, known, watching):
        app.include_router(part.router)
    add_handlers(app)
    app.add_middleware(Door, settings=settings, traffic=traffic)
    return app


def _open(settings: ServeSettings) -> Desk:
    """In the worker's thread, so that the server answers while PyTorch is imported."""
    from retail.serve.desk import Desk

    return Desk.open(settings)
