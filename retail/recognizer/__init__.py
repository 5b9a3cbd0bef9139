"""A Recognizer turns products into calibrated class probabilities for every task.

In: `Product`s with any non-empty set of inputs. Out: `Prediction`s. Training and serving share the encoders.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import overload

from torch import Tensor

from retail.certainty import Certainty, Judgement
from retail.config.wish import DEFAULT_WISH
from retail.encoders import Encoder
from retail.files import SHIPPED_BUNDLES, or_shipped
from retail.fusion import FusionHead
from retail.media import content_hash
from retail.recognizer.scored import Judged
from retail.schema import (
    MODALITIES,
    SUBSETS,
    Answer,
    Clip,
    Decision,
    KnownProduct,
    Modality,
    Note,
    Photos,
    Prediction,
    Product,
    Progress,
    Subset,
    UserError,
    Vocabulary,
)
from retail.store import EmbeddingBatch, EmbeddingStore, embed_products
from retail.training.record import TrainingRecord
from retail.wording import inputs_sentence, inputs_words

NOTHING_GIVEN = "Nothing to recognise yet: give at least one photo, a description or a sound."


@dataclass
class Recognizer:
    """Encoders, a trained head, its vocabularies, and what its answers are worth.

    >>> from retail import Recognizer
    >>> recognizer = Recognizer.load("demo")  # or a folder that `train --out` or `save` has written
    >>> list(recognizer.vocabularies)
    ['product', 'category', 'packaging', 'brand']
    >>> recognizer.predict(text="almond muesli, 500 g").best("category")[0]
    'cereal'
    """

    encoders: dict[Modality, Encoder]
    head: FusionHead
    strategy: str
    vocabularies: dict[str, Vocabulary]
    certainty: Certainty = field(default_factory=Certainty)
    width: int = 192
    info: TrainingRecord | None = None  # None: nobody wrote down how it was trained

    @classmethod
    def load(cls, folder: str | Path, *, trust: bool = False) -> Recognizer:
        """The recogniser kept in a folder, "demo" for the one that ships; raises UserError when it is damaged.

        One from elsewhere loads weights from itself and from installed packages; where it names a checkpoint of the hub
        or a path of this machine, that is said in a UserError, unless you `trust` it.
        """
        from retail.recognizer.bundle import load_bundle

        return load_bundle(folder, trust)

    def save(self, folder: str | Path) -> Path:
        """Keeps it in a folder that `load`, the command line and the dashboard read; returns the folder."""
        from retail.recognizer.bundle import save_bundle

        return save_bundle(self, Path(folder))

    @classmethod
    def from_pretrained(
        cls,
        repo_or_folder: str | Path,
        *,
        revision: str = "main",
        token: str | None = None,
        local_files_only: bool = False,
        trust: bool = False,
    ) -> Recognizer:
        """The recogniser ORG/NAME of the model hub, or one in a folder.

        What was fetched once is taken from the hub's cache; `local_files_only` asks no network. Nothing that comes down
        can run code; other checkpoints that it names are fetched only if you `trust` it. Raises UserError where there
        is none that may be read, or the hub is out of reach.
        """
        from retail.recognizer.bundle import load_bundle
        from retail.recognizer.hub import fetched

        if or_shipped(repo_or_folder, SHIPPED_BUNDLES).exists():
            return load_bundle(repo_or_folder, trust)
        return load_bundle(fetched(str(repo_or_folder), revision, token, local_files_only), trust)

    def push_to_hub(
        self,
        repo: str,
        *,
        scores: Judged | None = None,
        licence: str = "unknown",
        data_licence: str = "",
        public: bool = False,
        token: str | None = None,
    ) -> str:
        """Uploads it with a model card to ORG/NAME of the model hub, where only you see it unless `public`.

        `scores` are what `evaluate` found of it on test rows; `licence` is one of the hub's, such as "apache-2.0".
        Returns the address. Raises UserError where the hub is out of reach, or does not let you write.
        """
        from retail.recognizer.hub import Terms, push

        return push(self, repo, scores, Terms(licence, data_licence, public), token)

    @property
    def modalities(self) -> tuple[Modality, ...]:
        """The inputs that the head was trained on."""
        return tuple(modality for modality in MODALITIES if modality in self.head.dims)

    @property
    def learned_from(self) -> str:
        """Checksum of the data set that it learned from, "" where nobody knows."""
        return self.info.data.checksum if self.info else ""

    def make_ready(self) -> None:
        """Makes what later starts and answers are quicker with, once on a machine; that takes some seconds."""
        for encoder in self.encoders.values():
            encoder.make_ready()

    @property
    def is_ready(self) -> bool:
        """Whether `make_ready` would change nothing."""
        return all(encoder.is_ready for encoder in self.encoders.values())

    def embed(
        self, products: Sequence[Product], store: EmbeddingStore | None = None, progress: Progress | None = None
    ) -> tuple[EmbeddingBatch, list[Note]]:
        """Embeddings and one note for each input that could not be used."""
        encoders = {modality: self.encoders[modality] for modality in self.modalities}
        return embed_products(products, encoders, self.vocabularies, store, progress)

    @overload
    def predict(self, product: Product, /, *, accuracy: float = DEFAULT_WISH) -> Prediction: ...

    @overload
    def predict(
        self,
        /,
        *,
        image: Photos | None = None,
        text: str = "",
        audio: Clip | None = None,
        accuracy: float = DEFAULT_WISH,
    ) -> Prediction: ...

    def predict(
        self,
        product: Product | None = None,
        /,
        *,
        image: Photos | None = None,
        text: str = "",
        audio: Clip | None = None,
        accuracy: float = DEFAULT_WISH,
    ) -> Prediction:
        """Probabilities of one product, given by its inputs or as a `Product`.

        `image` is a photo or a list of them, `audio` a sound clip, each a path or the bytes of a file; `text` is the
        description. Give any of them. Answers are accepted where they are right as often as `accuracy`, from 0.5 to
        0.99. Raises UserError when no input could be used; what was given but could not be used beside others is said
        in `notes`.

        >>> from retail import Recognizer
        >>> from retail.files import DEMO_DIR
        >>> answer = Recognizer.load("demo").predict(
        ...     image=DEMO_DIR / "images" / "lark_tea_original_01.jpg", text="original tea, 20 bags"
        ... )
        >>> answer.used
        ('image', 'text')
        >>> answer.best("packaging")[0]
        'carton'
        """
        if product is None:
            product = Product.of(image, text, audio)
        elif image is not None or text or audio is not None:
            raise UserError("A Product holds its inputs already; give either it or image, text and audio.")
        batch, notes = self.embed([product])
        prediction = self.answer(batch, notes, accuracy)[0]
        if not prediction.used:
            raise UserError(prediction.notes[0] if prediction.notes else self.nothing_used(product))
        return prediction

    def predict_many(
        self,
        products: Sequence[Product],
        store: EmbeddingStore | None = None,
        progress: Progress | None = None,
        accuracy: float = DEFAULT_WISH,
    ) -> list[Prediction]:
        """One prediction per product, in order; a product without a usable input has empty `used` and `probs`."""
        if not products:
            return []
        return self.answer(*self.embed(products, store, progress), accuracy)

    def predict_subsets(self, product: Product) -> dict[tuple[Modality, ...], Prediction]:
        """The answer for each non-empty subset of the usable inputs; every input is encoded once."""
        return self.answer_subsets(product, *self.embed([product]))

    def answer_subsets(
        self, product: Product, batch: EmbeddingBatch, notes: Sequence[Note]
    ) -> dict[tuple[Modality, ...], Prediction]:
        """The same of one embedded product; raises UserError when no input could be used."""
        answers = {}
        for subset in SUBSETS:
            if all(modality in batch.present and bool(batch.present[modality][0]) for modality in subset):
                answers[subset] = self.answer(batch.only(subset), notes)[0]
        if not answers:
            own_notes = _notes_of(product.id, notes)
            raise UserError(own_notes[0] if own_notes else self.nothing_used(product))
        return answers

    def nothing_used(self, product: Product) -> str:
        """What to say when no input of a product counts."""
        if not product.modalities:
            return NOTHING_GIVEN
        return (
            f"This recogniser uses {inputs_sentence(self.modalities)}, "
            f"but only a {inputs_words(product.modalities)} was given."
        )

    def answer(self, batch: EmbeddingBatch, notes: Sequence[Note], accuracy: float = DEFAULT_WISH) -> list[Prediction]:
        """Predictions of embedded products; `notes` are those that `embed` gave."""
        judgement = self.certainty.judge(self.head, batch, accuracy)
        predictions = []
        for row, product_id in enumerate(batch.ids):
            used = tuple(m for m in self.modalities if bool(batch.present[m][row]))
            own_notes = _notes_of(product_id, notes)
            if not used:
                predictions.append(Prediction(product_id, {}, used, own_notes))
                continue
            probs = {task: self._ranked(task, rows[row].tolist()) for task, rows in judgement.probs.items()}
            answers = {task: self._answer(task, ranked, used, judgement, row) for task, ranked in probs.items()}
            novelty, nearest = judgement.novelty[row], self._known_product(judgement.nearest[row])
            predictions.append(Prediction(product_id, probs, used, own_notes, answers, novelty, nearest))
        return predictions

    def _answer(self, task: str, ranked: Mapping[str, float], used: Subset, judgement: Judgement, row: int) -> Answer:
        label, probability = next(iter(ranked.items()))
        inside = judgement.candidates[task][row]
        likely = {name for name, kept in zip(self.vocabularies[task].classes, inside, strict=True) if kept}
        candidates = tuple(name for name in ranked if name in likely)
        decision: Decision = "accept" if judgement.accepted[task][row] else "review"
        if judgement.novelty[row].unknown:
            decision = "unknown"
        return Answer(label, probability, candidates, decision, self.certainty.promises.like(task, used, probability))

    def _known_product(self, nearest: tuple[int, float] | None) -> KnownProduct | None:
        if nearest is None or self.certainty.novelty is None:
            return None
        place, similarity = nearest
        targets = {task: int(known[place]) for task, known in self.certainty.known.items()}
        labels = {task: self.vocabularies[task].classes[target] for task, target in targets.items() if target >= 0}
        return KnownProduct(self.certainty.novelty.ids[place], labels, similarity)

    def _ranked(self, task: str, probs: Sequence[float]) -> Mapping[str, float]:
        pairs = zip(self.vocabularies[task].classes, probs, strict=True)
        return dict(sorted(pairs, key=lambda pair: -pair[1]))


# (encoder's fingerprint, hash of the input) -> the embedding of one product's input and its notes.
Memory = dict[tuple[str, str], tuple[EmbeddingBatch, list[Note]]]


def embed_once(
    product: Product, encoders: Mapping[Modality, Encoder], memory: Memory
) -> tuple[EmbeddingBatch, list[Note]]:
    """One product's batch, for any recognisers with these encoders; what `memory` holds is not computed again."""
    parts: dict[Modality, tuple[EmbeddingBatch, list[Note]]] = {}
    for modality, encoder in encoders.items():
        key = encoder.fingerprint, _input_hash(product, modality)
        if key not in memory:
            memory[key] = embed_products([product], {modality: encoder}, {})
        parts[modality] = memory[key]
    embeddings: dict[str, Tensor] = {name: batch.embeddings[name] for name, (batch, _) in parts.items()}
    present: dict[str, Tensor] = {name: batch.present[name] for name, (batch, _) in parts.items()}
    # The same input may have been remembered under another product's name.
    notes = [replace(note, product=product.id) for _, own in parts.values() for note in own]
    return EmbeddingBatch((product.id,), embeddings, present, {}), notes


def _input_hash(product: Product, modality: Modality) -> str:
    if modality == "text":
        return content_hash(product.text)
    sources = product.images if modality == "image" else () if product.audio is None else (product.audio,)
    return " ".join(content_hash(source) for source in sources)


def _notes_of(product_id: str, notes: Sequence[Note]) -> tuple[str, ...]:
    """The sentences about one product."""
    return tuple(note.sentence for note in notes if note.product == product_id)
