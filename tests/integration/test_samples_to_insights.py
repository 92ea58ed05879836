"""The golden test: what is planted in the demo is found, with its kind and on its day, and little else is said."""

from __future__ import annotations

import psycopg2
import psycopg2.extras
import pytest

from include.insights import publish
from include.transform import build
from tests.integration.conftest import Samples

pytestmark = pytest.mark.integration
RUN = "golden"
KINDS = (
    "spend_spike", "spend_stop", "tracking_break", "ctr_collapse", "cpc_jump", "level_shift", "slow_drift", "duplicate_load",
    "partial_load", "data_missing", "metric_anomaly",
)  # fmt: skip


@pytest.fixture(scope="module")
def judged(samples: Samples) -> Samples:
    """Anomalies and insights of all days, published."""
    days = [samples.truth.profile.day(i) for i in range(samples.truth.profile.days)]
    for layer in ("anomalies", "insights"):
        build(layer, days, RUN, settings=samples.settings)
    publish(days, RUN, samples.settings)
    return samples


def test_dump(judged: Samples) -> None:
    for p in judged.truth.problems:
        print(
            "PROBLEM",
            p.kind,
            p.account_id,
            p.campaign_id,
            p.campaign_name,
            p.date_start,
            p.date_end,
            p.money_at_stake,
            p.currency,
        )
        rows = judged.client.query(
            "SELECT kind, entity_type, min(date), max(date), min(event_start), count() FROM marts.anomaly_daily WHERE workspace='demo'"
            f" AND account_id = '{p.account_id}' AND entity_id = '{p.campaign_id or p.account_id}'"
            f" AND date BETWEEN '{p.date_start}'::Date AND '{p.date_end}'::Date + 22 GROUP BY 1,2 ORDER BY 3"
        ).result_rows
        for r in rows:
            print("    ", *r)
    print("CAUSES")
    for r in judged.client.query(
        "SELECT DISTINCT date, account_id, entity_type, entity_id, entity_name, kind, metric, event_start, severity, impact_reporting FROM marts.anomaly_daily"
        " WHERE workspace='demo' AND cause_entity_type = entity_type AND cause_entity_id = entity_id ORDER BY ALL"
    ).result_rows:
        print("   ", *r)
    print("FEED")
    for r in judged.client.query(
        "SELECT date_end, kind, entity_name, insight_key, impact_amount, confidence, rank FROM marts.insight_feed WHERE workspace='demo' ORDER BY date_end, rank"
    ).result_rows:
        print("   ", *r)
    print("PUBLISHED")
    with psycopg2.connect(judged.settings.postgres_dsn()) as c, c.cursor() as cur:
        cur.execute(
            "SELECT status, kind, entity_name, date_start, date_end, impact_amount, confidence, rank, title FROM insights WHERE workspace='demo' ORDER BY 1, 2"
        )
        for r in cur.fetchall():
            print("   ", *r)
    assert 0
