"""The command that measures another runtime for the encoders: is it good enough on your data, and is it quicker?

In: a data set and the name of a runtime. Out: one line for each input; what passes may be chosen by RETAIL_RUNTIME.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from retail.commands.shared import EXAMPLES, Data, Encoders, Modalities, app, chosen_inputs, reported
from retail.config.runtime import ROUNDING, VARIABLE
from retail.schema import MediaSource, Modality, Product, UserError

if TYPE_CHECKING:
    from retail.inference.rounding import GateRecord

MOST_ITEMS = 300  # enough to tell 99 of 100, and measured in a minute


@app.command(epilog=EXAMPLES["runtime"])
def runtime(
    data: Data,
    name: Annotated[str, typer.Option("--runtime", help=f"What to measure: {', '.join(ROUNDING)}.")],
    encoders: Encoders = "bundled",
    modalities: Modalities = "",
) -> None:
    """Is a quicker runtime good enough on your data? Embeddings of a sample, beside those in float32."""
    with reported() as progress:
        if name not in ROUNDING:
            raise UserError(f"--runtime is {' or '.join(ROUNDING)}, not {name!r}.")
        from retail.dataset.reader import read_manifest
        from retail.encoders import load_preset
        from retail.encoders.gate import measured

        products = read_manifest(data).products
        for modality, encoder in load_preset(encoders, chosen_inputs(modalities)).items():
            sources = list(dict.fromkeys(source for product in products for source in _sources(product, modality)))
            step = max(1, len(sources) // MOST_ITEMS)
            items = [_decoded(source, modality) for source in sources[::step][:MOST_ITEMS]]
            progress.line(f"{modality}: {_sentence(measured(encoder, items, name))}")


def _sources(product: Product, modality: Modality) -> list[Any]:
    found: dict[Modality, list[Any]] = {
        "image": list(product.images),
        "text": [product.text],
        "audio": [product.audio],
    }
    return [source for source in found[modality] if source]


def _decoded(source: MediaSource | str, modality: Modality) -> Any:
    from retail.media import clean_text, picture_of, waveform_of

    if isinstance(source, str):
        return clean_text(source)
    return picture_of(source) if modality == "image" else waveform_of(source)


def _sentence(found: GateRecord) -> str:
    verdict = f"passed, so {VARIABLE}={found.runtime} may be set" if found.passed else "not good enough"
    return (
        f"{verdict}; smallest cosine {found.cosine:.4f}, same nearest neighbour {found.same_nearest:.1%} of "
        f"{found.items}; {found.milliseconds:.1f} ms each, {found.usual_milliseconds:.1f} in float32."
    )
