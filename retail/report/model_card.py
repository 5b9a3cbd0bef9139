"""The model card: what was trained on what, for whom, and where it ends.

In: `Results`. Out: facts by name, after Mitchell et al., Model Cards for Model Reporting (2019).
"""

from __future__ import annotations

import re

from retail.comparison.results import Results
from retail.recognizer.card import INTENDED_USE, LIMITS
from retail.wording import task_words


def model_card(results: Results) -> dict[str, str]:
    """Name -> fact, in reading order; a fact that the results lack is left out."""
    data, cost = results.data, results.cost
    models = {model.model: model for model in results.models}
    chosen = {task: models[names.model] for task, names in results.selected.items()}
    used = {model.model: model for model in chosen.values()}.values()
    facts = {
        "Models chosen": "; ".join(f"{task_words(task)}: {model.title}" for task, model in chosen.items()),
        "What they do": " ".join(f"{model.title}: {model.summary}" for model in used),
        "Source": " ".join(filter(None, (_without_links(model.source) for model in used))),
        "Intended use": INTENDED_USE,
        "Classes": "; ".join(f"{task_words(task)}: {len(classes):,}" for task, classes in results.tasks.items()),
        "Data": f"{data.name}, SHA-256 {data.checksum}: {data.n_train:,} training, {data.n_val:,} "
        f"validation and {data.n_test:,} test products.",
        "Encoders": "; ".join(f"{m}: {e.name} ({e.fingerprint})" for m, e in results.encoders.items()),
        "Settings": ", ".join(
            f"{name} = {'not set' if value is None else value}" for name, value in results.config.to_dict().items()
        ),
        "Seeds": ", ".join(map(str, results.seeds)),
        "Made": f"{results.created}, {cost.seconds} s on {cost.machine}.",
        "Limits": LIMITS,
    }
    return {name: fact for name, fact in facts.items() if fact}


def _without_links(source: str) -> str:
    return re.sub(r"[,(]?\s*https?://\S+", "", source)
