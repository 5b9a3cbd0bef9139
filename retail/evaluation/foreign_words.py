"""Descriptions with some of their words in German or in Greek letters: what a model does with what it cannot read.

In: a text, the share of its words to change and a seeded generator. Out: the text. Neither is a translation: German
goes word for word through the short list below, Greek letters only spell the same words in another alphabet.
"""

from __future__ import annotations

import re

import numpy as np

# Common words of product descriptions: colours, people, clothes, food, packs, qualities.
GERMAN = dict(
    pair.split(":")
    for pair in (
        "black:schwarz white:weiß red:rot blue:blau green:grün yellow:gelb brown:braun grey:grau gray:grau "
        "pink:rosa purple:lila orange:orange silver:silber gold:gold navy:marineblau beige:beige men:herren "
        "man:mann women:damen woman:frau boys:jungen girls:mädchen kids:kinder baby:baby unisex:unisex "
        "shirt:hemd shirts:hemden tshirt:t-shirt trousers:hose jeans:jeans dress:kleid skirt:rock "
        "jacket:jacke sweater:pullover sweatshirt:pullover socks:socken shoes:schuhe shoe:schuh "
        "sandals:sandalen heels:absätze boots:stiefel belt:gürtel bag:tasche handbag:handtasche "
        "backpack:rucksack wallet:geldbeutel watch:uhr watches:uhren sunglasses:sonnenbrille ring:ring "
        "earrings:ohrringe necklace:halskette cap:mütze hat:hut tie:krawatte scarf:schal perfume:parfüm "
        "lipstick:lippenstift nail:nagel polish:lack coffee:kaffee tea:tee milk:milch drink:getränk "
        "sauce:soße muesli:müsli rings:ringe dish:geschirr washing:wasch liquid:flüssig soap:seife "
        "ground:gemahlener almond:mandel oat:hafer honey:honig lemon:zitrone mint:minze cocoa:kakao "
        "vanilla:vanille basil:basilikum tin:dose can:dose bottle:flasche box:schachtel carton:karton "
        "jar:glas pack:packung packet:päckchen pouch:beutel refill:nachfüll original:original fresh:frisch "
        "light:leicht crunchy:knusprig small:klein large:groß big:groß new:neu old:alt casual:lässig "
        "formal:festlich sports:sport sport:sport summer:sommer winter:winter spring:frühling fall:herbst "
        "printed:bedruckt print:druck striped:gestreift stripes:streifen solid:einfarbig check:kariert "
        "plain:schlicht cotton:baumwolle leather:leder wool:wolle silk:seide sleeve:ärmel long:lang "
        "short:kurz round:rund neck:kragen polo:polo classic:klassisch the:der and:und of:von with:mit "
        "for:für in:in a:ein keep:halten store:lagern dry:trocken upright:aufrecht cool:kühl best:bestens "
        "before:vor free:frei no:kein variety:sorte batch:charge plant:pflanzen "
    ).split()
)
# One letter for one; a few fall together, because Greek has fewer letters.
GREEK = str.maketrans("abcdefghijklmnopqrstuvwxyz", "αβκδεφγηιϳκλμνοπθρστυβωξυζ")


def in_german(text: str, share: float, rng: np.random.Generator) -> str:
    """Each word is looked up with the chance `share`; what the list lacks stays."""
    words = text.split()
    chosen = rng.random(len(words)) < share
    return " ".join(_german(word) if change else word for word, change in zip(words, chosen, strict=True))


def _german(word: str) -> str:
    return re.sub(r"[^\W\d_]+", lambda found: GERMAN.get(found.group().lower(), found.group()), word)


def known_share(texts: list[str]) -> float:
    """Share of all words that the list has: how German a text can become at most."""
    words = [word for text in texts for word in re.findall(r"[^\W\d_]+", text.lower())]
    return sum(word in GERMAN for word in words) / len(words) if words else 0.0


def in_greek_letters(text: str, share: float, rng: np.random.Generator) -> str:
    """Each word is spelt in Greek letters with the chance `share`."""
    words = text.split()
    chosen = rng.random(len(words)) < share
    return " ".join(
        word.lower().translate(GREEK) if change else word for word, change in zip(words, chosen, strict=True)
    )
