"""The model card of a recogniser: README.md as the model hub shows it, made from what the recogniser records of itself.

In: a `Recognizer`, and scores on rows that nobody learned from where there are some. Out: Markdown behind metadata.
After Mitchell et al., Model Cards for Model Reporting (2019).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

import torch
from scipy.stats import binomtest

from retail import __version__
from retail.certainty.novelty import FALSE_ALARMS
from retail.config.wish import DEFAULT_WISH
from retail.escaping import in_card
from retail.finetuning.record import FinetuningRecord
from retail.fusion import strategies
from retail.recognizer import Recognizer
from retail.recognizer.origins import origin_of
from retail.recognizer.scored import Figure, Judged, Wish
from retail.schema import Modality, Subset
from retail.wording import (
    INPUT_WORDS,
    inputs_sentence,
    inputs_words,
    number_of,
    percent,
    percent_range,
    target,
    task_words,
)

INTENDED_USE = "Naming products of the classes below from photo, description and sound, or any mix of them."
LIMITS = (
    "The figures hold for products and recordings like those of the test rows. A class that was not in training is "
    "never answered correctly, and few test rows make wide intervals: read the intervals, not just the means."
)
SEEN = "The model was stopped and calibrated on these rows, so it looks a little better than on new products."
NOT_SCORED = "No scores on test rows were given: `retail evaluate` finds them, and `retail push --scores` adds them."
MOST_CLASSES = 100  # more names say nothing to a reader
NAMES_SHOWN = 12
# The hub knows no task for a mix of inputs; a recogniser of several is found under its first.
PIPELINES: dict[Modality, str] = {
    "image": "image-classification",
    "text": "text-classification",
    "audio": "audio-classification",
}


def card_text(recognizer: Recognizer, repo: str, judged: Judged | None = None, data_licence: str = "") -> str:
    """Everything below the metadata; `repo` is ORG/NAME."""
    sections = {
        f"# {repo.rpartition('/')[2]}": _summary(recognizer),
        "## Use": _use(repo),
        "## Classes": _classes(recognizer),
        "## Data and splits": _data(recognizer),
        "## Scores": _scores(recognizer, judged),
        "## Calibration and thresholds": _thresholds(recognizer, judged),
        "## Unknown products": _unknown(recognizer),
        "## How it was made": _made(recognizer),
        "## Limits": _limits(recognizer),
        "## Licences": _licences(recognizer, data_licence),
        "## What the folder holds": _folder(recognizer),
    }
    return "\n\n".join(f"{heading}\n\n{text}" for heading, text in sections.items() if text) + "\n"


def pipeline(recognizer: Recognizer) -> str:
    """The hub's task."""
    return next(task for name, task in PIPELINES.items() if name in recognizer.modalities)


def _summary(recognizer: Recognizer) -> str:
    questions = number_of(len(recognizer.vocabularies), "question")
    return (
        f"A recogniser of retail products that answers {questions} from {inputs_sentence(recognizer.modalities)}, or "
        f"any of them. Intended use: {INTENDED_USE[0].lower()}{INTENDED_USE[1:]}"
    )


def _use(repo: str) -> str:
    return (
        f'```python\nfrom retail import Recognizer\n\nrecognizer = Recognizer.from_pretrained("{repo}")\n'
        'answer = recognizer.predict(image="front.jpg", text="oat drink, 1 l")\nprint(answer.answers)\n```\n\n'
        "Nothing in the folder can run code: weights are safetensors, all else is JSON and text, and checksums are "
        "compared. The encoders must be those that the head was trained with, which is checked by fingerprint."
    )


def _classes(recognizer: Recognizer) -> str:
    rows = []
    for task, vocabulary in recognizer.vocabularies.items():
        names = list(vocabulary.classes)
        shown = (
            names if len(names) <= MOST_CLASSES else [*names[:NAMES_SHOWN], f"and {len(names) - NAMES_SHOWN:,} more"]
        )
        rows.append([task_words(task), f"{len(names):,}", ", ".join(shown)])
    return _table(["question", "classes", "names"], rows)


def _data(recognizer: Recognizer) -> str:
    if not (info := recognizer.info):
        return "Nobody wrote down what it was trained on."
    tied = f", rows tied together by {in_card(', '.join(map(task_words, info.data.group)))}" if info.data.group else ""
    return (
        f"Trained on {in_card(info.data.name)} (SHA-256 `{info.data.checksum}`): {info.rows.train:,} training and "
        f"{info.rows.val:,} validation products{tied}. A product's files lie in one split. Training read the training "
        "rows; validation rows told when to stop and how sure answers are; test rows were for neither."
    )


def _scores(recognizer: Recognizer, judged: Judged | None) -> str:
    parts = [NOT_SCORED]
    if judged:
        rows = [[task_words(row.task), "what each row has", *_figures(row)] for row in judged.scores]
        rows += [
            [task_words(row.task), inputs_words(row.modalities), *_figures(row)] for row in judged.subset_certainty
        ]
        columns = ["question", "given", "right", "95 % interval", "n", "calibration error"]
        parts = [f"{in_card(judged.data.sentence)} Intervals resample rows, or groups of rows that are alike."]
        parts.append(_table(columns, rows))
    if known := list(_on_validation(recognizer)):
        parts.append(f"On its validation products. {SEEN} Intervals take rows for independent.")
        parts.append(_table(["question", "given", "right", "95 % interval", "n"], known))
    return "\n\n".join(parts)


def _figures(row: Figure) -> list[str]:
    return [
        percent(row.accuracy),
        percent_range(row.accuracy_low, row.accuracy_high),
        f"{row.n:,}",
        percent(row.ece),
    ]


def _on_validation(recognizer: Recognizer) -> Iterator[list[str]]:
    for (task, subset), record in recognizer.certainty.promises.records.items():
        n, right = int(record.n.sum()), int(record.right.sum())
        interval = binomtest(right, n).proportion_ci(method="wilson")
        shown = percent_range(float(interval.low), float(interval.high))
        yield [task_words(task), inputs_words(subset), percent(right / n), shown, f"{n:,}"]


def _thresholds(recognizer: Recognizer, judged: Judged | None) -> str:
    certainty = recognizer.certainty
    if not certainty.promises.thresholds:
        return "Probabilities have one temperature a question. No threshold was fitted, so every answer needs a look."
    tested = {(row.task, row.modalities): row for row in judged.subset_certainty} if judged else {}
    rows = []
    for task, subset in certainty.promises.thresholds:
        threshold = certainty.promises.threshold(task, subset, DEFAULT_WISH)
        found = tested.get((task, subset))
        rows.append([task_words(task), inputs_words(subset), _threshold(recognizer, task, subset, threshold)])
        rows[-1] += _kept(found.promise(DEFAULT_WISH) if found else None)
    return (
        "Probabilities are calibrated on validation for each question and mix of inputs (temperature by entropy, then "
        "beta calibration). An answer counts as sure from the threshold on: answers as sure as that are right "
        f"{target(DEFAULT_WISH)} of the time, with 95 % confidence where new products are like those of validation. "
        "Other targets from 50 % to 99 % are kept too.\n\n"
    ) + _table(["question", "given", "sure from", "sure on test", "right of these"], rows)


def _threshold(recognizer: Recognizer, task: str, subset: Subset, threshold: float) -> str:
    if threshold == threshold:
        return percent(threshold)
    needed = recognizer.certainty.promises.rows_needed(task, subset, DEFAULT_WISH)
    return f"never; about {needed:,} validation products would do" if needed else "never"


def _kept(wish: Wish | None) -> list[str]:
    if wish is None:
        return ["–", "–"]
    return [percent(wish.coverage), "–" if wish.accuracy is None else percent(wish.accuracy)]


def _unknown(recognizer: Recognizer) -> str:
    novelty = recognizer.certainty.novelty
    if novelty is None or not novelty.thresholds:
        return "It takes every upload for one of its products: nothing was kept to tell unknown ones by."
    known = [subset for subset in novelty.thresholds if set(subset) <= set(recognizer.modalities)]
    return (
        f"An upload that is less like the known products than {target(1 - FALSE_ALARMS)} of them are is answered as "
        f"unknown. That can be told from {'; '.join(inputs_words(subset) for subset in known)}."
    )


def _made(recognizer: Recognizer) -> str:
    info, lines = recognizer.info, []
    if head := strategies().get(recognizer.strategy):
        source = re.sub(r"[,(]?\s*https?://\S+", "", head.source)
        lines.append(f"- **Fusion method:** {head.title}. {head.summary} {source}")
    for modality, encoder in _encoders(recognizer):
        lines.append(f"- **{inputs_words([modality]).capitalize()} encoder:** {in_card(encoder)}")
    if isinstance(info, FinetuningRecord):
        tuned, epochs = inputs_sentence(info.finetuning.tune), number_of(len(info.finetuning_history), "epoch")
        lines.append(f"- **Fine-tuned:** the encoder of {tuned}, {epochs}, {info.trainable_parameters:,} parameters")
    if info:
        settings = info.to_dict()["config"]
        lines.append(f"- **Settings:** {in_card(', '.join(f'{name} = {value}' for name, value in settings.items()))}")
    lines.append(f"- **Card written by:** retail {__version__} with PyTorch {torch.__version__.partition('+')[0]}")
    return "\n".join(lines)


def _encoders(recognizer: Recognizer) -> Iterator[tuple[Modality, str]]:
    for modality in INPUT_WORDS:
        if modality in recognizer.modalities:
            encoder = recognizer.encoders[modality]
            yield modality, f"{_without_path(encoder.name)} ({encoder.fingerprint})"


def _without_path(name: str) -> str:
    """Where fine-tuned weights lie on the machine that wrote the card is nobody's business."""
    return re.sub(r"(?<=[:@])[^@#]*[/\\](?=(image|text|audio)_encoder)", "", name)


def _limits(recognizer: Recognizer) -> str:
    lines = [LIMITS, "One product an upload; it finds none in a scene."]
    text = recognizer.encoders.get("text") if "text" in recognizer.modalities else None
    if text and text.language:
        lines.append(f"The text encoder knows one language ({text.language}); descriptions in others are read badly.")
    return "\n".join(f"- {line}" for line in lines)


def _licences(recognizer: Recognizer, data_licence: str) -> str:
    lines = [
        f"- {inputs_words([modality]).capitalize()} encoder: {origin_of(recognizer.encoders[modality].name).licence}."
        for modality in INPUT_WORDS
        if modality in recognizer.modalities
    ]
    named = in_card(data_licence) or "not recorded; whoever publishes this has to know that the data allow it"
    return "\n".join([*lines, f"- Training data: {named}."])


def _folder(recognizer: Recognizer) -> str:
    novelty = recognizer.certainty.novelty
    kept = (
        f" The ids of {number_of(len(novelty.ids), 'training product')} and features of them are among these, to tell "
        "unknown uploads and name the nearest known product; no photo, description or sound is."
        if novelty
        else ""
    )
    return f"`bundle.json`, the head, what its answers are worth, and fine-tuned encoders where there are any.{kept}"


def _table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [columns, ["---"] * len(columns), *([in_card(cell) for cell in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
