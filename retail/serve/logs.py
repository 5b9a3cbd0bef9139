"""The log of a server: one JSON object a line, on stdout.

In: records of `logging`, ours and uvicorn's. Out: lines.
"""

from __future__ import annotations

import json
import logging
import logging.config
from datetime import UTC, datetime

from retail.escaping import in_json

# What reads forms tells which letters of one it did not expect.
LEVELS = {"retail.serve": "INFO", "uvicorn": "INFO", "python_multipart": "CRITICAL"}


class JsonFormatter(logging.Formatter):
    """Time, level, event and facts; of an exception its kind alone."""

    def format(self, record: logging.LogRecord) -> str:
        """One line."""
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "event": record.getMessage(),
            **getattr(record, "facts", {}),
        }
        if record.exc_info and record.exc_info[0]:
            line["kind"] = record.exc_info[0].__name__
        return in_json(json.dumps(line, ensure_ascii=False))


def log_as_json() -> None:
    """From now on; requests are logged once, by us."""
    logging.config.dictConfig(
        {
            "version": 1,
            "disable_existing_loggers": False,
            "formatters": {"json": {"()": JsonFormatter}},
            "handlers": {"out": {"class": "logging.StreamHandler", "stream": "ext://sys.stdout", "formatter": "json"}},
            "loggers": {
                name: {"handlers": ["out"], "level": level, "propagate": False} for name, level in LEVELS.items()
            },
        }
    )
