"""The command that answers from names alone, before there is a recogniser.

In: names and a product. Out: the names by how well they fit.
"""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from retail.commands.shared import EXAMPLES, app, reported, say, say_json
from retail.config.options import listed
from retail.schema import Product, UserError

if TYPE_CHECKING:
    from retail.catalogue.zero_shot import Guess

SHOWN = 5  # names on the screen; --json has all


@app.command(epilog=EXAMPLES["guess"])
def guess(
    names: Annotated[str, typer.Option(help=r"What it may be: names separated by commas (\, within a name).")] = "",
    catalogue: Annotated[str, typer.Option(help="A catalogue whose products' names count as well.")] = "",
    image: Annotated[list[Path] | None, typer.Option(help="A photo; repeat the option for more.")] = None,
    text: Annotated[str, typer.Option(help="The description.")] = "",
    encoders: Annotated[
        str, typer.Option(help="A preset whose photos and words share a space (clip, siglip), or a mix of such.")
    ] = "clip",
    as_json: Annotated[bool, typer.Option("--json", help="Print every probability as JSON.")] = False,
) -> None:
    """Which of these names fits a photo best? A first answer before anything has a label; nothing is trained."""
    with reported():
        product, wanted = Product.of(image, text), _names(names, catalogue)
        from retail.catalogue.zero_shot import ZeroShot
        from retail.encoders import load_preset

        loaded = load_preset(encoders, ["image", "text"])
        found = ZeroShot(loaded["image"], loaded["text"], wanted).answer(product)
        if as_json:
            say_json(asdict(found))
            return
        for line in _lines(found):
            say(line)


def _names(names: str, catalogue: str) -> list[str]:
    found = list(listed(names))
    if catalogue:
        from retail.catalogue.database import Catalogue

        found += [product.title for product in Catalogue.open(catalogue).products()]
    if not found:
        raise UserError("Name what it may be: --names apple,banana, or --catalogue NAME for the names of a catalogue.")
    return found


def _lines(found: Guess) -> list[str]:
    lines = [f"used: {', '.join(found.used)}", *found.notes]
    for name, probability in list(found.probs.items())[:SHOWN]:
        fits = f" (fits at all: {found.fits[name]:.1%})" if found.fits else ""
        lines.append(f"{name} {probability:.1%}{fits}")
    return [*lines, "A guess from names alone: nothing was learned or checked on your products."]
