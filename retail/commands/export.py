"""The command that takes a recogniser out of the product, for programs without PyTorch.

In: a bundle. Out: a folder, and how far its answers are from the product's.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from retail.commands.shared import EXAMPLES, Bundle, Trust, app, reported, say, trusted


@app.command(epilog=EXAMPLES["export"])
def export(
    bundle: Bundle,
    onnx: Annotated[Path, typer.Option(file_okay=False, help="The folder to write the graphs to.", metavar="OUT")],
    trust: Trust = False,
) -> None:
    """Write a recogniser as ONNX graphs with a runner that needs no PyTorch, and check that it answers the same."""
    with reported() as report:
        from retail.export import export_onnx
        from retail.recognizer import Recognizer

        trusted([bundle], trust)
        record = export_onnx(Recognizer.load(bundle), onnx, Path(bundle).name, report)
        report.close()
        say("Largest difference of a probability from the product, on products of the demo:")
        for mix, difference in record.parity.items():
            say(f"  {mix.replace('+', ' + ')}: {difference:.1e}")
        say(f"Saved {', '.join(record.tasks)} to {onnx}; try, in that folder: python -m retail_onnx . --text WORDS")
