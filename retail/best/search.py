"""The search, top to bottom: embed what fits, try one method after the other, keep the best, test it once.

In: a `Manifest`, minutes and a folder. Out: the recogniser in that folder, with best.json beside it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from retail.best import trials
from retail.best.budget import Budget, TooSlow, usual_minutes
from retail.best.methods import Method, choose, sensible_methods
from retail.best.record import FILE, Asked, BestReport, Tried, report_of
from retail.best.trials import Bench, Trial
from retail.comparison.cost import encode_costs
from retail.config import FinetuneConfig, TrainConfig
from retail.dataset.manifest import Manifest
from retail.encoders import load_preset
from retail.evaluation.reports import TaskScore
from retail.evaluation.scores import evaluate
from retail.finetuning.record import FinetuneEpoch
from retail.recognizer import Recognizer
from retail.recognizer.bundle import save_bundle
from retail.schema import Modality, Progress, UserError
from retail.splits import not_found, prepare
from retail.store import EmbeddingStore, embed_products
from retail.wording import INPUT_WORDS, spent

RESUME = "resume.pt"  # the checkpoint of a fine-tuning that was stopped
# Few layers, for a laptop. With fewer epochs the warm-up is over before anything is learned.
LAYERS, FEWEST_EPOCHS, MOST_EPOCHS = 3, 4, 12
# One epoch of one product, by the seconds that its photo takes to encode alone: 2.0 to 2.2 of processor time for the
# bundled photo encoder on 96 products of the demo, validation included.
EPOCH_PER_ENCODING = 2.2


@dataclass(frozen=True)
class Listener:
    """Who hears of a search; everything is optional."""

    progress: Progress | None = None
    tried: Callable[[Tried], None] | None = None
    note: Callable[[str], None] | None = None


def search(
    manifest: Manifest,
    folder: Path,
    minutes: float = 0,
    config: TrainConfig | None = None,
    encoders: str = "bundled",
    listener: Listener | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> tuple[Recognizer, BestReport]:
    """Tries methods until the time is up and saves the best; `minutes` 0 means what suits the size of the data.

    A search that was stopped goes on where it was, with the time that it has left. Raises UserError for data of which
    nothing can be learned.
    """
    config, listener = config or TrainConfig(), listener or Listener()
    found = {modality for product in manifest.products for modality in product.modalities}
    inputs = tuple(m for m in config.modalities if m in found or m in manifest.lost)
    asked = Asked(
        checksum=manifest.checksum,
        tasks=tuple(manifest.tasks),
        inputs=inputs,
        encoders=encoders,
        config=config,
    )
    report = _begun(folder, BestReport(asked=asked, minutes=minutes or usual_minutes(manifest)))
    return _Search(manifest, folder, report, Budget(report.minutes, report.seconds, clock), listener).run()


def _begun(folder: Path, fresh: BestReport) -> BestReport:
    """What an earlier try of the same left here, or a new report."""
    before = report_of(folder)
    if before is None or before.kept or (before.asked, before.minutes) != (fresh.asked, fresh.minutes):
        return fresh
    return before.model_copy(update={"left_out": ()})


class _Search:
    """One search on its way."""

    def __init__(
        self, manifest: Manifest, folder: Path, report: BestReport, budget: Budget, listener: Listener
    ) -> None:
        self.manifest, self.folder, self.report = manifest, folder, report
        self.budget, self.listener = budget, listener
        self.trials: dict[str, Trial] = {}

    def run(self) -> tuple[Recognizer, BestReport]:
        """All of it."""
        bench = self._bench()
        methods = sensible_methods(tuple(bench.encoders), bench.encoders)
        for place, method in enumerate(methods):
            if all(one.name != method.name for one in self.report.tried):
                self._say(f"Trying {method.title}", place, len(methods))
                self._try(method, bench)
        if not self.report.tried:
            raise UserError(f"No method could be trained. {' '.join(self.report.left_out)}")
        return self._keep(bench, {method.name: method for method in methods})

    def _bench(self) -> Bench:
        """Everything embedded that can be within the time; one input at least, however long it takes."""
        asked = self.report.asked
        loaded = load_preset(asked.encoders, asked.inputs)
        if not loaded:
            raise UserError("The data has no photo, description or sound to learn from; add a column with one.")
        if lost := not_found(self.manifest, loaded):
            raise UserError(f"{lost[0]}; mend the paths, or leave this input out.")
        slow: dict[Modality, float] = {}
        for modality, encoder in loaded.items():
            watched = self.budget.watched(self.listener.progress)
            try:
                embed_products(self.manifest.products, {modality: encoder}, {}, EmbeddingStore(), watched)
            except TooSlow as error:
                slow[modality] = error.seconds
        if len(slow) == len(loaded):
            slow.pop(min(slow, key=slow.__getitem__))
        for modality, seconds in slow.items():
            self._leave_out(
                f"The {INPUT_WORDS[modality]} was left out: encoding it takes about {spent(seconds)} more. What is "
                "encoded is kept, so choose more minutes and it goes on from there."
            )
        kept = {modality: encoder for modality, encoder in loaded.items() if modality not in slow}
        if self.report.used != tuple(kept):
            self._write(used=tuple(kept), tried=(), epochs=0)
        splits = prepare(
            self.manifest, kept, EmbeddingStore(), self.listener.progress, need_test=False, hear=self.listener.note
        )
        return Bench(self.manifest, kept, splits, asked.config, asked.encoders)

    def _try(self, method: Method, bench: Bench) -> None:
        """One method, unless there is no time for it."""
        started = self.budget.seconds
        try:
            if self.budget.left <= 0 and self.report.tried:
                raise TooSlow(0)
            trial = self.trials[method.name] = self._fit(method, bench)
        except TooSlow:
            minutes = f"{self.report.minutes:g} minutes"
            self._leave_out(f"{method.title} was not tried: the {minutes} leave no time for it.")
        except UserError as error:
            self._leave_out(f"{method.title} was not tried: {error}")
        else:
            self._note(method, trial, self.budget.seconds - started)

    def _fit(self, method: Method, bench: Bench) -> Trial:
        """Raises TooSlow for a fine-tuning that would take longer than the time that is left."""
        if method.tuned is None:
            return (trials.try_logistic if method.kind == "logistic" else trials.try_head)(method, bench)
        epochs = self.report.epochs or self._epochs(method.tuned, bench)
        self._write(epochs=epochs)  # before the first, for a checkpoint fits these alone

        def on_epoch(entry: FinetuneEpoch) -> None:
            self._say(f"Trying {method.title}, by epochs", entry.epoch, epochs)
            if entry.epoch == 1 and entry.seconds * (epochs - 1) > self.budget.left:
                raise TooSlow(entry.seconds * (epochs - 1))

        tuning = FinetuneConfig(
            tune=(method.tuned,),
            layers=LAYERS,
            epochs=epochs,
            seed=bench.config.seed,
            class_balance=bench.config.class_balance,
        )
        return trials.try_finetuning(method, bench, tuning, self.folder / RESUME, on_epoch)

    def _epochs(self, tuned: Modality, bench: Bench) -> int:
        """As many as fit into the time that is left, by the rate at which its encoder embeds; raises TooSlow."""
        rows = self.manifest.in_split("train")
        seconds = encode_costs({tuned: bench.encoders[tuned]}, rows)[tuned].seconds
        after = seconds * (len(self.manifest.products) - len(rows))  # the others are embedded anew
        epoch = EPOCH_PER_ENCODING * seconds * len(rows)
        epochs = min(MOST_EPOCHS, int((self.budget.left - after) / epoch))
        if epochs < FEWEST_EPOCHS:
            raise TooSlow(FEWEST_EPOCHS * epoch + after)
        return epochs

    def _keep(self, bench: Bench, methods: Mapping[str, Method]) -> tuple[Recognizer, BestReport]:
        """The best on validation, saved; then, and only then, the test products."""
        won = choose(self.report.tried, bench.groups)
        self._say(f"Keeping {won.title}", 0, 1)
        # Tried before the search was stopped: the same seed gives the same again.
        trial = self.trials.get(won.name) or self._fit(methods[won.name], bench)
        recognizer = trial.recognizer()
        save_bundle(recognizer, self.folder)
        self._write(kept=won.name, test=self._tested(recognizer), seconds=self.budget.seconds)
        (self.folder / RESUME).unlink(missing_ok=True)
        self._say(f"Keeping {won.title}", 1, 1)
        return recognizer, self.report

    def _tested(self, recognizer: Recognizer) -> tuple[TaskScore, ...]:
        """Every task that has a labelled test product."""
        rows = self.manifest.in_split("test")
        if not any(row.labels.get(task) for row in rows for task in recognizer.vocabularies):
            return ()
        return tuple(row for row in evaluate(recognizer, self.manifest).scores if row.n)

    def _note(self, method: Method, trial: Trial, seconds: float) -> None:
        tried = Tried(
            name=method.name, title=method.title, rank=method.rank, seconds=round(seconds, 1), right=trial.right
        )
        self._write(tried=(*self.report.tried, tried), seconds=self.budget.seconds)
        if self.listener.tried:
            self.listener.tried(tried)

    def _leave_out(self, sentence: str) -> None:
        self._write(left_out=(*self.report.left_out, sentence))
        if self.listener.note:
            self.listener.note(sentence)

    def _write(self, **changes: Any) -> None:
        self.report = self.report.model_copy(update=changes)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.report.write(self.folder / FILE)

    def _say(self, stage: str, done: int, total: int) -> None:
        if self.listener.progress:
            self.listener.progress(stage, done, total)
