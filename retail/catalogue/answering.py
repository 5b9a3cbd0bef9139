"""Classifier and catalogue answer together: one probability for every class and every known product.

In: what the classifier says of one upload, and the probability of each product. Out: the joint `Prediction`, with what
each of the two would say alone.

The products take their share of the probability (`Matching.weights`), the trained classes the rest. A product counts in
a task by its label; where the task names products and it has none, it is a class of its own, its name.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from retail.catalogue.record import CatalogueProduct
from retail.certainty.matching import naming_task
from retail.recognizer import Recognizer
from retail.schema import Answer, Decision, Match, Prediction, Witness

COUNTS = 0.01  # below this share of the probability the catalogue changes no answer's set of candidates
TAKEN = 0.5  # more likely one of the catalogue's products than none


@dataclass(frozen=True)
class Voice:
    """A product of the catalogue that an upload may be, with and without the classifier's opinion."""

    product: CatalogueProduct
    shares: Mapping[str, float]  # task -> joint probability that the upload is this one
    alone: float  # the same, asked without the classifier
    clear: bool  # whether it may be answered: strangers to classifier and catalogue seldom look so much alike


def answer_of(product: CatalogueProduct, task: str, naming: str | None) -> str:
    """What a product answers to a task; "" where it has nothing to say."""
    return product.labels.get(task, "") or (product.name if task == naming else "")


def joint(
    recognizer: Recognizer, alone: Prediction, voices: Sequence[Voice], enough: float, accuracy: float
) -> Prediction:
    """The classifier's prediction with the catalogue's voices, likeliest first.

    An answer is accepted where the classifier gives it too and the joint probability keeps the classifier's promise, or
    where it comes from the catalogue and reaches `enough`: from there on such answers were right as often as wished in
    made-up enrolments (NaN: nowhere). Otherwise somebody has to look.
    """
    naming = naming_task(recognizer.vocabularies)
    probs, answers = {}, {}
    for task in recognizer.vocabularies:
        said = _heard([(voice.product, voice.shares.get(task, 0.0)) for voice in voices], task, naming)
        mixed = _mixed(alone.probs.get(task, {}), said)
        if not mixed:
            continue
        probs[task] = mixed
        answers[task] = _answer(recognizer, alone, task, mixed, said, enough, accuracy)
        witnesses = _witnesses(alone, task, _heard([(voice.product, voice.alone) for voice in voices], task, naming))
        answers[task] = replace(answers[task], witnesses=witnesses)
    return replace(alone, probs=probs, answers=answers)


def taken_for(answer: Prediction, matches: Iterable[tuple[Match, float]], naming: str | None) -> Match | None:
    """The product of the catalogue that an upload is taken for: the one that its answer names.

    `matches` are those that may be answered, with the catalogue's own part of their probability. Where no task names
    products, more than half of the probability has to be the product's own.
    """
    for match, own in matches:
        if naming is None or naming not in answer.probs:
            named = own > TAKEN
        else:
            named = (match.labels.get(naming) or match.name) == answer.best(naming)[0]
        if named and own > 0:
            return match
    return None


def marked(answer: Prediction) -> Prediction:
    """The decision "unknown" stands only where neither of the two knows the upload."""
    if answer.unknown or not answer.novelty.unknown:
        return answer
    known = {
        task: replace(own, decision="review") if own.decision == "unknown" else own
        for task, own in answer.answers.items()
    }
    return replace(answer, answers=known)


def _heard(said: Iterable[tuple[CatalogueProduct, float]], task: str, naming: str | None) -> dict[str, float]:
    """What the products answer to a task, likeliest first."""
    found: dict[str, float] = {}
    for product, share in said:
        if label := answer_of(product, task, naming):
            found[label] = found.get(label, 0.0) + share
    return dict(sorted(found.items(), key=lambda pair: -pair[1]))


def _mixed(classes: Mapping[str, float], said: Mapping[str, float]) -> dict[str, float]:
    """The classes share what the products leave."""
    rest = max(0.0, 1 - sum(said.values()))
    found = {label: rest * probability for label, probability in classes.items()}
    for label, share in said.items():
        found[label] = found.get(label, 0.0) + share
    return dict(sorted(found.items(), key=lambda pair: -pair[1]))


def _answer(
    recognizer: Recognizer,
    alone: Prediction,
    task: str,
    mixed: Mapping[str, float],
    said: Mapping[str, float],
    enough: float,
    accuracy: float,
) -> Answer:
    label, probability = next(iter(mixed.items()))
    before = alone.answers.get(task)
    if before is not None and sum(said.values()) < COUNTS:
        return before
    promises = recognizer.certainty.promises
    agreed = before is not None and before.label == label
    likely = promises.like(task, alone.used, probability) if agreed else None
    decision: Decision = "unknown" if before is not None and before.decision == "unknown" else "review"
    by_classifier = agreed and probability >= promises.threshold(task, alone.used, accuracy)
    by_catalogue = said.get(label, 0.0) > TAKEN * probability and probability >= enough
    if by_catalogue or (by_classifier and decision != "unknown"):
        decision = "accept"
    return Answer(label, probability, _candidates(mixed, accuracy), decision, likely)


def _candidates(mixed: Mapping[str, float], accuracy: float) -> tuple[str, ...]:
    """The likeliest answers that together have as much probability as wished."""
    found, total = [], 0.0
    for label, probability in mixed.items():
        found.append(label)
        total += probability
        if total >= accuracy:
            break
    return tuple(found)


def _witnesses(alone: Prediction, task: str, said: Mapping[str, float]) -> dict[Witness, tuple[str, float]]:
    found: dict[Witness, tuple[str, float]] = {}
    if alone.probs.get(task):
        found["classifier"] = alone.best(task)
    if said:
        found["catalogue"] = next(iter(said.items()))
    return found
