"""A comparison as one HTML file that opens anywhere, without a network and without scripts.

In: `Results`. Out: the page as a string: verdicts, charts, every table and a model card.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from html import escape

from retail.comparison.chosen_rows import Calibration, Cascade
from retail.comparison.results import Results
from retail.report import svg
from retail.report.findings import findings
from retail.report.table_formats import as_html
from retail.report.tables import all_tables
from retail.report.verdict import verdict
from retail.wording import inputs_words

STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 62rem; margin: 2rem auto; padding: 0 1rem; color: #14181f; }
table { border-collapse: collapse; margin: 1.5rem 0; font-size: .9rem; display: block; overflow-x: auto; }
caption { text-align: left; font-weight: 600; padding-bottom: .4rem; }
th, td { padding: .25rem .7rem; border-bottom: 1px solid #d5d9df; text-align: left; }
td.number { font-variant-numeric: tabular-nums; white-space: nowrap; }
.verdict { padding: .6rem 1rem; border-left: 5px solid #6b7280; background: #f3f4f6; }
.verdict.yes { border-color: #2e7d4f; } .verdict.no { border-color: #b23a48; }
.charts { display: flex; flex-wrap: wrap; gap: 1.5rem; } svg { max-width: 100%; } svg text { font-size: 12px; }
dt { font-weight: 600; } dd { margin: 0 0 .6rem; }
@media (prefers-color-scheme: dark) {
  body { background: #14181f; color: #e8eaee; } .verdict { background: #222833; }
  th, td { border-color: #3a4250; } svg text { fill: #e8eaee; }
}
"""


def html_report(results: Results) -> str:
    """The whole page; everything that comes from the data is escaped."""
    title = f"Is fusion worth it? {results.data.name}"
    parts = [
        f"<h1>{escape(title)}</h1>",
        *(_verdict(results, task) for task in results.tasks),
        _list("What else was found", findings(results)),
        "<h2>Charts</h2>",
        *(_charts(results, task) for task in results.scored_tasks()),
        "<h2>Tables</h2>",
        *(as_html(table) for table in all_tables(results)),
        _list("How the comparison was run", results.protocol),
        _model_card(results),
    ]
    # The policy makes the promise binding: a browser that opens this page may fetch nothing.
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">"
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{STYLE}</style></head><body>{''.join(parts)}</body></html>\n"
    )


def _verdict(results: Results, task: str) -> str:
    answer = verdict(results, task)
    return f'<p class="verdict {answer.kind}">{escape(answer.sentence)}</p>'


def _list(title: str, sentences: Sequence[str]) -> str:
    items = "".join(f"<li>{escape(sentence)}</li>" for sentence in sentences)
    return f"<h2>{escape(title)}</h2><ul>{items}</ul>" if items else ""


def _charts(results: Results, task: str) -> str:
    drawn = [_accuracy_chart(results, task)]
    calibration = next((row for row in results.calibration if row.task == task), None)
    if calibration:
        drawn += [_reliability_chart(calibration), _coverage_chart(calibration)]
    if cascade := [row for row in results.cascade if row.task == task]:
        drawn.append(_cascade_chart(cascade, task))
    return f'<h3>{escape(task)}</h3><div class="charts">{"".join(drawn)}</div>'


def _accuracy_chart(results: Results, task: str) -> str:
    rows = sorted(results.mean_scores(task).values(), key=lambda row: -row.accuracy)
    points = [
        (results.titles[row.model], row.accuracy, row.accuracy_low, row.accuracy_high, row.kind == "fusion")
        for row in rows
    ]
    return svg.intervals(points, f"Accuracy with 95 % intervals for {task}")


def _reliability_chart(row: Calibration) -> str:
    series: dict[str, Sequence[svg.Point]] = {
        f"{when} the temperature": [
            (bin_.confidence, bin_.accuracy)
            for bin_ in bins
            if bin_.confidence is not None and bin_.accuracy is not None
        ]
        for when, bins in (("before", row.reliability_before), ("after", row.reliability_after))
    }
    series["perfectly calibrated"] = [(0.0, 0.0), (1.0, 1.0)]
    return svg.curves(series, "confidence", "accuracy", f"Reliability for {row.task}")


def _coverage_chart(row: Calibration) -> str:
    points = [(point.coverage, point.accuracy) for point in row.coverage]
    return svg.curves({"most confident first": points}, "answered", "accuracy", f"Coverage for {row.task}")


def _cascade_chart(rows: Sequence[Cascade], task: str) -> str:
    series: dict[str, list[svg.Point]] = {}
    for row in rows:
        series.setdefault(inputs_words(row.then), []).append((row.asked, row.accuracy))
    return svg.curves(series, "asked for more", "accuracy", f"Cascade for {task}")


def _model_card(results: Results) -> str:
    """What was trained on what, for whom, and where it ends (after Mitchell et al., Model Cards, 2019)."""
    data, config, cost = results.data, results.config.to_dict(), results.cost
    chosen = {task: names.model for task, names in results.selected.items()}
    models = {model.model: model for model in results.models}
    used = [models[name] for name in dict.fromkeys(chosen.values())]
    facts = {
        "Models chosen": "; ".join(f"{task}: {models[name].title}" for task, name in chosen.items()),
        "What they do": " ".join(f"{model.title}: {model.summary}" for model in used),
        "Source": " ".join(filter(None, (_without_links(model.source) for model in used))),
        "Intended use": "Naming products of the classes below from photo, description and sound, or any mix of them.",
        "Classes": "; ".join(f"{task}: {len(classes)}" for task, classes in results.tasks.items()),
        "Data": f"{data.name}, SHA-256 {data.checksum}: {data.n_train:,} training, {data.n_val:,} "
        f"validation and {data.n_test:,} test products.",
        "Encoders": "; ".join(f"{m}: {e.name} ({e.fingerprint})" for m, e in results.encoders.items()),
        "Settings": ", ".join(f"{name} = {value}" for name, value in config.items()),
        "Seeds": ", ".join(map(str, results.seeds)),
        "Made": f"{results.created}, {cost.seconds} s on {cost.machine}.",
        "Limits": "The figures hold for products and recordings like those of the test rows. A class that was not "
        "in training is never answered correctly, and few test rows make wide intervals: read "
        "the intervals, not just the means.",
    }
    items = "".join(f"<dt>{escape(name)}</dt><dd>{escape(str(fact))}</dd>" for name, fact in facts.items() if fact)
    return f'<section id="model-card"><h2>Model card</h2><dl>{items}</dl></section>'


def _without_links(source: str) -> str:
    return re.sub(r"[,(]?\s*https?://\S+", "", source)
