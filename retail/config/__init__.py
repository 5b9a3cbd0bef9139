"""Settings, each declared once and saved with every result.

In: field values. Out: frozen dataclasses, checked as they are made. The options of the command line, the widgets of
Train and what both say about a setting come from these declarations. No torch.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any, Self

from retail.config.options import Config, option
from retail.schema import MODALITIES, Modality, UserError

# What is done about rare classes: nothing, loss weights 1/n_c, loss weights by the effective number of examples
# (Cui et al. 2019), or batches in which every class is drawn as often.
CLASS_BALANCES = ("none", "inverse", "effective", "sampling")


def _class_balance() -> str:
    return option("none", f"How rare classes are handled: {', '.join(CLASS_BALANCES)}.", choices=CLASS_BALANCES)


def _seed() -> int:
    return option(0, "The same seed gives the same bundle.", label="Seed")


@dataclass(frozen=True)
class Learning(Config):
    """How heads learn, in a comparison as in a single training."""

    # "uncertainty": Kendall et al. 2018.
    loss_balancing: str = option(
        "fixed",
        "How the losses of several questions are weighted: fixed or uncertainty.",
        choices=("fixed", "uncertainty"),
    )
    class_balance: str = _class_balance()
    # The loss when one random input of each product is shown alone.
    single_inputs: float = option(
        1.0, "Weight of learning from each input alone; 0 only hides inputs at random.", low=0
    )
    auxiliary: float = option(0.0, "Weight of an auxiliary head per input (deep supervision).", low=0)
    # Peng et al. 2022.
    modulation: float = option(
        0.0, "How much to hold back the input that learns fastest (OGM-GE's alpha); 0 is off.", low=0
    )


@dataclass(frozen=True)
class TrainConfig(Learning):
    """How one fusion head is trained on embeddings."""

    strategy: str = option("gated", "Fusion strategy; 'compare' shows which is best.")
    modalities: tuple[Modality, ...] = MODALITIES  # inputs the head may see
    width: int = option(192, "Width of the head's layer.", low=1, offered=False)  # W, of the fused representation
    dropout: float = option(0.5, "Dropout on projected embeddings.", low=0, below=1, offered=False)
    hidden: tuple[int, ...] = option(
        (),
        "Widths of new layers between embedding and fusion, such as 512,512 (deep transfer).",
        low=1,
        label="New hidden layers",
        offered=False,
    )
    hidden_dropout: float = option(0.3, "Dropout behind each new layer.", low=0, below=1, offered=False)
    modality_dropout: float = option(
        0.3, "Chance that one present input is hidden, per product and step.", low=0, below=1, offered=False
    )
    learning_rate: float = option(3e-3, "Learning rate of the head.", low=0, offered=False)
    weight_decay: float = option(0.02, "Weight decay of the head.", low=0, offered=False)
    batch_size: int = option(
        256, "Largest batch; a small data set gets smaller ones, so that it gets as many steps.", low=1, offered=False
    )
    # The learning rate falls to 0 by then.
    max_epochs: int = option(
        20, "Most epochs for training the new layers alone.", low=1, flag="head-epochs", offered=False
    )
    patience: int = option(6, "Epochs without a better validation loss before stopping.", low=1, offered=False)
    label_smoothing: float = option(0.05, "Label smoothing of the head's loss.", low=0, below=1, offered=False)
    seed: int = _seed()

    def __post_init__(self) -> None:
        super().__post_init__()
        if unknown := set(self.modalities) - set(MODALITIES):
            raise UserError(f"Unknown modality {sorted(unknown)[0]!r}; choose from {', '.join(MODALITIES)}.")
        if not self.modalities:
            raise UserError("At least one modality is needed; choose from " + ", ".join(MODALITIES) + ".")
        object.__setattr__(self, "modalities", tuple(m for m in MODALITIES if m in self.modalities))


# Feature maps and classifiers of `retail/frozen/`; a method is called MAP+CLASSIFIER.
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
class FrozenConfig(Config):
    """A map of frozen embeddings and the classifier that reads what it gives."""

    feature_map: str = option("none", "How the features are reduced.", choices=FEATURE_MAPS)
    classifier: str = option("linear", "What reads the features.", choices=CLASSIFIERS)
    # "none" keeps all, "lda" gives at most one less than a task has classes.
    dims: int = option(128, "Number of mapped features.", low=1)
    penalty: float = option(0.03, "Weight of half the squared norm of the weights, added to the mean loss.", above=0)
    standardise: bool = option(True, "Scale every feature by its own deviation.")  # else all by one
    class_balance: str = _class_balance()
    seed: int = _seed()

    @property
    def name(self) -> str:
        """MAP+CLASSIFIER, or the classifier alone where there is no map."""
        return self.classifier if self.feature_map == "none" else f"{self.feature_map}+{self.classifier}"

    @classmethod
    def named(cls, name: str, **settings: Any) -> Self:
        """The method of this name; raises UserError when there is none."""
        feature_map, plus, classifier = name.partition("+")
        if not plus:
            feature_map, classifier = "none", name
        if feature_map not in FEATURE_MAPS or classifier not in CLASSIFIERS:
            raise UserError(
                f"No method is named {name!r}; write one of {', '.join(CLASSIFIERS)}, alone or behind a map and a "
                f"plus, such as 'pca+logistic' (maps: {', '.join(FEATURE_MAPS[1:])})."
            )
        return cls(feature_map=feature_map, classifier=classifier, **settings)


@dataclass(frozen=True)
class FinetuneConfig(Config):
    """How encoders are trained on together with a head that was trained on their frozen embeddings."""

    tune: tuple[Modality, ...] = option(
        ("image",), "Inputs whose encoders are fine-tuned, such as image,text.", choices=MODALITIES
    )
    # "scratch": new random weights, the control that shows what pretraining gains.
    start: str = option(
        "pretrained",
        "Start from pretrained weights, or from scratch as the control.",
        choices=("pretrained", "scratch"),
    )
    layers: int = option(
        0,
        "How many of the last layers to fine-tune; fewer is faster, 0 is all.",
        low=0,
        label="Last layers to fine-tune",
    )
    size: int = option(224, "Size of a training crop in pixels.", low=32)
    epochs: int = option(12, "Passes over the training products.", low=1, label="Epochs")
    warmup_epochs: float = option(1.0, "Epochs of warm-up until the full learning rate.", low=0, offered=False)
    learning_rate: float = option(5e-4, "Learning rate of the photo encoder's last layer.", low=0)
    # Transformers fall apart at a convolutional network's rate (Devlin et al. 2019).
    text_learning_rate: float = option(5e-5, "Learning rate of the text encoder.", low=0, flag="text-rate")
    audio_learning_rate: float = option(3e-4, "Learning rate of the sound encoder.", low=0, flag="audio-rate")
    head_learning_rate: float = option(1e-3, "Learning rate of the head.", low=0, offered=False)
    lora_rank: int = option(
        0,
        "Rank of the low-rank adapters (LoRA) in transformers; 0 trains all weights.",
        low=0,
        label="LoRA rank",
    )
    # Few weights that start at zero can take, and need, a higher rate than all weights.
    lora_learning_rate: float = option(1e-3, "Learning rate of the low-rank adapters.", low=0, offered=False)
    contrast: float = option(
        0.0,
        "Weight of aligning the photo, description and sound of a product.",
        low=0,
        label="Align photo, description and sound",
    )
    temperature: float = option(0.07, "Temperature of the alignment loss.", above=0)  # Radford et al. 2021
    # Howard and Ruder 2018; Clark et al. 2020.
    layer_decay: float = option(0.8, "Learning rate of each layer as a share of the one above it.", low=0, high=1)
    # "keep" leaves batch norms the source's statistics; "adapt" lets those of the learning layers follow the new data,
    # as they always do from scratch. Four epochs on groceries, on a hold-out within train: 75 against 58 %.
    batch_norm: str = option("keep", "Statistics of batch norms: keep or adapt.", choices=("keep", "adapt"))
    weight_decay: float = option(0.05, "Weight decay of encoders and head.", low=0, offered=False)
    batch_size: int = option(32, "Products in a batch.", low=1, offered=False)
    label_smoothing: float = option(0.1, "Label smoothing of the loss.", low=0, below=1, offered=False)
    average: float = option(0.99, "Decay of the weights' moving average.", low=0, high=1, offered=False)
    mix: float = option(0.5, "Share of the batches that mixup or cutmix blends.", low=0, high=1, offered=False)
    augment: str = option(
        "rand-m6-mstd0.5-inc1", "timm's RandAugment policy; '' for crops and flips only.", offered=False
    )
    erase: float = option(0.2, "Chance of random erasing.", low=0, high=1, offered=False)
    smallest_crop: float = option(0.35, "Smallest share of the photo that a crop keeps.", low=0, high=1, offered=False)
    word_dropout: float = option(0.1, "Chance that a word of a description is left out.", low=0, high=1, offered=False)
    typos: float = option(0.02, "Chance that a letter is mistyped.", low=0, high=1, offered=False)
    # As in the spoken-word pretraining.
    vary_sound: bool = option(True, "Vary voices, rooms, microphones and noise.", offered=False)
    modality_dropout: float = option(
        0.3, "Chance that one present input of several is hidden from the head.", low=0, high=1, offered=False
    )
    class_balance: str = _class_balance()
    seed: int = _seed()

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "tune", tuple(m for m in MODALITIES if m in self.tune))
        if self.start == "scratch" and (self.layers or self.lora_rank):
            raise UserError("A network from scratch learns in all its layers; leave out --layers and --lora-rank.")


@dataclass(frozen=True)
class CompareConfig(Learning):
    """What a comparison trains: every strategy and every single-modality baseline, over several seeds."""

    tasks: tuple[str, ...] = ()
    # None: all registered strategies that are compared.
    strategies: tuple[str, ...] = option((), "Fusion strategies, separated by commas, or 'all'.", everything="all")
    seeds: int = option(3, "Every model is trained once per seed; figures are means.", low=1, label="Seeds")
    encoders: str = "bundled"  # preset name
    text_column: str = "text"
    settings: bool = option(
        True,
        "Also train each setting, and dedicated models for each subset.",
        label="Also train with multi-task and multi-modal on and off, and a model for each mix of inputs",
    )
    tune: bool = option(
        False,
        "Tune every model on validation, over the same grid of settings.",
        label="Tune every model on validation (takes five times as long)",
    )

    def training(self, strategy: str, modalities: tuple[Modality, ...], seed: int) -> TrainConfig:
        """How one of its models learns."""
        shared = {field.name: getattr(self, field.name) for field in fields(Learning)}
        return TrainConfig(strategy=strategy, modalities=modalities, seed=seed, **shared)


SPLIT = "Rows to score: val, or test once everything is decided."


@dataclass(frozen=True)
class SearchConfig(Config):
    """Which maps and classifiers of frozen features are tried, with which settings, and on which rows."""

    methods: tuple[str, ...] = option(
        (), "Methods such as linear, prototypes, logistic or pca+linear; or 'all'.", everything="all"
    )
    dims: tuple[int, ...] = option(DIMS, "Numbers of mapped features to try.", low=1)
    penalties: tuple[float, ...] = option(PENALTIES, "Penalties to try.", above=0)
    standardise: bool = option(True, "Scale every feature by its own deviation.")
    class_balance: str = _class_balance()
    group_similarity: float = option(
        GROUP_SIMILARITY, "Cosine above which look-alikes with equal labels share a fold; 1 for none."
    )
    split: str = option("val", SPLIT)
    seed: int = _seed()


@dataclass(frozen=True)
class CurveConfig(Config):
    """What a learning curve is drawn of: methods, examples a class, and random draws of them."""

    methods: tuple[str, ...] = option(
        ("linear", "prototypes"),
        "Methods such as linear, prototypes, logistic, pca+linear or finetuned.",
        everything="all",
    )
    shots: tuple[str, ...] = option(
        ("1", "2", "4", "8", "16", "all"), "Training examples per class; 'all' takes every one."
    )
    draws: int = option(5, "How many times the examples are drawn at random.", low=1, label="Draws")
    epochs: int = option(FinetuneConfig.epochs, "Fewest epochs of 'finetuned'.", low=1)
    size: int = option(FinetuneConfig.size, "Size of a training crop of 'finetuned' in pixels.", low=32)
    dims: int = option(FrozenConfig.dims, "Number of mapped features.", low=1)
    penalty: float = option(FrozenConfig.penalty, "Penalty of the classifiers.", above=0)
    split: str = option("val", SPLIT)

    def __post_init__(self) -> None:
        super().__post_init__()
        if wrong := [count for count in self.shots if count != "all" and not (count.isdecimal() and int(count))]:
            raise UserError(f"shots are numbers above 0 or 'all', separated by commas, not {wrong[0]!r}.")
