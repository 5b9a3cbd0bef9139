"""The addresses of the catalogue: search it, enrol a product, remove one.

In: words, a product by any of its inputs, an id. Out: products of the catalogue.
"""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form, Request
from pydantic import Json
from starlette.exceptions import HTTPException

from retail.catalogue.record import CatalogueProduct
from retail.outside.limits import MAX_FOUND, MAX_NAME_LETTERS
from retail.schema import UserError
from retail.serve.dependencies import A_FORM, Answering, GivenProduct, awaited
from retail.serve.records import FoundRecord, ProductRecord, SearchResult
from retail.serve.refusals import mistakes

WITHOUT = "This server answers without a catalogue; start it with --catalogue NAME."


async def has_catalogue(request: Request) -> None:
    """404 where no catalogue is served."""
    if not request.app.state.settings.catalogue:
        raise HTTPException(404, WITHOUT)


router = APIRouter(tags=["Catalogue"], prefix="/catalogue", dependencies=[Depends(has_catalogue)])
Values = Annotated[Json[dict[str, str]], Form(description='A JSON object of texts, such as {"brand": "Lark"}.')]
FORM_MISTAKES = mistakes(400, 401, 404, 408, 413, 415, 422, 503, 504)


@router.post("/search", response_model=SearchResult, responses=FORM_MISTAKES, dependencies=[A_FORM])
async def search(
    worker: Answering,
    product: GivenProduct,
    words: Annotated[str, Form(description="Words to look for in names, labels, fields and descriptions.")] = "",
    where: Values = {},  # noqa: B006
    count: Annotated[int, Form(ge=1, le=MAX_FOUND, description="Most products to find.")] = 20,
) -> dict[str, Any]:
    """Find products by words, a photo, a description, a sound or any mix, best first; without any, by name."""
    found = await awaited(worker.run(lambda service: service.search(words, product, where, count)))
    return {"found": [FoundRecord.of(one) for one in found]}


@router.post("", response_model=ProductRecord, status_code=201, responses=FORM_MISTAKES, dependencies=[A_FORM])
async def enrol(
    worker: Answering,
    product: GivenProduct,
    name: Annotated[str, Form(max_length=MAX_NAME_LETTERS, description="What people call it.")],
    labels: Values = {},  # noqa: B006
    fields: Values = {},  # noqa: B006
) -> ProductRecord:
    """Keep a product, known by any of its inputs; it answers from the next request on, without training."""
    if not name.strip():
        raise UserError("A product needs a name; send it as 'name'.")
    if not product.modalities:
        raise UserError("A product needs at least one of image, text and audio; send what shows it.")
    facts = CatalogueProduct("", name.strip(), labels, fields)
    return ProductRecord.of(await awaited(worker.run(lambda service: service.enrol(facts, product))))


@router.delete("/{product_id}", status_code=204, responses=mistakes(401, 404, 422, 503, 504))
async def remove(worker: Answering, product_id: str) -> None:
    """Forget a product and the copies of its files."""
    if not await awaited(worker.run(lambda service: service.remove(product_id))):
        raise HTTPException(404, "The catalogue has no product of this id; a search gives the ids.")
