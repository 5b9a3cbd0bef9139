"""What the fusion doctor's measurements mean: one sentence a finding, and what to do about it.

In: the measurements of `doctor.examine`. Out: findings with task, kind, sentence and remedy.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from retail.comparison.doctor_rows import Complementarity, Concatenation, Finding, InputNorm, InputReading, Measurements
from retail.wording import INPUT_WORDS, percent

NORM_RATIO = 5.0  # lengths this far apart let one input drown another where nothing standardises them
LAG = 0.05  # points between an input's own model and the fused model given this input alone
UNREAD = 0.05  # points that a nearest class mean is ahead of a trained head
FOLLOWED, OVERRULED, LEAST_ROWS = 0.8, 0.6, 20
REDUNDANT = 0.02  # points between the best input and the ceiling of choosing among all
OPEN = 0.05  # points between the fused model and that ceiling


def prescriptions(found: Measurements) -> list[Finding]:
    """Findings of every kind; a kind without any is left out."""
    findings = _norms(found.norms, found.concatenation)
    for row in found.complementarity:
        inputs = [own for own in found.inputs if own.task == row.task]
        findings += _undertrained(inputs) + _dominating(inputs) + _telling_nothing(inputs) + _redundancy(row)
    return findings


def _finding(task: str, kind: str, sentence: str, remedy: str) -> Finding:
    return Finding(task=task, kind=kind, sentence=sentence, remedy=remedy)


def _points(row: Concatenation) -> str:
    return f"{100 * row.difference:+.1f} points [{100 * row.low:+.1f}, {100 * row.high:+.1f}]"


def _norms(norms: Sequence[InputNorm], heads: Sequence[Concatenation]) -> list[Finding]:
    by_length = sorted(norms, key=lambda row: row.length)
    short, long = by_length[0], by_length[-1]
    if long.length < NORM_RATIO * short.length:
        return []
    times = long.length / max(short.length, 1e-9)
    said = (
        f"Embeddings of the {INPUT_WORDS[long.input]} are {times:.0f} times as "
        f"long as those of the {INPUT_WORDS[short.input]} ({long.length:.3g} against {short.length:.3g})"
    )
    raw = {row.task: row for row in heads if row.head == "as they are"}
    scaled = {row.task: row for row in heads if row.head == "standardised"}
    # A loss that standardising does not fix has another cause.
    hurt = [task for task in raw if raw[task].high < 0 and scaled[task].gain_low > 0]
    if not hurt:
        return [_finding("", "norm mismatch", f"{said}; {_harmless(scaled)}.", _no_remedy(bool(heads)))]
    findings = []
    for task in hurt:
        row = raw[task]
        sentence = (
            f"{said}: side by side as they are, they take a plain linear head to {percent(row.accuracy)} for {task}, "
            f"the {INPUT_WORDS[row.best]} alone to {percent(row.best_accuracy)} ({_points(row)}, n = {row.n:,})."
        )
        remedy = (
            f"Standardise every feature, as the heads of this project do: the same head then reaches "
            f"{percent(scaled[task].accuracy)} ({_points(scaled[task])} against that input alone)."
        )
        findings.append(_finding(task, "norm mismatch", sentence, remedy))
    return findings


def _harmless(scaled: Mapping[str, Concatenation]) -> str:
    if not scaled:
        return "plain concatenation may suffer from it"
    costly = [row for row in scaled.values() if row.gain_low > 0]
    if not costly:
        return "plain concatenation does not suffer from it here"
    worst = max(costly, key=lambda row: row.gain)
    return (
        f"side by side as they are, a plain linear head is {100 * worst.gain:.1f} points behind the same head on "
        f"standardised features for {worst.task}, yet not behind a single input"
    )


def _no_remedy(measured: bool) -> str:
    said = "None needed: the heads of this project standardise every feature."
    return said if measured else f"{said} The command 'doctor' measures what it would cost elsewhere."


def _undertrained(inputs: Sequence[InputReading]) -> list[Finding]:
    findings = []
    for row in inputs:
        word, task = INPUT_WORDS[row.input], row.task
        if row.lag >= LAG and row.lag_low > 0:
            sentence = (
                f"Under-trained in the fusion: given the {word} alone the fused model reaches {percent(row.within)} "
                f"for {task}, a model of its own {percent(row.accuracy)} (n = {row.n:,})."
            )
            remedy = (
                "Hide the other inputs more often in training (modality dropout), or fuse decisions (averaged, learned "
                "weights), where each input learns by itself."
            )
            findings.append(_finding(task, "under-trained input", sentence, remedy))
        if row.unread >= UNREAD and row.unread_low > 0:
            sentence = (
                f"The {word} knows more about {task} than its head has learned: the nearest class mean reaches "
                f"{percent(row.prototypes)}, the trained head {percent(row.accuracy)} (n = {row.n:,})."
            )
            remedy = "Train with a grid of settings (--tune), weight rare classes (--class-balance), or add rows."
            findings.append(_finding(task, "under-trained input", sentence, remedy))
    return findings


def _dominating(inputs: Sequence[InputReading]) -> list[Finding]:
    findings = []
    for row in inputs:
        enough = row.disputed >= LEAST_ROWS and row.overrulable >= LEAST_ROWS
        if enough and row.followed >= FOLLOWED and row.overruled >= OVERRULED:
            word = INPUT_WORDS[row.input]
            sentence = (
                f"The {word} dominates {row.task}: where inputs disagree the fused answer is the {word}'s for "
                f"{percent(row.followed)} of {row.disputed} products, and where it is wrong but another input "
                f"alone is right, its error wins for {percent(row.overruled)} of {row.overrulable}."
            )
            remedy = (
                "Raise modality dropout so that the others learn too, or let the model weigh inputs product by product "
                "(gated, attention)."
            )
            findings.append(_finding(row.task, "dominating input", sentence, remedy))
    return findings


def _telling_nothing(inputs: Sequence[InputReading]) -> list[Finding]:
    """Inputs whose accuracy is no better than the most common class even at the upper end of its interval."""
    return [
        _finding(
            row.task,
            "input without information",
            f"The {INPUT_WORDS[row.input]} alone names {row.task} no better than always saying the most common "
            f"class: {percent(row.accuracy)} against {percent(row.commonest)} (n = {row.n:,}).",
            # Where one class is most of the rows, an input may know of the others and never say so.
            "Try another encoder for it, or weight rare classes (--class-balance); if neither helps, leave it out for "
            "this task.",
        )
        for row in inputs
        if max(row.accuracy_high, row.prototypes) <= row.commonest + UNREAD
    ]


def _redundancy(row: Complementarity) -> list[Finding]:
    task, word = row.task, INPUT_WORDS[row.best]
    ceiling = (
        f"at least one input alone is right for {percent(row.oracle)} of the products, "
        f"{percent(row.oracle_by_luck)} by chance, "
        f"the best ({word}) for {percent(row.best_accuracy)} (n = {row.n:,})"
    )
    gains = row.fusion - row.best_accuracy >= REDUNDANT
    if not gains and (row.oracle - row.best_accuracy < REDUNDANT or row.oracle <= row.oracle_by_luck):
        sentence = f"The inputs are redundant for {task}: {ceiling}."
        remedy = (
            f"The {word} may be enough: fusion has nothing to add here unless it combines what no input shows alone."
        )
        return [_finding(task, "redundant inputs", sentence, remedy)]
    if row.oracle - row.oracle_by_luck >= OPEN and row.oracle - row.fusion >= OPEN:
        sentence = (
            f"The inputs complement each other for {task} more than the fused model uses: {ceiling}; exactly one "
            f"is right for {percent(row.exactly_one)}, and {row.model} reaches {percent(row.fusion)}."
        )
        remedy = (
            "Choose among all strategies (compare --strategies all --tune); what stays open needs more training "
            "products on which the inputs disagree."
        )
        return [_finding(task, "complementary inputs left unused", sentence, remedy)]
    return []
