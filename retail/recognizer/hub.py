"""Recognisers on the model hub: a bundle with its card as a repository of its own.

In: a `Recognizer` and ORG/NAME, or ORG/NAME alone. Out: an address, or the folder of a bundle; a hub that is out of
reach, or refuses, is one sentence.

Plain uploads and downloads, not the hub's `ModelHubMixin`: a bundle is a whole folder with checksums, not a config and
one file of weights, and only the files that a bundle may hold are to come down.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from retail import __version__
from retail.encoders.weights import is_connection, split_source
from retail.escaping import in_file_name
from retail.recognizer import Recognizer
from retail.recognizer.bundle import HELD, BundleRecord, read_record, save_bundle
from retail.recognizer.card import card_text, pipeline
from retail.recognizer.origins import origin_of
from retail.recognizer.scored import Judged
from retail.recognizer.trust import HERE
from retail.schema import UserError
from retail.wording import inputs_words, task_words

if TYPE_CHECKING:
    from huggingface_hub import EvalResult

CARD = "README.md"
FILES = [*HELD, CARD]  # what goes up, and all that comes down
NAME = re.compile(r"[\w-][\w.-]*/[\w-][\w.-]*")
SIGN_IN = "sign in with 'hf auth login', or set HF_TOKEN to a token that may"


@dataclass(frozen=True)
class Terms:
    """What the publisher decides: licences of the weights, by the hub's id, and of the data, and who may look."""

    licence: str = "unknown"
    data_licence: str = ""
    public: bool = False


def push(
    recognizer: Recognizer,
    repo: str,
    scores: Judged | None = None,
    terms: Terms | None = None,
    token: str | None = None,
) -> str:
    """Uploads bundle and card, and returns the address; the repository is made where there is none."""
    from huggingface_hub import HfApi

    terms = terms or Terms()
    _check_name(repo)
    with tempfile.TemporaryDirectory() as folder:
        write_folder(recognizer, Path(folder), repo, scores, terms)
        api = HfApi(token=token, library_name="retail", library_version=__version__)
        with _explained(repo, "write to"):
            address = api.create_repo(repo, private=not terms.public, exist_ok=True)
            if not terms.public and not api.repo_info(repo).private:
                raise UserError(
                    f"{repo} can be seen by everybody, and a bundle names products; say --public to add to it."
                )
            api.upload_folder(
                repo_id=repo, folder_path=folder, allow_patterns=FILES, commit_message="Recogniser and its card"
            )
    return str(address)


def write_folder(
    recognizer: Recognizer, folder: Path, repo: str, scores: Judged | None = None, terms: Terms | None = None
) -> Path:
    """What `push` uploads: the bundle, and its card as README.md. Raises UserError for one that loads nowhere else."""
    terms, described = terms or Terms(), recognizer.info.to_dict() if recognizer.info else {}
    if scores and dict(scores.bundle) != described:
        raise UserError("The scores are of another recogniser; run 'evaluate --out' on the one that is to be pushed.")
    save_bundle(recognizer, folder)
    if outside := _outside(read_record(folder)):
        raise UserError(
            f"The encoder {outside} lies on this machine and not in the bundle, so nobody else could load it; train "
            "with one that has a name on the hub, or fine-tune it."
        )
    text = card_text(recognizer, repo, scores, terms.data_licence)
    card = f"---\n{metadata(recognizer, repo, scores, terms)}\n---\n\n{text}"
    (folder / CARD).write_text(card, encoding="utf-8")
    return folder


def metadata(recognizer: Recognizer, repo: str, scores: Judged | None, terms: Terms) -> str:
    """The card's YAML, as the hub reads it."""
    from huggingface_hub import ModelCardData

    bases = [origin_of(recognizer.encoders[modality].name).base for modality in recognizer.modalities]
    return ModelCardData(
        library_name="retail",
        license=terms.licence,
        pipeline_tag=pipeline(recognizer),
        tags=["retail", "product-recognition", *recognizer.modalities, recognizer.strategy],
        base_model=[base for base in bases if base] or None,
        metrics=["accuracy"],
        model_name=repo.rpartition("/")[2],
        eval_results=_results(scores, pipeline(recognizer)) if scores else None,
    ).to_yaml()


def _results(scores: Judged, task: str) -> list[EvalResult]:
    """Accuracy with its interval for each question and mix of inputs."""
    from huggingface_hub import EvalResult

    data = scores.data
    return [
        EvalResult(
            task_type=task,
            dataset_type=in_file_name(data.name.lower(), "unnamed", "-"),
            dataset_name=data.name,
            dataset_split=data.split,
            metric_type="accuracy",
            metric_name=f"{task_words(row.task)}, given {inputs_words(row.modalities)}",
            metric_value=round(row.accuracy, 4),
            metric_args={"n": row.n, "low": round(row.accuracy_low, 4), "high": round(row.accuracy_high, 4)},
        )
        for row in scores.subset_certainty or scores.scores
    ]


def fetched(repo: str, revision: str = "main", token: str | None = None, kept_only: bool = False) -> Path:
    """The folder of a bundle in the hub's own cache; what is there already is not fetched again.

    `kept_only` asks no network. Raises UserError where there is none, or it names what lies outside its folder.
    """
    from huggingface_hub import snapshot_download

    _check_name(repo)
    with _explained(repo, "read"):
        folder = Path(
            snapshot_download(
                repo,
                revision=revision,
                token=token,
                local_files_only=kept_only,
                allow_patterns=FILES,
                library_name="retail",
                library_version=__version__,
            )
        )
    if outside := _outside(read_record(folder)):
        raise UserError(f"{repo} names an encoder outside its own folder ({outside}); it is not loaded.")
    if any('"auto_map"' in path.read_text(encoding="utf-8", errors="replace") for path in folder.rglob("config.json")):
        raise UserError(f"{repo} has an encoder with code of its own, which is never run; it is not loaded.")
    return folder


def _outside(record: BundleRecord) -> str:
    """The first encoder that lies on one machine outside the bundle, "" where there is none."""
    for entry in record.encoders.values():
        checkpoint = entry.name.partition(":")[2].partition("#")[0]
        for part in map(Path, filter(None, split_source(checkpoint))):
            own = part.parts[0] == HERE
            if part.is_absolute() or ".." in part.parts or (not own and (part.exists() or "\\" in str(part))):
                return entry.name
    return ""


def _check_name(repo: str) -> None:
    if not NAME.fullmatch(repo):
        raise UserError(f"A recogniser on the hub is called ORG/NAME, such as my-shop/groceries, not {repo!r}.")


@contextmanager
def _explained(repo: str, doing: str) -> Iterator[None]:
    """What the hub, or the way to it, refuses becomes a sentence."""
    from huggingface_hub import errors

    try:
        yield
    except errors.LocalEntryNotFoundError:
        raise UserError(
            f"{repo} is not kept on this machine and the hub cannot be reached; connect to the internet once."
        ) from None
    except errors.RevisionNotFoundError:
        raise UserError(f"{repo} has no such revision; name a branch, a tag or a commit of it.") from None
    except errors.HfHubHTTPError as error:
        status = error.response.status_code
        if isinstance(error, errors.RepositoryNotFoundError) or status in (401, 403):
            raise UserError(
                f"There is no {repo} on the hub that you may {doing}; check the name, or {SIGN_IN}."
            ) from None
        raise UserError(f"The hub answers {status} for {repo}; try again later.") from None
    except Exception as error:
        if not is_connection(error):
            raise
        raise UserError(
            f"The hub cannot be reached to {doing} {repo}; connect to the internet and try again."
        ) from None
