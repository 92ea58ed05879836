"""schemathesis reads the OpenAPI document and tries every route: no 5xx, and every answer is as documented."""

from __future__ import annotations

import pytest
import schemathesis
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.checks import load_all_checks
from schemathesis.core.failures import FailureGroup
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
    tried, broken = set(), []
    for result in schema.get_all_operations():
        operation = result.ok()
        if operation.path not in LEFT_OUT:
            tried.add((operation.method, operation.path))
            try:
                hold(operation, log_in("admin"))
            except (AssertionError, FailureGroup) as error:
                broken.append(f"{operation.label}: {error}")
    assert not broken, "\n\n".join(broken)
    assert len(tried) >= 35


def hold(operation: schemathesis.APIOperation, headers: dict[str, str]) -> None:
    """Try a route with generated requests."""

    @given(case=operation.as_strategy())
    @settings(
        max_examples=EXAMPLES, deadline=None, database=None, derandomize=True, phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    def holds(case: schemathesis.Case) -> None:
        response = case.call(headers=headers)
        assert response.status_code < 500, (case.formatted_path, response.text)
        case.validate_response(response, checks=CHECKS)

    holds()
