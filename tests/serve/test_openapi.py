"""Requests made up from the API's own description, none of which may fail inside."""

import pytest

pytest.importorskip("schemathesis")

import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

CHECKS = [
    not_a_server_error,
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
]
OPERATIONS = [
    ("POST", "/search"),
    ("POST", "/search/batch"),
    ("POST", "/documents"),
    ("POST", "/documents/delete"),
    ("POST", "/commit"),
    ("GET", "/stats"),
    ("GET", "/ready"),
]


@pytest.mark.parametrize("operation", OPERATIONS, ids=" ".join)
def test_what_is_described_never_fails_inside(served, operation):
    method, path = operation
    address = f"http://127.0.0.1:{served.port}"
    described = schemathesis.openapi.from_url(f"{address}/openapi.json")[path][method]
    strategy = described.as_strategy() | described.as_strategy(
        generation_mode=schemathesis.GenerationMode.NEGATIVE
    )

    @settings(
        max_examples=20,
        deadline=None,
        database=None,
        derandomize=True,
        suppress_health_check=list(HealthCheck),
    )
    @given(case=strategy)
    def ask(case):
        case.call_and_validate(checks=CHECKS)

    ask()
