"""Settings as frozen dataclasses, checked once, saved with every result.

In: field values or JSON. Out: `TrainConfig`, `CompareConfig` and the folders the app writes to. No torch.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any, Self

from retail.schema import MODALITIES, Modality, UserError

# What is done about rare classes: nothing, loss weights 1/n_c, loss weights by the effective number of examples
# (Cui et al. 2019), or batches in which every class is drawn as often.
CLASS_BALANCES = ("none", "inverse", "effective", "sampling")


def _check_choice(name: str, value: str, known: Sequence[str]) -> None:
    if value not in known:
        raise UserError(f"{name} is {' or '.join(map(repr, known))}, not {value!r}.")


@dataclass(frozen=True)
class _Config:
    def to_dict(self) -> dict[str, Any]:
        return json.loads(json.dumps(asdict(self)))

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Self:
        known = {field.name for field in fields(cls)}
        if unknown := sorted(set(values) - known):
            raise UserError(f"{cls.__name__} has no setting {unknown[0]!r}; it knows {', '.join(sorted(known))}.")
        return cls(**{key: tuple(value) if isinstance(value, list) else value for key, value in values.items()})

    def fingerprint(self) -> str:
        """Hash of every setting: equal settings, equal fingerprint."""
        return hashlib.sha256(json.dumps(self.to_dict(), sort_keys=True).encode()).hexdigest()[:16]


@dataclass(frozen=True)
class TrainConfig(_Config):
    """How one fusion head is trained on embeddings."""

    strategy: str = "gated"  # registered name of a fusion strategy
    modalities: tuple[Modality, ...] = MODALITIES  # inputs the head may see
    width: int = 192  # W, width of the fused representation
    dropout: float = 0.5  # on projected embeddings
    hidden: tuple[int, ...] = ()  # widths of new layers between each embedding and the fusion: deep transfer
    hidden_dropout: float = 0.3  # behind each of them
    modality_dropout: float = 0.3  # chance that one present input is hidden, per product and step
    single_inputs: float = 1.0  # weight of the loss when one random input of each product is shown alone
    auxiliary: float = 0.0  # weight of the loss of an auxiliary head per input (deep supervision)
    modulation: float = 0.0  # alpha of gradient modulation between inputs (Peng et al. 2022); 0 = off
    learning_rate: float = 3e-3
    weight_decay: float = 0.02
    batch_size: int = 256  # at most; a small data set gets smaller batches, so that it gets as many steps
    max_epochs: int = 20  # the learning rate falls to 0 by then
    patience: int = 6  # epochs without a better validation loss before stopping
    loss_balancing: str = "fixed"  # "fixed" or "uncertainty" (Kendall et al. 2018)
    class_balance: str = "none"  # one of CLASS_BALANCES
    label_smoothing: float = 0.05
    seed: int = 0

    def __post_init__(self) -> None:
        if unknown := set(self.modalities) - set(MODALITIES):
            raise UserError(f"Unknown modality {sorted(unknown)[0]!r}; choose from {', '.join(MODALITIES)}.")
        if not self.modalities:
            raise UserError("At least one modality is needed; choose from " + ", ".join(MODALITIES) + ".")
        object.__setattr__(self, "modalities", tuple(m for m in MODALITIES if m in self.modalities))
        _check_choice("loss_balancing", self.loss_balancing, ("fixed", "uncertainty"))
        _check_choice("class_balance", self.class_balance, CLASS_BALANCES)
        if not all(0 <= share < 1 for share in (self.modality_dropout, self.dropout, self.hidden_dropout)):
            raise UserError("dropout, hidden_dropout and modality_dropout lie in [0, 1).")
        if min(self.single_inputs, self.auxiliary, self.modulation) < 0:
            raise UserError("single_inputs, auxiliary and modulation are weights: each is at least 0.")
        if min(self.width, self.batch_size, self.max_epochs, self.patience, *self.hidden) < 1:
            raise UserError("width, batch_size, max_epochs, patience and every width in hidden are at least 1.")


# Settings of fine-tuning that lie between 0 and 1.
SHARES = ("layer_decay", "average", "mix", "erase", "smallest_crop", "word_dropout", "typos", "modality_dropout")


# Feature maps and classifiers of `retail/frozen/models.py`; a regime is called MAP+CLASSIFIER.
FEATURE_MAPS = ("none", "pca", "svd", "lda", "bottleneck")
CLASSIFIERS = ("linear", "prototypes", "logistic")
# What cross-validation tries where nothing else is asked for.
DIMS = (128, 512)
PENALTIES = (0.003, 0.01, 0.03, 0.1)
# Mean cosine of standardised embeddings above which rows with equal labels form one group. On the grocery photos, shot
# in series, folds without groups promise 20 points more than the official validation rows give and folds at 0.5 about
# as much as those; on the fashion photos, where no product comes twice, it takes about a point or two.
GROUP_SIMILARITY = 0.5


@dataclass(frozen=True)
class RegimeConfig(_Config):
    """A map of frozen embeddings and the classifier that reads what it gives."""

    feature_map: str = "none"
    classifier: str = "linear"
    dims: int = 128  # of the mapped features; "none" keeps all, "lda" gives at most one less than a task has classes
    penalty: float = 0.03  # weight of half the squared norm of the matrices beside the mean loss
    standardise: bool = True  # every feature by its own deviation, else all by one
    class_balance: str = "none"  # one of CLASS_BALANCES
    seed: int = 0

    def __post_init__(self) -> None:
        _check_choice("feature_map", self.feature_map, FEATURE_MAPS)
        _check_choice("classifier", self.classifier, CLASSIFIERS)
        _check_choice("class_balance", self.class_balance, CLASS_BALANCES)
        if self.dims < 1 or self.penalty <= 0:
            raise UserError(f"dims is at least 1 and penalty above 0, not {self.dims} and {self.penalty}.")

    @property
    def name(self) -> str:
        """MAP+CLASSIFIER, or the classifier alone where there is no map."""
        return self.classifier if self.feature_map == "none" else f"{self.feature_map}+{self.classifier}"

    @classmethod
    def named(cls, name: str, **settings: Any) -> Self:
        """The regime of this name; raises UserError when there is none."""
        feature_map, plus, classifier = name.partition("+")
        if not plus:
            feature_map, classifier = "none", name
        if feature_map not in FEATURE_MAPS or classifier not in CLASSIFIERS:
            raise UserError(
                f"No regime is named {name!r}; write one of {', '.join(CLASSIFIERS)}, alone or behind a map and a "
                f"plus, such as 'pca+logistic' (maps: {', '.join(FEATURE_MAPS[1:])})."
            )
        return cls(feature_map=feature_map, classifier=classifier, **settings)


@dataclass(frozen=True)
class FinetuneConfig(_Config):
    """How encoders are trained on together with a head that was trained on their frozen embeddings."""

    tune: tuple[Modality, ...] = ("image",)  # inputs whose encoders learn; the others stay frozen
    start: str = "pretrained"  # or "scratch": new random weights, the control that shows what the transfer gains
    layers: int = 0  # how many of an encoder's last layers learn; 0 = all
    layer_decay: float = 0.8  # each lower layer learns this much slower (Howard and Ruder 2018; Clark et al. 2020)
    # "keep" leaves batch norms the source's statistics; "adapt" lets those of the learning layers follow the new data,
    # as they always do from scratch. Four epochs on groceries, on a hold-out within train: 75 against 58 %.
    batch_norm: str = "keep"
    size: int = 224  # pixels of a training crop
    epochs: int = 12
    warmup_epochs: float = 1.0
    learning_rate: float = 5e-4  # of the photo encoder's last layer
    text_learning_rate: float = 5e-5  # transformers fall apart at a convolutional network's rate (Devlin et al. 2019)
    audio_learning_rate: float = 3e-4
    head_learning_rate: float = 1e-3
    lora_rank: int = 0  # transformers learn only low-rank changes of this rank; 0 = all their weights
    lora_learning_rate: float = (
        1e-3  # few weights that start at zero stand, and need, a higher rate than all weights do
    )
    contrast: float = 0.0  # weight of the loss that draws the inputs of one product together
    temperature: float = 0.07  # of that loss (Radford et al. 2021)
    weight_decay: float = 0.05
    batch_size: int = 32
    label_smoothing: float = 0.1
    average: float = 0.99  # of the weights, from step to step
    mix: float = 0.5  # share of the batches that mixup or cutmix blends
    augment: str = "rand-m6-mstd0.5-inc1"  # timm's RandAugment; "" for crops and flips alone
    erase: float = 0.2  # chance of random erasing
    smallest_crop: float = 0.35  # of the photo's area
    word_dropout: float = 0.1  # chance that a word of a description is left out
    typos: float = 0.02  # chance that a letter is mistyped
    vary_sound: bool = True  # other throats, rooms, microphones and noise, as in the spoken-word pretraining
    modality_dropout: float = 0.3  # chance that one present input is hidden from the head, where there are several
    class_balance: str = "none"  # one of CLASS_BALANCES
    seed: int = 0

    def __post_init__(self) -> None:
        for name, known in (("start", ("pretrained", "scratch")), ("batch_norm", ("adapt", "keep"))):
            _check_choice(name, getattr(self, name), known)
        _check_choice("class_balance", self.class_balance, CLASS_BALANCES)
        if min(self.epochs, self.batch_size) < 1 or self.size < 32 or self.layers < 0:
            raise UserError("epochs and batch_size are at least 1, size is at least 32, layers at least 0.")
        if not self.tune or set(self.tune) - set(MODALITIES):
            raise UserError(f"--tune names one or more of {', '.join(MODALITIES)}, not {','.join(self.tune)!r}.")
        object.__setattr__(self, "tune", tuple(m for m in MODALITIES if m in self.tune))
        for name in SHARES:
            if not 0 <= getattr(self, name) <= 1:
                raise UserError(f"{name} lies between 0 and 1, not at {getattr(self, name)}.")
        if self.start == "scratch" and (self.layers or self.lora_rank):
            raise UserError("A network from scratch learns in all its layers; leave out --layers and --lora-rank.")
        if self.lora_rank < 0 or self.contrast < 0 or self.temperature <= 0:
            raise UserError("lora_rank and contrast are at least 0, and temperature is greater than 0.")


@dataclass(frozen=True)
class CompareConfig(_Config):
    """What a comparison trains: every strategy and every single-modality baseline, over several seeds."""

    tasks: tuple[str, ...] = ()
    strategies: tuple[str, ...] = ()  # empty: all registered strategies
    seeds: int = 3
    encoders: str = "bundled"  # preset name
    text_column: str = "text"
    settings: bool = True  # also train the multi-modal × multi-task settings and a dedicated model per subset
    tune: bool = False  # every model tries the same grid of training settings, on validation
    loss_balancing: str = "fixed"
    class_balance: str = "none"
    single_inputs: float = TrainConfig.single_inputs  # as in TrainConfig, like the next two
    auxiliary: float = 0.0
    modulation: float = 0.0

    def __post_init__(self) -> None:
        _check_choice("class_balance", self.class_balance, CLASS_BALANCES)
        if self.seeds < 1:
            raise UserError(f"--seeds is at least 1, not {self.seeds}.")
