"""The arrays that a day's scores are made of: taken up from the run of the day before, read again where that is wrong."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.dbt.conftest import Project, failures
from tests.dbt.test_anomalies import Campaign, day, generate

pytestmark = pytest.mark.integration

FIRST_RUN = 70  # days that the first run finds; every later one finds one more
MODELS = [
    "fct_ad_performance_daily",
    *("mart_campaign_daily", "mart_account_daily", "mart_platform_daily", "mart_ad_daily", "mart_ad_group_daily"),
    *("int_anomaly_missing", "int_anomaly_series", "int_anomaly_histories"),
]
OTHER_COST = "arrayMap(c -> c + 1000000, cost)"


class Days:
    """A workspace that is run day by day. One campaign starts with the third run, one has no row the day before it."""

    def __init__(self, project: Project) -> None:
        campaigns = [
            Campaign("google_ads", "g-1", "USD", "Steady", 900),
            Campaign("google_ads", "g-1", "USD", "Pause", 700, omitted=frozenset({30, 31, FIRST_RUN + 1})),
            Campaign("meta_ads", "m-1", "EUR", "Late", 500, omitted=frozenset(range(FIRST_RUN + 2))),
            Campaign("meta_ads", "m-1", "EUR", "Other", 500, omitted=frozenset({40})),
        ]
        self.project = project
        self.rows = generate(campaigns, days=FIRST_RUN + 8)
        self.next = FIRST_RUN
        project.clear()
        project.stage(row for row in self.rows if row["date"] < day(FIRST_RUN))
        # All that a later run asks for: the anomalies' last table says whether there was a run.
        sources = ["int_fx_rates_daily", "int_export_conversions"]
        self.build(FIRST_RUN - 1, [*sources, *MODELS, "path:models/anomalies"], "--full-refresh")
        self.run()  # the first that a later one can take up

    def run(self) -> None:
        """The run of the next day."""
        self.project.stage(row for row in self.rows if row["date"] == day(self.next))
        self.build(self.next, MODELS)
        self.next += 1

    def build(self, index: int, models: list[str], *more: str) -> None:
        self.project.request([day(index)])
        outcome = self.project.dbt("run", "--select", *models, *more)
        assert outcome.success, failures(outcome)

    def restate(self, index: int) -> None:
        """Twice the cost on a day."""
        self.project.stage(row | {"cost": row["cost"] * 2} for row in self.rows if row["date"] == day(index))

    def disturb(self) -> None:
        """Other costs in the arrays of the last run, which show whether the next one takes them up."""
        for statement in (
            f"CREATE OR REPLACE TABLE staging.kept ENGINE = Memory AS SELECT * REPLACE ({OTHER_COST} AS cost)"
            " FROM staging.int_anomaly_histories",
            "TRUNCATE TABLE staging.int_anomaly_histories",
            "INSERT INTO staging.int_anomaly_histories SELECT * FROM staging.kept",
            "DROP TABLE staging.kept",
        ):
            self.project.client.command(statement)

    def taken_up(self) -> tuple[int, int]:
        """Series with costs of the disturbed run, and all."""
        [(disturbed, every)] = self.project.query(
            "SELECT countIf(arrayExists(c -> c >= 1000000, cost)), count() FROM staging.int_anomaly_histories"
        )
        return disturbed, every

    def histories(self) -> list[str]:
        columns = "* EXCEPT made_of"
        return sorted(
            row
            for (row,) in self.project.query(f"SELECT toString(tuple({columns})) FROM staging.int_anomaly_histories")
        )


@pytest.fixture(scope="module")
def days(dbt_warehouse: Project) -> Iterator[Days]:
    yield Days(dbt_warehouse)
    dbt_warehouse.clear()


def test_what_is_taken_up_is_what_would_be_read(days: Days) -> None:
    for _ in range(3):  # a row is missing, a campaign starts, nothing happens
        days.run()
        taken_up = days.histories()
        days.project.client.command("DROP TABLE staging.int_anomaly_histories")
        days.build(days.next - 1, ["int_anomaly_histories"])
        assert days.histories() == taken_up
    assert len(taken_up) == 8, "four campaigns, two accounts, two platforms"


def test_the_arrays_of_the_day_before_are_taken_up(days: Days) -> None:
    days.disturb()
    days.run()
    assert days.taken_up() == (8, 8)
    days.build(days.next - 1, ["int_anomaly_histories"])
    assert days.taken_up() == (0, 8), "the day itself run again reads all"


def test_a_day_that_changed_since_is_read_again(days: Days) -> None:
    """A run that was killed after it had written the series of an earlier day."""
    days.restate(days.next - 5)
    days.build(days.next - 5, MODELS[:-1])
    days.disturb()
    days.run()
    assert days.taken_up() == (0, 8)
