"""Runs the app until somebody ends it; what is under way is finished first.

In: `ServeSettings`, an address. Out: a log on stdout.
"""

from __future__ import annotations

import contextlib
import math
import signal
import socket
import sys
from typing import NoReturn

import uvicorn

from retail.schema import UserError
from retail.serve.app import create_app
from retail.serve.logs import log_as_json
from retail.serve.settings import ServeSettings
from retail.serve.traffic import LOG

BACKLOG = 2048
GRACE_SECONDS = 5  # beyond a request's own limit, until requests under way are cut off


def serve(settings: ServeSettings, host: str, port: int) -> None:
    """Until SIGTERM or Ctrl-C; raises UserError where the address is taken or the recogniser cannot be loaded."""
    failures: list[Exception] = []

    def failed(error: Exception) -> None:
        failures.append(error)
        server.should_exit = True

    app = create_app(settings, on_failure=failed)
    grace = math.ceil(settings.seconds) + GRACE_SECONDS
    server = uvicorn.Server(
        uvicorn.Config(
            app,
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            timeout_graceful_shutdown=grace,
        )
    )
    log_as_json()
    with contextlib.closing(listening(host, port)) as listener:
        facts = {"host": host, "port": listener.getsockname()[1], "key": bool(settings.key)}
        LOG.info("listening", extra={"facts": facts})
        before = signal.signal(signal.SIGTERM, _end)  # uvicorn raises it again once all is done
        try:
            server.run(sockets=[listener])
        except KeyboardInterrupt:  # as it does with Ctrl-C
            return
        finally:
            signal.signal(signal.SIGTERM, before)
    if failures:
        raise failures[0]


def listening(host: str, port: int) -> socket.socket:
    """A socket at this address; raises UserError where there can be none."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # The protocol is named, because asyncio sends small answers at once where it is TCP by name alone; else the second
    # part of each waits 40 ms for the client.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        if sys.platform != "win32":  # there it would let two servers share a port
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        raise UserError(f"Cannot listen at {host}, port {port} ({error.strerror}); name another --port.") from None
    return listener


def _end(*_: object) -> NoReturn:
    sys.exit(0)
