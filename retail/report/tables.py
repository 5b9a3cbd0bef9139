"""Every table of a results file, and the whole of it as text for the terminal.

In: the `Results` of a comparison, and the scores of `evaluate`. Out: `Table`s in reading order; one without rows is
left out.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from retail.comparison.doctor_rows import Diagnosis
from retail.comparison.result_rows import Accuracy, Setting
from retail.comparison.results import Results
from retail.config.wish import DEFAULT_WISH
from retail.escaping import in_line
from retail.evaluation.reports import Scores, SubsetCertainty
from retail.report.answers import three_answers
from retail.report.findings import findings
from retail.report.table_formats import Cell, Column, Estimate, Table, as_text
from retail.report.verdict import verdict
from retail.wording import INPUT_WORDS, inputs_words, seeds_words, target, task_words

Rows = list[list[Cell]]
BEST_VALUE = (
    "Best value: no other mix of inputs is as accurate in as little time. Only time counts, because every product "
    "takes it again; the encoders are loaded once."
)
SETTINGS: tuple[Setting, ...] = ("neither", "multi-task", "multi-modal", "both")


def _accuracy(row: Accuracy) -> Estimate:
    return Estimate(row.accuracy, row.accuracy_low, row.accuracy_high)


def accuracy_table(results: Results) -> Table:
    """Models × tasks."""
    summary = {(r.model, r.task): _accuracy(r) for r in results.scores if r.seed is None}
    rows: Rows = [[m.model, *(summary[m.model, task] for task in results.tasks)] for m in results.models]
    data = results.data
    title = (
        f"Accuracy in % [95 % interval] on {data.n_test:,} test products, {seeds_words(len(results.seeds))} "
        f"(train {data.n_train:,}, validation {data.n_val:,})"
    )
    return Table("accuracy", title, [Column("model"), *(Column(task, "%") for task in results.tasks)], rows)


def settings_table(results: Results) -> Table:
    """The four settings × tasks."""
    cells = {(r.setting, r.task): _accuracy(r) for r in results.settings}
    names = [name for name in SETTINGS if any(setting == name for setting, _ in cells)]
    rows: Rows = [[name, *(cells.get((name, task)) for task in results.tasks)] for name in names]
    title = "One input or all of them, one model per question or one for all questions"
    return Table("settings", title, [Column("setting"), *(Column(task, "%") for task in results.tasks)], rows)


def differences_table(results: Results) -> Table:
    """Each fusion minus the best single input."""
    rows: Rows = [
        [
            row.task,
            row.model,
            INPUT_WORDS[row.baseline],
            Estimate(row.difference, row.low, row.high),
            row.wins,
            row.losses,
            row.p_value,
            row.p_holm,
            row.cohens_h,
            row.n,
        ]
        for row in results.differences
    ]
    units = {"difference": "points", "p": "p", "p (Holm)": "p", "Cohen's h": "number"}
    names = "task,fusion,against,difference,wins,losses,p,p (Holm),Cohen's h,n".split(",")
    columns = [Column(name, units.get(name, "")) for name in names]  # type: ignore[arg-type]
    note = "Wins and losses are test products (or groups) on which one was right more often; p is McNemar's exact test."
    return Table("differences", "Fusion minus the best single input on the same rows", columns, rows, note)


def dedicated_table(results: Results) -> Table:
    """The one model beside the dedicated models on each subset."""
    rows: Rows = [
        [
            row.task,
            inputs_words(row.modalities),
            row.model,
            _accuracy(row),
            row.dedicated,
            Estimate(row.loss, row.loss_low, row.loss_high),
            row.n,
        ]
        for row in results.dedicated
    ]
    units = {"one model": "%", "dedicated": "%", "loss": "points"}
    names = ("task", "given", "fusion", "one model", "dedicated", "loss", "n")
    columns = [Column(name, units.get(name, "")) for name in names]  # type: ignore[arg-type]
    return Table("dedicated", "One model for every subset, beside models trained for one subset only", columns, rows)


def calibration_table(results: Results) -> Table:
    """Before and after the temperature."""
    rows: Rows = [
        [row.task, row.model, row.temperature, row.ece_before, row.ece_after, row.brier_before, row.brier_after, row.n]
        for row in results.calibration
    ]
    columns = [Column("task"), Column("model"), Column("temperature", "number")]
    columns += [Column("ECE before", "%"), Column("ECE after", "%")]
    columns += [Column("Brier before", "number"), Column("Brier after", "number"), Column("n")]
    return Table("calibration", "Calibration before and after the temperature fitted on validation", columns, rows)


def reliability_table(results: Results) -> Table:
    """Every bin with its count, after the temperature."""
    rows: Rows = [
        [row.task, bin_.low, bin_.high, bin_.n, bin_.confidence, bin_.accuracy]
        for row in results.calibration
        for bin_ in row.reliability_after
    ]
    columns = [Column("task"), Column("from", "%"), Column("to", "%"), Column("n"), Column("confidence", "%")]
    return Table("reliability", "Reliability by bin", [*columns, Column("accuracy", "%")], rows, printed=False)


def thresholds_table(results: Results) -> Table:
    """How sure an answer must be for a target accuracy."""
    rows: Rows = [
        [row.task, wish.wished, wish.threshold, wish.coverage, wish.accuracy, wish.needed]
        for row in results.calibration
        for wish in row.thresholds
    ]
    names = ("target accuracy", "answer when at least", "answered on test", "accuracy of these")
    title = "The threshold for a target accuracy, promised by validation with 95 % confidence"
    columns = [Column("task"), *(Column(name, "%") for name in names), Column("validation products needed")]
    return Table("thresholds", title, columns, rows)


def subset_certainty_table(rows: Sequence[SubsetCertainty]) -> Table:
    """As sure as right with every subset of the inputs."""
    cells: Rows = []
    for row in rows:
        wish = row.promise(DEFAULT_WISH)
        cells.append(
            [
                row.task,
                inputs_words(row.modalities),
                Estimate(row.accuracy, row.accuracy_low, row.accuracy_high),
                row.ece_before,
                row.ece,
                row.ece_by_chance,
                *((wish.coverage, wish.accuracy, wish.needed) if wish else (None, None, None)),
                row.set_coverage,
                row.set_size,
                row.rises,
                row.unknown,
                row.n,
            ]
        )
    names = ("accuracy", "ECE before", "ECE after", "by chance", "accepted", "right of these")
    columns = [Column("task"), Column("given"), *(Column(name, "%") for name in names), Column("rows needed")]
    columns += [Column("in the set", "%"), Column("set size", "number"), Column("surer with less", "%")]
    columns += [Column("called unknown", "%"), Column("n")]
    note = (
        f"Accepted: sure enough to be right {target(DEFAULT_WISH)} of the time. Rows needed: of validation, to "
        "promise it where it cannot. By chance: what a perfectly calibrated model stays below 19 times in 20. Surer "
        "with less: products whose confidence rises without an input. Called unknown: products of known classes, "
        "wrongly."
    )
    return Table("subset_certainty", "As sure as right, with each mix of the inputs", columns, cells, note)


def coverage_table(results: Results) -> Table:
    """Accuracy of the most confident answers."""
    rows: Rows = [
        [row.task, point.coverage, point.threshold, point.accuracy]
        for row in results.calibration
        for point in row.coverage
    ]
    columns = [Column("task"), Column("answered", "%"), Column("least confidence", "%"), Column("accuracy", "%")]
    return Table("coverage", "Accuracy when only the most confident are answered", columns, rows, printed=False)


def conformal_table(results: Results) -> Table:
    """Promised and found coverage of the prediction sets."""
    rows: Rows = [[row.task, row.promised, row.coverage, row.size, row.single, row.n] for row in results.conformal]
    columns = [Column("task"), Column("promised", "%"), Column("right answer inside", "%")]
    columns += [Column("mean size", "number"), Column("sets of one", "%"), Column("n")]
    note = "The promise holds for rows like those of validation, which early stopping and the temperature also used."
    return Table("conformal", "Prediction sets (split conformal)", columns, rows, note)


def attribution_table(results: Results) -> Table:
    """Per class what each input adds to the right answer."""
    rows: Rows = [
        [row.task, row.label, row.n, *(row.parts.get(modality) for modality in INPUT_WORDS)]
        for row in results.attribution
    ]
    columns = [Column("task"), Column("class"), Column("n"), *(Column(w, "points") for w in INPUT_WORDS.values())]
    title = "What each input adds to the probability of the right class (exact Shapley values)"
    return Table("attribution", title, columns, rows, printed=False)


def costs_table(results: Results) -> Table:
    """Accuracy against time and memory."""
    rows: Rows = [
        [
            row.task,
            inputs_words(row.modalities),
            row.accuracy,
            row.seconds,
            row.mebibytes,
            "yes" if row.worth_it else "no",
        ]
        for row in results.costs
    ]
    columns = [Column("task"), Column("given"), Column("accuracy", "%"), Column("encoding", "ms")]
    columns += [Column("weights", "MiB"), Column("best value")]
    return Table("costs", "What each input costs, one product at a time", columns, rows, BEST_VALUE)


def cascade_table(results: Results) -> Table:
    """From never asking to always."""
    rows: Rows = [
        [row.task, inputs_words(row.then), row.share, row.asked, row.threshold, row.accuracy, row.kept]
        for row in results.cascade
    ]
    names = ("target share", "asked on test", "ask below", "accuracy", "share of always asking")
    columns = [Column("task"), Column("then"), *(Column(name, "%") for name in names)]
    return Table("cascade", "One input first, more only when unsure", columns, rows, printed=False)


def hierarchy_table(results: Results) -> Table:
    """Separate answers beside consistent ones."""
    rows: Rows = [
        [
            row.child,
            parent.task,
            row.contradictions,
            row.answered,
            row.error,
            parent.separate_accuracy,
            parent.consistent_accuracy,
            parent.accuracy_when_open,
        ]
        for row in results.hierarchy
        for parent in row.parents
    ]
    names = ("contradictions", "child answered", "child error", "parent alone", "parent consistent", "parent when open")
    columns = [Column("child"), Column("parent"), *(Column(name, "%") for name in names)]
    return Table("hierarchy", "Questions within questions, answered together", columns, rows)


def doctor_table(found: Diagnosis | None) -> Table:
    """What the fusion doctor measured of each input; its findings are sentences."""
    lengths = {row.input: row.length for row in found.norms} if found else {}
    rows: Rows = [
        [
            row.task,
            INPUT_WORDS[row.input],
            lengths[row.input],
            _accuracy(row),
            row.within,
            row.prototypes,
            row.only_right,
            row.followed,
            row.overruled,
            row.n,
        ]
        for row in (found.inputs if found else ())
    ]
    names = ("alone", "alone in the fusion", "class means", "only it is right", "followed", "its error wins")
    columns = [Column("task"), Column("input"), Column("length", "number"), *(Column(name, "%") for name in names)]
    note = "Followed: of the answers where inputs disagree. Its error wins: where it is wrong and another input right."
    return Table(
        "doctor", "What each input knows, and what the fused model makes of it", [*columns, Column("n")], rows, note
    )


TABLES: tuple[Callable[[Results], Table], ...] = (
    accuracy_table,
    differences_table,
    settings_table,
    dedicated_table,
    calibration_table,
    thresholds_table,
    reliability_table,
    coverage_table,
    conformal_table,
    lambda results: subset_certainty_table(results.subset_certainty),
    attribution_table,
    costs_table,
    cascade_table,
    hierarchy_table,
    lambda results: doctor_table(results.doctor),
)


def all_tables(results: Results) -> list[Table]:
    """Those that have rows."""
    return [table for make in TABLES if (table := make(results)).rows]


def comparison_table(results: Results) -> str:
    """The verdicts first, then what else was found, then every table that fits a terminal."""
    cost = results.cost
    parts = [
        "\n".join(in_line(verdict(results, task).sentence) for task in results.tasks),
        "\n".join(map(in_line, _answers(results))),
        "\n".join(map(in_line, findings(results))),
        *(as_text(table) for table in all_tables(results) if table.printed),
        "\n".join(map(in_line, results.protocol)),
        f"{cost.fits} fits in {cost.seconds} s on {cost.machine}.",
    ]
    return "\n\n".join(filter(None, parts))


def _answers(results: Results) -> list[str]:
    return [
        f"{task_words(task)}: {answer.question} {answer.said}. {answer.rests_on}"
        for task in results.scored_tasks()
        for answer in three_answers(results, task, verdict(results, task).model)
    ]


def scores_table(scores: Scores) -> str:
    """One line per task, and the labels that the bundle does not know."""
    columns = [Column("task"), Column("n"), Column("accuracy", "%"), Column("balanced", "%"), Column("macro-F1", "%")]
    rows: list[list[Cell]] = [
        [
            row.task,
            row.n,
            Estimate(row.accuracy, row.accuracy_low, row.accuracy_high),
            row.balanced_accuracy,
            row.macro_f1,
            row.ece,
        ]
        for row in scores.scores
    ]
    lines = [as_text(Table("scores", "", [*columns, Column("ECE", "%")], rows))]
    if scores.subset_certainty:
        lines.append(as_text(subset_certainty_table(scores.subset_certainty)))
    for task, labels in scores.unknown_labels.items():
        if labels:
            lines.append(f"{task}: {len(labels)} labels unknown to the bundle counted as wrong: {', '.join(labels)}.")
    return "\n".join(lines)
