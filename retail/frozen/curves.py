"""Learning curves: accuracy against the number of training examples per class, with intervals over draws.

In: training and scored rows, and learners. Out: one `CurvePoint` per learner, task and number of shots. A learner is
any function, so a method that trains an encoder takes part as a frozen one does.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np
import torch
from scipy import stats
from torch import Tensor

from retail.config import FinetuneConfig, FrozenConfig, TrainConfig
from retail.encoders import Encoder, load_encoder
from retail.encoders.tunable import TunableEncoder
from retail.finetuning import discard, finetune
from retail.frozen.models import fit_frozen
from retail.frozen.results import CurvePoint
from retail.frozen.rows import FrozenRows
from retail.metrics.scores import bootstrap_interval
from retail.schema import Progress, UserError
from retail.splits import groups_of
from retail.store import EmbeddingBatch, embed_products
from retail.training import fit

ALL = 0  # shots: every example there is
FINETUNED = "finetuned"  # the learner that trains the encoder too
LEAST_STEPS = 60  # of fine-tuning: a handful of examples is seen in more epochs than a thousand are

# (training rows' places, task, seed) -> the class that each scored row is given, (N_scored,) long.
Learner = Callable[[Tensor, str, int], Tensor]


def frozen_learner(config: FrozenConfig, train: FrozenRows, scored: FrozenRows, sizes: Mapping[str, int]) -> Learner:
    """Fits the method, with the settings as they are, on the drawn rows of one task."""

    def learn(places: Tensor, task: str, seed: int) -> Tensor:
        targets = {task: train.targets[task][places]}
        seeded = replace(config, seed=seed)
        model = fit_frozen(train.embeddings[places], targets, {task: sizes[task]}, seeded)
        return model.logits(scored.embeddings)[task].argmax(1)

    return learn


def finetuned_learner(
    encoder: Encoder, train: FrozenRows, scored: FrozenRows, sizes: Mapping[str, int], tuning: FinetuneConfig
) -> Learner:
    """Trains a linear head on the drawn rows, then the encoder and the head together, and embeds the scored rows again.

    No validation rows take part: the head stops by its own training loss and the tuning keeps its last epoch. Raises
    UserError when the encoder cannot learn.
    """
    modality = encoder.modality
    tuning = replace(tuning, tune=(modality,))
    linear = TrainConfig(strategy="concatenation", modalities=(modality,))

    def learn(places: Tensor, task: str, seed: int) -> Tensor:
        products = [train.products[place] for place in places.tolist()]
        everywhere = torch.ones(len(places), dtype=torch.bool)
        ids = tuple(product.id for product in products)
        batch = EmbeddingBatch(
            ids, {modality: train.embeddings[places]}, {modality: everywhere}, {task: train.targets[task][places]}
        )
        head = fit(batch, batch, {task: sizes[task]}, replace(linear, seed=seed)).head
        few = (products[:1], batch.rows([0]))
        tuned = finetune({modality: encoder}, head, (products, batch), few, _long_enough(tuning, len(places), seed))
        assert isinstance(encoder, TunableEncoder)  # else finetune would have refused it
        learned = load_encoder(encoder.name_with(tuned.weights[modality]))
        embedded, _ = embed_products(scored.products, {modality: learned}, {})
        discard(tuned.weights[modality])
        with torch.inference_mode():
            return tuned.head(embedded.embeddings, embedded.present)[task].argmax(1)

    return learn


def _long_enough(tuning: FinetuneConfig, rows: int, seed: int) -> FinetuneConfig:
    """More epochs where there are few batches."""
    batches = -(-rows // tuning.batch_size)
    return replace(tuning, epochs=max(tuning.epochs, -(-LEAST_STEPS // batches)), seed=seed)


def draw(target: Tensor, shots: int, seed: int) -> Tensor:
    """Sorted places of `shots` random rows of each class of (N,) targets, or all of a class that has fewer."""
    generator = torch.Generator().manual_seed(seed)
    places = []
    for label in target[target >= 0].unique():
        own = (target == label).nonzero().flatten()
        order = own[torch.randperm(len(own), generator=generator)]
        places.append(order if shots == ALL else order[:shots])
    return torch.cat(places).sort().values


def learning_curves(
    learners: Mapping[str, Learner],
    train: FrozenRows,
    scored: FrozenRows,
    tasks: Sequence[str],
    shots: Sequence[int],
    draws: int,
    progress: Progress | None = None,
) -> list[CurvePoint]:
    """Mean accuracy on the scored rows with a known label, per learner, task and shots.

    The 95 % interval is over draws (Student's t). Of all examples there is one draw: its interval is a bootstrap
    over the scored rows, whole groups drawn together, as `interval` says. Raises UserError for less than two draws or
    a task without labels.
    """
    if draws < 2 or any(count < 0 for count in shots):
        raise UserError("A learning curve needs --draws of at least 2, and --shots such as 1,2,4,all.")
    points = [(name, task, count) for task in tasks for count in shots for name in learners]
    rows = []
    for done, (name, task, count) in enumerate(points, start=1):
        if not (scored.labels[task] != "").any():
            raise UserError(f"No scored row has a label for {task!r}; choose another task or split.")
        rows.append(_point(name, learners[name], train, scored, task, count, draws))
        if progress:
            progress("drawing and fitting", done, len(points))
    return rows


def _point(
    name: str, learner: Learner, train: FrozenRows, scored: FrozenRows, task: str, shots: int, draws: int
) -> CurvePoint:
    labelled = torch.from_numpy(scored.labels[task] != "")
    correct = []  # per draw (N_labelled,); a label that training never saw counts as wrong
    for seed in range(1 if shots == ALL else draws):
        places = draw(train.targets[task], shots, seed)
        correct.append((learner(places, task, seed) == scored.targets[task])[labelled].double().numpy())
    accuracies = np.array([rows.mean() for rows in correct])
    groups = groups_of(scored.products)
    own = None if groups is None else groups[labelled.numpy()]
    low, high = bootstrap_interval(correct[0], groups=own) if shots == ALL else _interval(accuracies)
    return CurvePoint(
        method=name,
        task=task,
        shots="all" if shots == ALL else shots,
        n_train=len(places),
        n=int(labelled.sum()),
        draws=len(accuracies),
        accuracy=float(accuracies.mean()),
        accuracy_low=low,
        accuracy_high=high,
        interval="scored rows" if shots == ALL else "draws",
    )


def _interval(values: np.ndarray) -> tuple[float, float]:
    """95 % interval of the mean of a few values (Student 1908), kept within [0, 1]."""
    half = float(stats.t.ppf(0.975, len(values) - 1) * values.std(ddof=1) / np.sqrt(len(values)))
    return max(0.0, float(values.mean()) - half), min(1.0, float(values.mean()) + half)
