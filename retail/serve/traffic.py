"""What is counted and logged of requests: where, how long, how it ended; never what was in them.

In: requests that ended, batches, errors. Out: Prometheus metrics, and one JSON line each in the log.
"""

from __future__ import annotations

import logging
import traceback
from collections.abc import Sequence
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest

from retail.schema import Prediction

LOG = logging.getLogger("retail.serve")
FREE = ("/health", "/ready")  # for whoever watches over the process: without a key, and not in the log
SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)


class Traffic:
    """Counters of one server."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)  # memory and processor time, where the system counts them
        self.requests = Counter(
            "retail_requests", "Requests that ended.", ["path", "method", "status"], registry=self.registry
        )
        self.seconds = Histogram(
            "retail_request_seconds", "How long they took.", ["path"], buckets=SECONDS, registry=self.registry
        )
        self.under_way = Gauge(
            "retail_requests_under_way", "Requests that wait or are answered.", registry=self.registry
        )
        self.products = Counter("retail_products", "Products that were recognised.", registry=self.registry)
        self.decisions = Counter(
            "retail_decisions", "What answers came to: accept, review, unknown.", ["decision"], registry=self.registry
        )
        self.batches = Histogram(
            "retail_batch_products",
            "Products that went through the encoders together.",
            buckets=(1, 2, 4, 8, 16, 32, 64),
            registry=self.registry,
        )

    def text(self) -> bytes:
        """As Prometheus reads it."""
        return generate_latest(self.registry)

    def answered(self, predictions: Sequence[Prediction]) -> None:
        """Products that were recognised, and what their answers came to."""
        self.products.inc(len(predictions))
        for prediction in predictions:
            for answer in prediction.answers.values():
                self.decisions.labels(answer.decision).inc()

    def ended(self, path: str, method: str, status: int, seconds: float, facts: dict[str, Any]) -> None:
        """A request with these facts about it, none of which is content."""
        self.requests.labels(path, method, str(status)).inc()
        self.seconds.labels(path).observe(seconds)
        known = {"path": path, "method": method, "status": status, "milliseconds": round(1000 * seconds, 1)}
        LOG.log(logging.DEBUG if path in FREE else logging.INFO, "request", extra={"facts": {**known, **facts}})

    def failed(self, error: BaseException) -> None:
        """An error of ours: its kind and place. What it says is left out, because it may repeat what was sent."""
        frames = traceback.extract_tb(error.__traceback__)
        where = f"{frames[-1].filename}:{frames[-1].lineno}" if frames else "?"
        LOG.error("error", extra={"facts": {"kind": type(error).__name__, "where": where}})
