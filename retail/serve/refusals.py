"""What went wrong, as one sentence in JSON with the right status; nothing of what was sent is repeated.

In: exceptions. Out: responses `{"error": sentence}`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from retail.schema import UserError
from retail.serve.records import Mistake

SENTENCES = {
    "Not Found": "There is nothing at this address; /docs lists what there is.",
    "Method Not Allowed": "This address does not take that method; /docs lists what it takes.",
}
NO_FILE = "it should be a file, and text came"
REASONS = {
    400: "The body cannot be read",
    401: "The key is missing or wrong",
    404: "There is no such product, or no catalogue",
    408: "The request took too long to arrive",
    413: "The request is too large",
    415: "The body is of another type",
    422: "The input cannot be used",
    503: "The server is loading, or busy",
    504: "The answer took too long",
}


def mistakes(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Refusals as the OpenAPI document tells them."""
    return {status: {"model": Mistake, "description": REASONS[status]} for status in statuses}


def refusal(status: int, sentence: str, headers: Mapping[str, str] | None = None) -> JSONResponse:
    """One sentence."""
    return JSONResponse({"error": sentence}, status, headers)


def add_handlers(app: FastAPI) -> None:
    """Every mistake of a client ends in one of these."""

    @app.exception_handler(UserError)
    async def unusable(request: Request, error: UserError) -> JSONResponse:
        return refusal(422, str(error))

    @app.exception_handler(RequestValidationError)
    async def unfit(request: Request, error: RequestValidationError) -> JSONResponse:
        first = error.errors()[0]
        if first["type"] == "json_invalid" and isinstance(first["loc"][-1], int):
            return refusal(400, "The body is no JSON; send what /docs describes.")
        place = ".".join(str(part) for part in first["loc"][1:]) or "body"
        reason = NO_FILE if "UploadFile" in first["msg"] else first["msg"].removeprefix("Value error, ")
        reason = reason[:1].lower() + reason[1:]
        return refusal(422, f"'{place}' does not fit: {reason.rstrip('.')}; /docs says what it takes.")

    @app.exception_handler(HTTPException)
    async def refused(request: Request, error: HTTPException) -> JSONResponse:
        sentence = SENTENCES.get(str(error.detail), str(error.detail))
        if error.status_code == 400:
            sentence = f"The body cannot be read: {str(error.detail).rstrip('.')}; send what /docs describes."
        return refusal(error.status_code, sentence, error.headers)


def too_large(most_bytes: int) -> str:
    """For a body beyond the limit."""
    return f"The request is larger than {most_bytes / 2**20:g} MiB; send smaller or fewer files."
