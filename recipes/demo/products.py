"""The 24 invented products of the demo set: six categories, seven brands, twelve pairs of look-alikes.

Two products of a pair share brand, pack and art and differ in one variant word, printed small.
Every variant word belongs to exactly two products of different pairs, so no single clue settles the product.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Line:
    """One look-alike pair: everything its two products share, and the words that tell them apart."""

    key: str
    brand: str
    category: str
    packaging: str
    noun: str
    size: str
    variants: tuple[str, str]
    colours: tuple[str, str, str]  # ground, accent, ink
    art: str


@dataclass(frozen=True)
class DemoProduct:
    """One product: a line plus one of its two variant words."""

    line: Line
    variant: str

    @property
    def key(self) -> str:
        return f"{self.line.key}_{self.variant.lower()}"

    @property
    def name(self) -> str:
        return f"{self.line.brand} {self.variant} {self.line.noun}"


LINES = (
    Line("fen_coffee", "Fennimore", "coffee", "tin", "Ground Coffee", "250 g", ("Original", "Decaf"),
         ("#5a1f1a", "#d9a441", "#fff4dc"), "sun"),
    Line("lark_coffee", "Larkvale", "coffee", "pouch", "Coffee Beans", "500 g", ("Cocoa", "Honey"),
         ("#23211f", "#c96f2e", "#f4e6d0"), "beans"),
    Line("lark_tea", "Larkvale", "tea", "carton", "Breakfast Tea", "80 bags", ("Original", "Decaf"),
         ("#c8402f", "#f5d58a", "#fff8e8"), "leaves"),
    Line("qui_tea", "Quillon", "tea", "tin", "Green Tea", "100 g", ("Lemon", "Mint"),
         ("#2f6b4f", "#c9dd8d", "#f7fbe9"), "leaves"),
    Line("old_rings", "Oldmere", "cereal", "carton", "Breakfast Rings", "375 g", ("Honey", "Oat"),
         ("#f0b323", "#b3401f", "#4a2410"), "rings"),
    Line("qui_muesli", "Quillon", "cereal", "pouch", "Crunchy Muesli", "600 g", ("Almond", "Cocoa"),
         ("#e9dcc3", "#7b3f61", "#43203a"), "beans"),
    Line("old_drink", "Oldmere", "milk and plant drinks", "gable", "Plant Drink", "1 litre", ("Oat", "Almond"),
         ("#dfe9ef", "#3b7ea8", "#16415e"), "waves"),
    Line("fen_milk", "Fennimore", "milk and plant drinks", "bottle", "Fresh Milk", "1 litre", ("Light", "Vanilla"),
         ("#f6f3ea", "#2f5fb3", "#1c3a78"), "sun"),
    Line("brisa_dish", "Brisa", "cleaning", "bottle", "Washing-Up Liquid", "500 ml", ("Lemon", "Mint"),
         ("#2fa6a0", "#f3ef6b", "#ffffff"), "waves"),
    Line("bright_refill", "Brightwell", "cleaning", "pouch", "Laundry Refill", "900 ml", ("Light", "Vanilla"),
         ("#7d6bc2", "#f7c6df", "#ffffff"), "rings"),
    Line("vel_sauce", "Velluto", "pasta sauce", "jar", "Tomato Sauce", "400 g", ("Basil", "Chilli"),
         ("#f5ead2", "#3f6b2a", "#8e1b14"), "leaves"),
    Line("old_sauce", "Oldmere", "pasta sauce", "tin", "Tomato Sauce", "390 g", ("Basil", "Chilli"),
         ("#b8231c", "#f4e3bf", "#fff6e0"), "rings"),
)  # fmt: skip

PRODUCTS = tuple(DemoProduct(line, variant) for line in LINES for variant in line.variants)


def packaging_label(line: Line) -> str:
    """The label a person would give: a gable-top pack is a carton to them."""
    return "carton" if line.packaging == "gable" else line.packaging
