"""Writes shop descriptions for the demo set: full ones, and terse ones that fit two products.

In: a product and a random source. Out: one line of English. `KINDS` holds how often each kind comes.
"""

from __future__ import annotations

import random

from recipes.demo.products import DemoProduct

# full settles the product; pair fits both look-alikes; variant fits the two products that share the word.
KINDS = {"full": 0.42, "pair": 0.33, "variant": 0.25}

FULL = (
    "{brand} {variant} {noun}, {size}.",
    "{variant} {noun_low} by {brand}. {size} {pack}. {praise}",
    "{brand} {noun} - {variant_low}. {praise}",
    "New in: {brand} {variant_low} {noun_low} in a {pack}, {size}. {care}",
    "{praise} {brand} {noun}, {variant_low} variety. {care}",
    "{size} {pack} of {brand} {noun_low} ({variant_low}).",
)
PAIR = (
    "{brand} {noun}, {size}.",
    "{brand} {noun_low}",
    "{noun} by {brand}. {praise}",
    "{size} {pack} of {brand} {noun_low}. {care}",
    "{praise} {brand} {noun}. {care}",
)
VARIANT = (
    "{variant}",
    "{variant_low} variety",
    "The {variant_low} one. {praise}",
    "{variant}, in stock. {care}",
    "{variant_low}, new recipe. {praise}",
)
PRAISE = ("A household favourite.", "Great value.", "Our best seller.", "Made with care.", "Try it this week.",
          "Customers love it.", "Small batch, big promise.")  # fmt: skip
CARE = ("Store in a cool, dry place.", "Recyclable pack.", "Best before: see base.", "Keep upright.",
        "Two for one on Tuesdays.", "Keep out of direct sun.")  # fmt: skip


def describe(product: DemoProduct, rng: random.Random) -> str:
    """One description; which kind it is follows `KINDS`."""
    kind = rng.choices(list(KINDS), list(KINDS.values()))[0]
    template = rng.choice({"full": FULL, "pair": PAIR, "variant": VARIANT}[kind])
    line = product.line
    return template.format(
        brand=line.brand, variant=product.variant, variant_low=product.variant.lower(), noun=line.noun,
        noun_low=line.noun.lower(), size=line.size, pack="carton" if line.packaging == "gable" else line.packaging,
        praise=rng.choice(PRAISE), care=rng.choice(CARE),
    ).strip()  # fmt: skip


def kind_of(text: str, product: DemoProduct) -> str:
    """Which kind a description is, read back from its words."""
    words = text.lower()
    if not words:
        return "missing"
    has_variant = product.variant.lower() in words
    return ("full" if has_variant else "pair") if product.line.brand.lower() in words else "variant"
