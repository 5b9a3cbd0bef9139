"""The addresses that recognise: one product as a form, several as JSON.

In: any of the inputs. Out: the library's own `Prediction`.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Form, Request

from retail.config.wish import DEFAULT_WISH, LEAST, MOST
from retail.schema import Prediction, Product, UserError
from retail.serve.records import Batch, Recognised, RecognisedBatch
from retail.serve.refusals import mistakes
from retail.serve.visitors import A_FORM, JSON, Answering, GivenProduct, awaited, note

router = APIRouter(tags=["Recognise"])
MISTAKES = mistakes(400, 401, 408, 413, 415, 422, 503, 504)


@router.post("/recognise", response_model=Recognised, responses=MISTAKES, dependencies=[A_FORM])
async def recognise(
    request: Request,
    worker: Answering,
    product: GivenProduct,
    accuracy: Annotated[
        float, Form(ge=LEAST, le=MOST, description="Accept answers that are right as often as this.")
    ] = DEFAULT_WISH,
) -> dict[str, Any]:
    """Recognise one product by any of its inputs: photos, a description, a sound."""
    prediction = await awaited(worker.recognise(product, accuracy))
    if not prediction.used:
        raise UserError(prediction.notes[0])
    _tell(request, [prediction])
    return prediction.to_dict()


@router.post("/recognise/batch", response_model=RecognisedBatch, responses=MISTAKES, dependencies=[JSON])
async def recognise_batch(request: Request, worker: Answering, batch: Batch) -> dict[str, Any]:
    """Recognise several products; one that cannot be used says why in its notes, the others are answered."""
    products = [Product(given.id, tuple(given.image), given.text, given.audio) for given in batch.products]
    answers = [worker.recognise(product, batch.accuracy) for product in products]
    predictions = await asyncio.gather(*map(awaited, answers))
    _tell(request, predictions)
    return {"predictions": [prediction.to_dict() for prediction in predictions]}


def _tell(request: Request, predictions: Sequence[Prediction]) -> None:
    """The log hears how many products by which inputs, the metrics what their answers came to."""
    used = Counter(modality for prediction in predictions for modality in prediction.used)
    note(request, products=len(predictions), inputs=dict(used))
    request.app.state.traffic.answered(predictions)
