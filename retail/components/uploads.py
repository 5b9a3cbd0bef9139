"""What the uploaders of the pages hold: the files that are really there, and letting go of their bytes once copied."""

from __future__ import annotations

from typing import Any

from streamlit.runtime.scriptrunner import get_script_run_ctx
from streamlit.runtime.uploaded_file_manager import UploadedFile


def uploaded(value: Any) -> list[UploadedFile]:
    """The files of a widget's value; one that was released before appears in it as a ghost and is left out."""
    values = value if isinstance(value, list) else [value]
    return [file for file in values if isinstance(file, UploadedFile)]


def release(files: list[UploadedFile]) -> None:
    """The server keeps an upload until the session ends, unless asked to let it go."""
    context = get_script_run_ctx()
    remove = getattr(context.uploaded_file_mgr, "remove_file", None) if context else None
    for file in files:
        if context and remove:
            remove(context.session_id, file.file_id)
