"""What ``doctor`` finds in the warehouse."""

from __future__ import annotations

from datetime import timedelta

import pytest

from include.services import doctor
from include.settings import Settings
from include.warehouse.client import connect
from tests.support.marts import DAY, add, create_marts, sums


@pytest.mark.integration
def test_a_workspace_with_days_in_two_currencies_is_named(clickhouse: Settings) -> None:
    client = connect(clickhouse)
    create_marts(client)
    add(client, "mart_platform_daily", sums(DAY, 1, 1), sums(DAY, 1, 1, workspace="acme", reporting_currency="EUR"))
    assert list(doctor._reporting_currencies(client)) == []
    add(client, "mart_platform_daily", sums(DAY - timedelta(days=1), 1, 1, reporting_currency="EUR"))
    [found] = [finding for finding in doctor.examine(clickhouse) if finding.what.startswith("currency")]
    assert (found.level, found.what) == ("warning", "currency of demo")
    assert "EUR and USD" in found.detail
    assert "bin/insightflow run" in found.remedy
    client.command("DROP TABLE marts.mart_platform_daily")
    assert list(doctor._reporting_currencies(client)) == []
