"""The addresses for whoever runs the server: is it there, is it ready, what does it do; and its documentation.

In: nothing. Out: small JSON, Prometheus text, one page of HTML that fetches nothing.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from fastapi import APIRouter, FastAPI, Request
from fastapi.responses import HTMLResponse, Response

import retail
from retail.report.templates import template
from retail.serve.dependencies import Answering
from retail.serve.records import Health, Readiness
from retail.serve.refusals import mistakes

FILES = {"application/octet-stream": "file", "application/json": "JSON"}  # as the page calls them
router = APIRouter(tags=["Server"])


@router.get("/health", response_model=Health)
async def health() -> Health:
    """Whether the process runs; needs no key."""
    return Health()


@router.get("/ready", response_model=Readiness, responses=mistakes(503))
async def ready(request: Request, worker: Answering) -> Readiness:
    """Whether the recogniser is loaded, and what it answers; needs no key."""
    assert worker.service is not None
    recognizer, settings = worker.service.recognizer, request.app.state.settings
    return Readiness(
        ready=True,
        version=retail.__version__,
        recogniser=settings.bundle.name,
        inputs=list(recognizer.modalities),
        questions={task: len(vocabulary) for task, vocabulary in recognizer.vocabularies.items()},
        catalogue=settings.catalogue or None,
    )


@router.get("/metrics", response_class=Response, responses=mistakes(401))
async def metrics(request: Request) -> Response:
    """Counts and times for Prometheus."""
    return Response(request.app.state.traffic.text(), media_type="text/plain; version=0.0.4")


@router.get("/docs", response_class=HTMLResponse, include_in_schema=False)
async def docs(request: Request) -> HTMLResponse:
    """The OpenAPI document as a page."""
    return HTMLResponse(page_of(request.app))


@cache
def page_of(app: FastAPI) -> str:
    """Without scripts and without anything from elsewhere, so that it opens without a network."""
    document = app.openapi()
    return template("retail.serve", "docs.html.jinja").render(
        info=document["info"],
        operations=[
            (path, method.upper(), operation, _fields(document, operation), _answer(document, operation))
            for path, methods in document["paths"].items()
            for method, operation in methods.items()
        ],
    )


def _fields(document: dict[str, Any], operation: dict[str, Any]) -> list[dict[str, Any]]:
    """Name, kind and meaning of what an address takes, whichever way it comes in."""
    taken = [
        {"name": own["name"], "where": own["in"], "needed": own.get("required", False), "schema": own["schema"]}
        for own in operation.get("parameters", ())
    ]
    for kind, content in operation.get("requestBody", {}).get("content", {}).items():
        body = _resolved(document, content["schema"])
        taken += [
            {"name": name, "where": kind, "needed": name in body.get("required", ()), "schema": own}
            for name, own in body.get("properties", {}).items()
        ]
    return [
        {**own, "meaning": own["schema"].get("description", ""), "kind": _kind(document, own["schema"])}
        for own in taken
    ]


def _answer(document: dict[str, Any], operation: dict[str, Any]) -> str:
    """'200 with Recognised: id, used, …'."""
    status, response = next(iter(operation["responses"].items()))
    kinds = [_kind(document, own["schema"]) for own in response.get("content", {}).values() if own.get("schema")]
    return f"{status} with {kinds[0]}" if kinds else status


def _kind(document: dict[str, Any], schema: dict[str, Any]) -> str:
    """'string', 'array of Given'."""
    if "$ref" in schema:
        return f"{schema['$ref'].rpartition('/')[2]}: {', '.join(_resolved(document, schema).get('properties', {}))}"
    kinds = [_kind(document, own) for own in schema.get("anyOf", ()) if own.get("type") != "null"]
    kind = " or ".join(kinds) or FILES.get(schema.get("contentMediaType", "")) or schema.get("type", "any")
    return f"{kind} of {_kind(document, schema['items'])}" if "items" in schema else kind


def _resolved(document: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    name = schema.get("$ref", "").rpartition("/")[2]
    return document["components"]["schemas"][name] if name else schema
