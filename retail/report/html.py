"""A comparison as one HTML file that opens anywhere, without a network and without scripts.

In: a results dictionary. Out: the page as a string: verdicts, charts, every table and a model card.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from retail.report.findings import findings
from retail.report.model_card import model_card
from retail.report.table_formats import heading, shown
from retail.report.tables import all_tables
from retail.report.verdict import verdict


def html_report(results: Mapping[str, Any]) -> str:
    """The whole page; the template escapes everything that comes from the data."""
    # Here, because they take half a second that no other command should wait for.
    from jinja2 import Environment, PackageLoader, StrictUndefined

    from retail.report.figures import figures

    templates = Environment(
        loader=PackageLoader("retail.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return templates.get_template("report.html.jinja").render(
        title=f"Is fusion worth it? {results['data']['name']}",
        verdicts=[verdict(results, task) for task in results["tasks"]],
        findings=findings(results),
        figures=figures(results),
        tables=all_tables(results),
        protocol=results.get("protocol", []),
        card=model_card(results),
        heading=heading,
        shown=shown,
    )
