"""What goes in and out as JSON, typed; the OpenAPI document is made of it. No torch.

In: a body, or what the library answers. Out: checked records.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Annotated, Any, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema

from retail.catalogue.record import CatalogueProduct, Origin
from retail.catalogue.search import Found
from retail.config.wish import DEFAULT_WISH, LEAST, MOST
from retail.outside.limits import MAX_PHOTOS, MAX_PRODUCTS
from retail.schema import Answer, KnownProduct, Match, Modality, NoveltyScore

Accuracy = Annotated[
    float, Field(ge=LEAST, le=MOST, description="Accept answers that are right as often as this; others need a look.")
]


def _decoded(text: Any) -> bytes:
    """Strictly: Python's own reading drops what is not base64, and would take a damaged file for an empty one."""
    try:
        return base64.b64decode(text, validate=True)
    except (TypeError, ValueError):
        raise ValueError("a file should be base64") from None


File = Annotated[bytes, BeforeValidator(_decoded), WithJsonSchema({"type": "string", "contentEncoding": "base64"})]


class Given(BaseModel):
    """One product of a batch; files are base64."""

    model_config = ConfigDict(extra="forbid")

    id: str = Field("product", description="Comes back with the answer.")
    image: list[File] = Field([], max_length=MAX_PHOTOS, description="Photos (JPEG, PNG, WEBP, AVIF, HEIC).")
    text: str = Field("", description="The description.")
    audio: File | None = Field(None, description="A sound clip (wav, mp3, ogg, flac, opus, m4a, webm).")


class Batch(BaseModel):
    """Several products at once."""

    model_config = ConfigDict(extra="forbid")

    products: list[Given] = Field(min_length=1, max_length=MAX_PRODUCTS)
    accuracy: Accuracy = DEFAULT_WISH


class Recognised(BaseModel):
    """A prediction, as the library gives it."""

    id: str
    used: list[Modality] = Field(description="The inputs that counted.")
    notes: list[str] = Field(description="A sentence for each input that was given but could not be used.")
    probs: Mapping[str, Mapping[str, float]] = Field(description="Question to class to probability, likeliest first.")
    answers: Mapping[str, Answer]
    unknown: bool = Field(description="Whether it is none of the known products.")
    novelty: NoveltyScore | None
    nearest: KnownProduct | None = Field(description="The known product that is most alike.")
    recognised: Match | None = Field(description="The product of the catalogue that it is taken for.")
    matches: list[Match] = Field(description="Products of the catalogue, likeliest first.")


class RecognisedBatch(BaseModel):
    """One prediction a product, in order; one without a usable input has no probabilities."""

    predictions: list[Recognised]


class ViewRecord(BaseModel):
    """A photo, description or clip that shows a product."""

    id: str
    modality: Modality
    origin: Origin


class ProductRecord(BaseModel):
    """A product of the catalogue."""

    id: str
    name: str
    labels: Mapping[str, str]
    fields: Mapping[str, str]
    views: list[ViewRecord]

    @classmethod
    def of(cls, product: CatalogueProduct) -> Self:
        """Without the places of its files."""
        views = [ViewRecord(id=view.id, modality=view.modality, origin=view.origin) for view in product.views]
        return cls(id=product.id, name=product.name, labels=product.labels, fields=product.fields, views=views)


class FoundRecord(BaseModel):
    """A product that was found; `score` orders the products of one search."""

    product: ProductRecord
    score: float
    by_words: bool
    similarity: Mapping[Modality, float]

    @classmethod
    def of(cls, found: Found) -> Self:
        """As the search gives it."""
        product = ProductRecord.of(found.product)
        return cls(product=product, score=found.score, by_words=found.by_words, similarity=found.similarity)


class SearchResult(BaseModel):
    """Best first."""

    found: list[FoundRecord]


class Health(BaseModel):
    """The process runs."""

    status: str = "ok"


class Readiness(BaseModel):
    """What the server answers with, once the recogniser is loaded."""

    ready: bool
    version: str
    recogniser: str
    inputs: list[Modality]
    questions: Mapping[str, int] = Field(description="Question to number of classes.")
    catalogue: str | None


class Mistake(BaseModel):
    """Why there is no answer, in one sentence."""

    error: str
