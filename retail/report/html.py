"""A comparison as one HTML file that opens anywhere, without a network and without scripts.

In: `Results`. Out: the page as a string: verdicts, charts, every table and a model card.
"""

from __future__ import annotations

from retail.comparison.results import Results
from retail.report.answers import three_answers
from retail.report.findings import findings
from retail.report.model_card import model_card
from retail.report.table_formats import exact, question_heading, question_shown
from retail.report.tables import all_tables
from retail.report.templates import template
from retail.report.verdict import verdict
from retail.wording import task_words


def html_report(results: Results) -> str:
    """The whole page; the template escapes everything that comes from the data."""
    # Here, because it takes half a second that no other command should wait for.
    from retail.report.figures import figures

    verdicts = [verdict(results, task) for task in results.tasks]
    scored = results.scored_tasks()
    answers = {own.task: three_answers(results, own.task, own.model) if own.task in scored else [] for own in verdicts}
    return template("retail.report", "report.html.jinja").render(
        title=f"Which inputs should you use? {results.data.name}",
        verdicts=verdicts,
        answers=answers,
        findings=findings(results),
        figures=figures(results),
        tables=all_tables(results),
        protocol=results.protocol,
        card=model_card(results),
        heading=question_heading,
        shown=question_shown,
        task_words=task_words,
        exact=exact,
    )
