"""What the home folder takes on the disk, part by part.

In: the home folder. Out: `Use`s, the largest first. Links into other places count as nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

from retail.files import home
from retail.workspace.health.finding import size_of

# Folder or file -> what people call it, and what it is.
PARTS = {
    "embeddings": ("Embeddings", "made again when needed"),
    "runs": ("Runs", "results, recognisers, logs; each is deleted on Runs"),
    "datasets": ("Data sets", "what was uploaded on Data; deleted there"),
    "uploads": ("Uploads", "many products, uploaded on Recognise; they go with their run"),
    "unpacked": ("Unpacked ZIPs", "unpacked again when needed"),
    "fetched": ("Fetched photos and sounds", "from web addresses in tables"),
    "remote": ("Copies of remote tables", "copied again when needed"),
    "graphs": ("Graphs of encoders", "made again when needed"),
    "encoders": ("Fine-tuned encoders", "recognisers need them"),
    "catalogues": ("Catalogues", "products with photos and sounds; deleted on Catalogue"),
    "corrections": ("Corrections", "what was said about answers, with the examples"),
    "bundles": ("Imported recognisers", "from Runs"),
    "scores": ("Scores of recognisers", "made again when needed"),
}
OTHERS = ("Everything else", "small records")


@dataclass(frozen=True)
class Use:
    """One part of the home."""

    name: str
    meaning: str
    size: int  # bytes


def usage() -> list[Use]:
    """The parts that take anything, the largest first."""
    top = home()
    inner = list(top.iterdir()) if top.is_dir() else []
    found = [Use(*PARTS[path.name], size_of([path])) for path in inner if path.name in PARTS]
    found.append(Use(*OTHERS, size_of(path for path in inner if path.name not in PARTS)))
    return sorted((use for use in found if use.size), key=lambda use: -use.size)
