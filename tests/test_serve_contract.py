"""The server against its own OpenAPI document: Schemathesis asks what it allows, and what it does not."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.python import asgi
from schemathesis.specs.openapi.checks import negative_data_rejection, positive_data_acceptance

from retail.catalogue.database import Catalogue
from retail.serve.app import create_app
from retail.serve.desk import Desk
from retail.serve.settings import ServeSettings
from tests.serve_sample import recognizer

EXAMPLES = 12  # of each address
APP = create_app(
    ServeSettings(Path("tiny"), "Contract", local=False), lambda: Desk(recognizer(), Catalogue.open("Contract"))
)
JSON = ("application/json", None)
schema = schemathesis.openapi.from_dict(APP.openapi())
schema.app = APP


@pytest.fixture(autouse=True)
def loaded():
    """The server is ready; Schemathesis keeps it running until the test ends."""
    with asgi.get_client(APP) as client:
        while client.get("/ready").status_code != 200:
            time.sleep(0.01)


@schema.parametrize()
@settings(max_examples=EXAMPLES, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
def test_no_request_breaks_the_contract(case):
    # Made-up bytes seldom are a photo, so what the document allows may still be refused; and a form has texts alone, so
    # that null, which the document does not allow, arrives as an empty one.
    excluded = [positive_data_acceptance]
    case.call_and_validate(
        excluded_checks=excluded if case.media_type in JSON else [*excluded, negative_data_rejection]
    )
