"""The tables of fine-tuning, frozen features and learning curves, as text for the terminal.

In: the records that `finetune`, `frozen` and `curve` keep. Out: text.
"""

from __future__ import annotations

from retail.config import FrozenConfig
from retail.finetuning.record import FinetuningRecord, Retrieval
from retail.frozen.results import CurvePoint, CurveResults, FrozenResults, MethodScore
from retail.report.table_formats import Cell, Column, Estimate, Table, as_text


def _accuracy(row: MethodScore | CurvePoint) -> Estimate:
    return Estimate(row.accuracy, row.accuracy_low, row.accuracy_high)


def finetuning_table(info: FinetuningRecord) -> str:
    """What a fine-tuning run cost, how it fits its training rows, and what retrieval and the source gained or lost."""
    peak = info.finetuning_peak_mib
    memory = f", peak memory {peak:.0f} MiB" if peak else ""
    last = info.finetuning_history[-1]
    parts = [
        f"{info.trainable_parameters:,} of {info.parameters:,} parameters learned for "
        f"{info.finetuning_seconds / 60:.1f} minutes{memory}."
    ]
    for task, value in last.val_accuracy.items():
        train = last.train_accuracy.get(task)
        beside = "" if train is None else f" (augmented training rows {100 * train:.1f} %)"
        parts.append(f"{task}: validation accuracy {100 * value:.1f} %{beside}")
    for task, row in info.forgetting.tasks.items() if info.forgetting else ():
        parts.append(
            f"source task {task}: {100 * row.before:.1f} % before, {100 * row.after:.1f} % after on {row.n} "
            f"validation rows, change {100 * row.change:+.1f} [{100 * row.low:+.1f}, {100 * row.high:+.1f}]"
        )
    if info.retrieval:
        parts.append(as_text(_retrieval_table(info.retrieval)))
    return "\n".join(parts)


def _retrieval_table(retrieval: Retrieval) -> Table:
    rows: list[list[Cell]] = []
    for before, after in zip(retrieval.before, retrieval.after, strict=True):
        at_1 = f"{100 * before.recall_at_1:.1f} -> {100 * after.recall_at_1:.1f}"
        at_5 = f"{100 * before.recall_at_5:.1f} -> {100 * after.recall_at_5:.1f}"
        ranks = f"{before.median_rank:g} -> {after.median_rank:g}"
        rows.append([f"{before.query} to {before.found}", before.n, at_1, at_5, ranks])
    columns = [Column("retrieval"), Column("n"), Column("recall@1", "%"), Column("recall@5", "%")]
    return Table("retrieval", "", [*columns, Column("median rank")], rows)


def frozen_table(results: FrozenResults) -> str:
    """One line per method and task: accuracy, what cross-validation promised, settings and cost."""
    columns = [Column("method"), Column("task"), Column("n"), Column("accuracy", "%")]
    columns += [Column("cross-validated, % ± s"), Column("settings"), Column("parameters"), Column("fit s")]
    rows: list[list[Cell]] = [
        [
            row.method,
            row.task,
            row.n,
            _accuracy(row),
            f"{100 * row.cv_accuracy:.1f} ± {100 * row.cv_spread:.1f}",
            _settings(row.config),
            row.parameters,
            f"{row.seconds:.1f}",
        ]
        for row in results.rows
    ]
    data = results.data
    return "\n".join(
        [
            f"Scored on the {data.split} rows; settings chosen by {results.folds}-fold cross-validation within "
            f"{data.n_train} training rows in {data.groups} groups of look-alikes; s is the spread over folds.",
            as_text(Table("frozen", "", columns, rows)),
            *(f"{task}: {sentence}" for task, sentence in data.support.items()),
            f"Peak memory {results.peak_memory_mib} MiB on {results.machine}.",
        ]
    )


def _settings(config: FrozenConfig) -> str:
    parts = [f"dims {config.dims}"] if config.feature_map in ("pca", "svd", "bottleneck") else []
    if config.classifier != "prototypes" or config.feature_map == "bottleneck":
        parts.append(f"penalty {config.penalty:g}")
    return ", ".join(parts) or "none"


def curve_table(results: CurveResults) -> str:
    """Per task, methods × shots: mean accuracy in % with 95 % intervals."""
    parts = []
    for task in results.tasks:
        rows = results.of_task(task)
        shots, methods = dict.fromkeys(row.shots for row in rows), dict.fromkeys(row.method for row in rows)
        cells = {(row.method, row.shots): _accuracy(row) for row in rows}
        columns = [Column("examples per class"), *(Column(str(count), "%") for count in shots)]
        title = f"{task}, {rows[0].n} {results.data.split} rows, accuracy in % [95 %]"
        table: list[list[Cell]] = [[method, *(cells[method, count] for count in shots)] for method in methods]
        parts.append(as_text(Table("curve", title, columns, table)))
    notes = f"Intervals are over {results.draws} draws; of 'all' there is one, so that interval is over the rows."
    return "\n\n".join([*parts, notes])
