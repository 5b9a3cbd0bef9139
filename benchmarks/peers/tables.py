"""The tables of `peers.md` from what was measured.

In: FOLDER/work.json and FOLDER/PEER-MODE.json. Out: Markdown, a column for each peer and mode.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.metrics import roc_auc_score

from benchmarks.peers.measure import TASK
from retail.metrics.scores import bootstrap_interval

Found = dict[str, Any]


def tables(folder: Path) -> str:
    """Accuracy and cost, then what came of odd products."""
    peers = [json.loads(path.read_text(encoding="utf-8")) for path in sorted(folder.glob("*-*.json"))]
    rows = json.loads((folder / "work.json").read_text(encoding="utf-8"))["rows"]
    truth = [row[TASK] for row in rows["test"]]
    figures: dict[str, Callable[[Found], str]] = {
        f"accuracy, % (n = {len(truth)})": lambda own: accuracy(own["ask"]["test"], truth),
        "the same rows without photo": lambda own: accuracy(own["ask"]["no photo, all"], truth),
        "the same rows without words": lambda own: accuracy(own["ask"]["no words, all"], truth),
        "training, s": lambda own: f"{own['train']['seconds']:.0f}",
        "training, MiB": lambda own: f"{own['train']['mib']:,.0f}",
        "start to first answer, s": lambda own: f"{own['ask']['to_first_answer_seconds']:.1f}",
        "one product, p50 / p99, ms": lambda own: milliseconds(own["ask"]["single_seconds"]),
        "products a second, all at once": lambda own: f"{len(truth) / own['ask']['batch_seconds'][0]:.1f}",
        "answering, MiB": lambda own: f"{own['ask']['mib']:,.0f}",
        "installed beside PyTorch, MB": lambda own: f"{own['installed']['mb']['beside']:,}",
        "PyTorch and its GPU libraries, MB": lambda own: f"{own['installed']['mb']['core']:,}",
        "strangers told from test rows, AUROC": lambda own: told_apart(own["ask"]),
        "called unknown: strangers, test rows, %": lambda own: called_unknown(own["ask"]),
        "load of the machine": lambda own: f"{own['train']['load']:.1f}, {own['ask']['load']:.1f}",
    }
    for name in peers[0]["ask"]["odd"] if peers else ():
        figures[name] = lambda own, name=name: odd(own["ask"]["odd"][name], truth[0])
    columns = [", ".join((own["peer"], own["mode"])) for own in peers]
    lines = [f"| | {' | '.join(columns)} |", "|---" * (len(peers) + 1) + "|"]
    lines += [f"| {title} | {' | '.join(map(figure, peers))} |" for title, figure in figures.items()]
    return "\n".join(lines)


def accuracy(answers: Any, truth: list[str]) -> str:
    """With its interval, or what was raised."""
    if isinstance(answers, dict):
        return raised(answers)
    right = np.array([own["label"] == label for own, label in zip(answers, truth, strict=True)], dtype=float)
    low, high = bootstrap_interval(right)
    return f"{100 * right.mean():.1f} [{100 * low:.1f}, {100 * high:.1f}]"


def raised(answer: Found) -> str:
    """The type and the beginning of the message."""
    return f"{answer['raised']}: {answer['message'][:80]}"


def milliseconds(pairs: list[tuple[float, float]]) -> str:
    """Of the processor."""
    return " / ".join(f"{1000 * value:.0f}" for value in np.percentile([used for used, _ in pairs], (50, 99)))


def told_apart(ask: Found) -> str:
    """How well the highest probability alone tells products that nobody taught from the test rows."""
    if isinstance(ask["strangers"], dict):
        return raised(ask["strangers"])
    sure = [own["probability"] for own in (*ask["test"], *ask["strangers"])]
    return f"{roc_auc_score([1] * len(ask['test']) + [0] * len(ask['strangers']), sure):.3f}"


def called_unknown(ask: Found) -> str:
    """Where there is such an answer."""
    if isinstance(ask["strangers"], dict) or ask["test"][0]["unknown"] is None:
        return "–"
    return ", ".join(f"{100 * np.mean([own['unknown'] for own in ask[part]]):.1f}" for part in ("strangers", "test"))


def odd(answer: Found, right: str) -> str:
    """Right or wrong and how sure, with what was said; or what was raised."""
    if "raised" in answer:
        return raised(answer)
    verdict = "right" if answer["label"] == right else "wrong"
    said = f"; says: {answer['said'][0]}" if answer["said"] else "; says nothing"
    return f"{verdict}, {100 * answer['probability']:.0f} %{said}"
