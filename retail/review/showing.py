"""A correction as the catalogue shows it: an example with labels, a further view of a product, or a new product.

In: a `Correction` and a `Catalogue`. Out: nothing; each function may be called again after it was interrupted.
"""

from __future__ import annotations

from collections.abc import Collection

from retail.catalogue.database import Catalogue
from retail.catalogue.media_files import view_id
from retail.catalogue.record import CatalogueProduct
from retail.media import content_hash
from retail.review.examples import shown
from retail.review.record import Correction
from retail.schema import MediaSource, Modality


def show(correction: Correction, catalogue: Catalogue) -> None:
    """Adds the example to its product, or as a product of its own where there is none."""
    product = shown(correction.example, correction.product_id)
    if catalogue.get(correction.product_id) is None:
        made = CatalogueProduct(correction.product_id, correction.name, correction.labels)
        catalogue.add([(made, product)], origin="correction")
    else:
        catalogue.add_views(correction.product_id, product, "correction")


def withdraw(correction: Correction, catalogue: Catalogue, others: Collection[Correction] = ()) -> None:
    """Takes the example out, and the product with it if nothing else shows it; what `others` show stays."""
    there = catalogue.get(correction.product_id)
    if there is None:
        return
    theirs = {view for other in others for view in view_ids(other)}
    wanted = set(view_ids(correction)) - theirs
    own = [view.id for view in there.views if view.origin == "correction" and view.id in wanted]
    if own and len(own) == len(there.views):
        catalogue.remove([there.id])
    elif own:
        catalogue.remove_views(own)


def view_ids(correction: Correction) -> list[str]:
    """What its views are called in the catalogue."""
    product = shown(correction.example)
    sources: list[tuple[Modality, MediaSource | str]] = [("image", image) for image in product.images]
    sources += [("text", product.text)] if "text" in product.modalities else []
    sources += [("audio", product.audio)] if product.audio is not None else []
    return [view_id(correction.product_id, modality, content_hash(source)) for modality, source in sources]
