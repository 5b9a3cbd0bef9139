"""A recogniser for other people's programs: ONNX graphs, one JSON, and a runner without PyTorch.

In: a `Recognizer`. Out: a folder, whole and checked against the product, or a UserError.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from retail.export.record import FILE, ExportRecord, HeadFacts
from retail.files import STANDALONE, whole_folder
from retail.recognizer import Recognizer
from retail.schema import Progress, UserError

RUNNER = "retail_onnx"  # what the standalone package is called there


def export_onnx(
    recognizer: Recognizer, folder: Path, title: str = "", progress: Progress | None = None
) -> ExportRecord:
    """Writes graphs, tokenizer, JSON and the runner; raises UserError where something has no graph, or differs."""
    if folder.exists() and not (folder / FILE).is_file() and (not folder.is_dir() or any(folder.iterdir())):
        raise UserError(f"{folder} holds something else than an export; name a new folder.")
    from retail.export import facts, parity
    from retail.export.graphs import write_head_graph

    steps, certainty = len(recognizer.modalities) + 2, recognizer.certainty
    with whole_folder(folder) as partial:
        inputs = {}
        for place, modality in enumerate(recognizer.modalities):
            inputs[modality] = facts.write_encoder(recognizer.encoders[modality], partial)
            _tell(progress, place + 1, steps)
        outputs = write_head_graph(recognizer.head, certainty.novelty, partial / "head.onnx")
        record = ExportRecord(
            title=title,
            inputs=inputs,
            head=HeadFacts(graph="head.onnx", outputs=outputs),
            tasks={task: vocabulary.classes for task, vocabulary in recognizer.vocabularies.items()},
            calibration={task: facts.calibration_facts(certainty, task, inputs) for task in recognizer.vocabularies},
            wishes=facts.wishes(),
            thresholds={task: facts.thresholds(certainty, task) for task in recognizer.vocabularies},
            sets={task: facts.set_facts(certainty, task) for task in recognizer.vocabularies},
            unknown={facts.mix(subset): limit for subset, limit in certainty.novelty.thresholds.items()}
            if certainty.novelty
            else {},
        )
        record.write(partial / FILE)
        _tell(progress, steps - 1, steps)
        record = record.model_copy(update={"parity": parity.measured(recognizer, partial)})
        record.write(partial / FILE)
        shutil.copytree(STANDALONE, partial / RUNNER, ignore=shutil.ignore_patterns("__pycache__"))
        _tell(progress, steps, steps)
    return record


def _tell(progress: Progress | None, done: int, total: int) -> None:
    if progress:
        progress("Exporting", done, total)
