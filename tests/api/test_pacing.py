"""What pacing may be asked."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from fastapi.testclient import TestClient

from include.api.analytics.pacing import PacingQuery
from tests.api.conftest import LogIn

pytestmark = pytest.mark.integration

URL = "/api/v1/analytics/pacing"


def test_a_month_is_asked_for_as_one_or_by_a_day(api: TestClient, log_in: LogIn) -> None:
    assert PacingQuery.model_validate({"month": "2026-05"}).month == date(2026, 5, 1)
    for month in ("2026-05", "2026-05-31"):
        assert api.get(URL, headers=log_in("ana"), params={"month": month}).status_code == 200
    for wrong in ("2026-13", "2026", "May", "1999-12"):
        answer = api.get(URL, headers=log_in("ana"), params={"month": wrong})
        assert answer.status_code == 422
        told = "a date from 2000-01-01" if wrong == "1999-12" else "a month (2026-05) or any day of it (2026-05-31)"
        assert told in answer.text
    parameters = api.get("/openapi.json").json()["paths"][URL]["get"]["parameters"]
    [given] = [p["schema"] for p in parameters if p["name"] == "month"]
    assert {"date", "month"} <= {"month" if "pattern" in one else one.get("format") for one in flat(given)}


def flat(schema: dict[str, Any]) -> list[dict[str, Any]]:
    """The schemas that a schema is any of."""
    return [one for part in schema["anyOf"] for one in flat(part)] if "anyOf" in schema else [schema]
