"""schemathesis reads the OpenAPI document and tries every route: no 5xx, and every answer is as documented."""

from __future__ import annotations

import pytest
import schemathesis
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis.checks import load_all_checks
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.api.conftest import LogIn

pytestmark = pytest.mark.integration
load_all_checks()
# What would lock the test out or take its ground away.
LEFT_OUT = {"/api/v1/auth/password", "/api/v1/auth/logout", "/readyz"}
CHECKS = [content_type_conformance, response_schema_conformance, status_code_conformance]
EXAMPLES = 6


def test_every_route_keeps_its_contract(api: TestClient, log_in: LogIn) -> None:
    schema = schemathesis.openapi.from_asgi("/openapi.json", api.app)
    headers = log_in("admin")
    tried = set()
    for result in schema.get_all_operations():
        operation = result.ok()
        if operation.path in LEFT_OUT:
            continue
        tried.add((operation.method, operation.path))

        @given(data=st.data())
        @settings(
            max_examples=EXAMPLES, deadline=None, database=None, derandomize=True, phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )  # fmt: skip
        def holds(data: st.DataObject, operation: schemathesis.APIOperation = operation) -> None:
            case = data.draw(operation.as_strategy())
            response = case.call(headers=headers)
            assert response.status_code < 500, (case.formatted_path, response.text)
            case.validate_response(response, checks=CHECKS)

        holds()
    assert len(tried) >= 35
