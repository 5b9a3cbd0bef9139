"""Results as plain text for the terminal.

In: the dictionaries of `compare` and `evaluate`. Out: aligned tables with the verdicts below.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from retail.evaluation.verdict import verdict


def _cell(row: Mapping[str, Any]) -> str:
    low, high = 100 * row["accuracy_low"], 100 * row["accuracy_high"]
    return f"{100 * row['accuracy']:.1f} [{low:.1f}, {high:.1f}]"


def _align(rows: list[list[str]]) -> str:
    widths = [max(len(row[place]) for row in rows) for place in range(len(rows[0]))]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows)


def finetuning_table(info: Mapping[str, Any]) -> str:
    """What a fine-tuning run cost, how it fits its training rows, and what retrieval and the source gained or lost."""
    peak = info["finetuning_peak_mib"]
    memory = f", peak memory {peak:.0f} MiB" if peak else ""
    last = info["finetuning_history"][-1]
    parts = [
        f"{info['trainable_parameters']:,} of {info['parameters']:,} parameters learned for "
        f"{info['finetuning_seconds'] / 60:.1f} minutes{memory}."
    ]
    for task, value in last["val_accuracy"].items():
        train = last["train_accuracy"].get(task)
        beside = "" if train is None else f" (augmented training rows {100 * train:.1f} %)"
        parts.append(f"{task}: validation accuracy {100 * value:.1f} %{beside}")
    for task, row in info.get("forgetting", {}).get("tasks", {}).items():
        low, high = 100 * row["low"], 100 * row["high"]
        parts.append(
            f"source task {task}: {100 * row['before']:.1f} % before, {100 * row['after']:.1f} % after on {row['n']} "
            f"validation rows, change {100 * row['change']:+.1f} [{low:+.1f}, {high:+.1f}]"
        )
    if "retrieval" in info:
        parts.append(_retrieval_table(info["retrieval"]))
    return "\n".join(parts)


def _retrieval_table(retrieval: Mapping[str, list[dict[str, Any]]]) -> str:
    rows = [["retrieval", "n", "recall@1 %", "recall@5 %", "median rank"]]
    for before, after in zip(retrieval["before"], retrieval["after"], strict=True):
        pairs = [f"{100 * before[key]:.1f} -> {100 * after[key]:.1f}" for key in ("recall_at_1", "recall_at_5")]
        ranks = f"{before['median_rank']:g} -> {after['median_rank']:g}"
        rows.append([f"{before['query']} to {before['found']}", str(before["n"]), *pairs, ranks])
    return _align(rows)


def comparison_table(results: Mapping[str, Any]) -> str:
    """Accuracy in % with 95 % intervals, models × tasks, the subsets and settings, and a verdict for each task."""
    tasks = list(results["tasks"])
    summary = {(r["model"], r["task"]): r for r in results["scores"] if r["seed"] is None}
    table = [["model", *tasks]]
    for model in results["models"]:
        table.append([model["model"], *(_cell(summary[model["model"], task]) for task in tasks)])
    data = results["data"]
    head = (
        f"Accuracy in % [95 % interval] on {data['n_test']} test products, mean of {len(results['seeds'])} seeds "
        f"(train {data['n_train']}, validation {data['n_val']})"
    )
    parts = [head, _align(table)]
    if results["settings"]:
        settings = {(r["setting"], r["task"]): r for r in results["settings"]}
        names = [name for name in ("neither", "multi-task", "multi-modal", "both") if (name, tasks[0]) in settings]
        rows = [["setting", *tasks], *([name, *(_cell(settings[name, task]) for task in tasks)] for name in names)]
        parts += ["\nOne input or all of them, one task a model or all tasks together", _align(rows)]
    parts += ["", *(verdict(results, task).sentence for task in tasks)]
    cost = results["cost"]
    parts.append(f"\n{cost['fits']} fits in {cost['seconds']} s on {cost['machine']}.")
    return "\n".join(parts)


def scores_table(scores: Mapping[str, Any]) -> str:
    """One line per task, and the labels that the bundle does not know."""
    rows = [["task", "n", "accuracy % [95 %]", "balanced %", "macro-F1 %", "ECE %"]]
    for row in scores["scores"]:
        others = [f"{100 * row[key]:.1f}" for key in ("balanced_accuracy", "macro_f1", "ece")]
        rows.append([row["task"], str(row["n"]), _cell(row), *others])
    lines = [_align(rows)]
    for task, labels in scores["unknown_labels"].items():
        if labels:
            lines.append(f"{task}: {len(labels)} labels unknown to the bundle counted as wrong: {', '.join(labels)}.")
    return "\n".join(lines)


def transfer_table(results: Mapping[str, Any]) -> str:
    """One line per regime and task: accuracy, what cross-validation promised, settings and cost."""
    head = ["regime", "task", "n", "accuracy % [95 %]", "cross-validated % ± s", "settings", "parameters", "fit s"]
    table = [head]
    for row in results["rows"]:
        promised = f"{100 * row['cv_accuracy']:.1f} ± {100 * row['cv_spread']:.1f}"
        cost = [f"{row['parameters']:,}", f"{row['seconds']:.1f}"]
        table.append([row["regime"], row["task"], str(row["n"]), _cell(row), promised, _settings(row["config"]), *cost])
    data = results["data"]
    return "\n".join(
        [
            f"Scored on the {data['split']} rows; settings chosen by {results['folds']}-fold cross-validation within "
            f"{data['n_train']} training rows in {data['groups']} groups of look-alikes; s is the spread over folds.",
            _align(table),
            *(f"{task}: {sentence}" for task, sentence in data["support"].items()),
            f"Peak memory {results['peak_memory_mib']} MiB on {results['machine']}.",
        ]
    )


def _settings(config: Mapping[str, Any]) -> str:
    parts = [f"dims {config['dims']}"] if config["feature_map"] in ("pca", "svd", "bottleneck") else []
    if config["classifier"] != "prototypes" or config["feature_map"] == "bottleneck":
        parts.append(f"penalty {config['penalty']:g}")
    return ", ".join(parts) or "none"


def curve_table(results: Mapping[str, Any]) -> str:
    """Per task, regimes × shots: mean accuracy in % with 95 % intervals."""
    parts = []
    for task in results["tasks"]:
        rows = [row for row in results["rows"] if row["task"] == task]
        shots, regimes = (list(dict.fromkeys(row[key] for row in rows)) for key in ("shots", "regime"))
        cells = {(row["regime"], row["shots"]): _cell(row) for row in rows}
        table = [["examples per class", *map(str, shots)]]
        table += [[regime, *(cells[regime, count] for count in shots)] for regime in regimes]
        parts.append(f"{task}, {rows[0]['n']} {results['data']['split']} rows, accuracy in % [95 %]\n{_align(table)}")
    notes = f"Intervals are over {results['draws']} draws; of 'all' there is one, so that interval is over the rows."
    return "\n\n".join([*parts, notes])
