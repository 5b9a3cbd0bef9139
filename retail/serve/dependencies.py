"""What every address reads of a request: the product that was given, and the worker that answers.

In: multipart or plain form fields. Out: a `Product`; a body of another type is refused. All of it is `async`: anything
else FastAPI would call in a thread, which costs more than the call.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from concurrent.futures import Future
from typing import Annotated, Any, TypeVar

from fastapi import Depends, File, Form, Request, UploadFile
from starlette.exceptions import HTTPException

from retail.outside.limits import MAX_PHOTOS
from retail.schema import Product
from retail.serve.worker import Worker

Result = TypeVar("Result")


def takes(*types: str) -> Callable[[Request], Awaitable[None]]:
    """Refuses a body of another type."""

    async def check(request: Request) -> None:
        given = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if given not in types:
            raise HTTPException(415, f"Send the body as {types[0]}, not as another type.")

    return check


A_FORM = Depends(takes("multipart/form-data", "application/x-www-form-urlencoded"))
JSON = Depends(takes("application/json"))


async def product_given(
    image: Annotated[
        list[UploadFile], File(max_length=MAX_PHOTOS, description="Photos (JPEG, PNG, WEBP, AVIF, HEIC).")
    ] = [],  # noqa: B006
    text: Annotated[str, Form(description="The description.")] = "",
    audio: Annotated[UploadFile, File(description="A sound clip (wav, mp3, ogg, flac, opus, m4a, webm).")] = None,  # type: ignore[assignment]  # a form has no null, which the document would allow with `| None`
) -> Product:
    """Any of the inputs; a file field that a browser left empty counts as not given."""
    photos = [await photo.read() for photo in image if photo.filename]
    sound = await audio.read() if audio is not None and audio.filename else None
    return Product("product", tuple(photos), text, sound)


GivenProduct = Annotated[Product, Depends(product_given)]


async def worker_of(request: Request) -> Worker:
    """Who answers; 503 until the recogniser is loaded."""
    worker: Worker = request.app.state.worker
    if worker.service is None:
        raise HTTPException(503, "The recogniser is not loaded yet; try again soon.", {"Retry-After": "2"})
    return worker


Answering = Annotated[Worker, Depends(worker_of)]


async def awaited(future: Future[Result]) -> Result:
    """What the worker answers; who stops waiting takes the question back."""
    return await asyncio.wrap_future(future)


def note(request: Request, **facts: Any) -> None:
    """Facts for the log, none of which is content."""
    request.state.facts = facts
