"""Seeds that somebody edits: what must not be is refused before anything is built of it, and a changed budget is built."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import pytest

from include.landing import discover, fingerprints, load, mark_built, pending_dates
from include.landing.bucket import Bucket
from include.landing.rates import PACING_DAYS
from include.orchestration import steps
from include.settings import REPO, Settings
from include.transform import build, runner, seeds
from include.transform.report import BuildError
from include.warehouse.client import connect
from tests.support.engines import migrated_clickhouse, migrated_postgres, settings_of

pytestmark = pytest.mark.integration

DAYS = [date(2026, 4, 27) + timedelta(n) for n in range(7)]  # four of April, three of May
ROWS = "".join(f"{day},7,Shop,1,A,100,10,20.00,EUR\n" for day in DAYS)


class Office:
    """An installation whose seeds are edited: a copy of the project, and an account of EUR 20 a day."""

    def __init__(self, settings: Settings, project: Path) -> None:
        self.settings, self.project = settings, project
        self.client, self.bucket = connect(settings), Bucket(settings)
        self.drop("ads.csv", ROWS, "seeds")

    def drop(self, name: str, rows: str, run_id: str) -> None:
        target = self.settings.home / "landing" / "shop" / "generic" / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(
            f"date,account_id,account_name,campaign_id,campaign_name,impressions,clicks,cost,currency\n{rows}"
        )
        [line] = load(discover(self.client, self.bucket), run_id, self.client, self.bucket)
        assert line.status == "loaded", line.error

    def build(self) -> list[date]:
        """Build what waits; the dates."""
        seeds.load_changed(self.settings, "seeds")
        waiting = pending_dates(self.client)
        seen = fingerprints(waiting, self.client)
        for layer in ("staging", "facts", "marts") if waiting else ():
            build(layer, waiting, "seeds", settings=self.settings, tests=False)
        mark_built(seen, "seeds", self.client)
        assert pending_dates(self.client) == []
        return waiting

    def write(self, name: str, *lines: str) -> None:
        """Add lines to the seed of that name as the project has it."""
        text = (REPO / "dbt_project" / "seeds" / f"{name}.csv").read_text()
        (self.project / "seeds" / f"{name}.csv").write_text(text + "".join(f"{line}\n" for line in lines))

    def pacing(self) -> list[tuple[str, str, str, str | None]]:
        return [
            (str(month), str(currency), f"{budget:.0f}", None if spend is None else f"{spend:.2f}")
            for month, currency, budget, spend in self.client.query(
                "SELECT month, currency, budget, spend_to_date FROM marts.mart_budget_pacing WHERE workspace = 'shop'"
                " ORDER BY month, currency"
            ).result_rows
        ]


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    settings = settings_of(tmp_path_factory.mktemp("office"))
    project = tmp_path_factory.mktemp("project") / "dbt_project"
    shutil.copytree(runner.PROJECT, project, ignore=shutil.ignore_patterns("target", "logs"))
    with pytest.MonkeyPatch.context() as patch, migrated_postgres(settings), migrated_clickhouse(settings):
        patch.setattr(runner, "PROJECT", project)
        office = Office(settings, project)
        assert office.build() == DAYS
        yield office
        office.client.close()


@pytest.mark.parametrize(
    ("name", "lines", "said"),
    [
        ("budgets", ["shop,,,,2026-04-01,100,EUR", "shop,,,,2026-04-01,50,EUR"],
         r"budgets_unique_key: Got 1 result.* workspace: shop.* rows_of_key: 2 \| mend budgets.csv in "),
        ("workspaces", ["shop,EUR,purchase", "shop,USD,purchase"],
         r"workspaces_unique_key: Got 1 result.* workspace: shop, rows_of_key: 2 \| mend workspaces.csv in "),
        ("budgets", ["shop,,,,in April,100,EUR"], r"budgets.*mend budgets.csv"),
    ],
)  # fmt: skip
def test_seeds_that_must_not_be_are_refused_and_nothing_is_built_of_them(
    office: Office, name: str, lines: list[str], said: str
) -> None:
    before = office.pacing()
    office.write(name, *lines)
    with pytest.raises(BuildError, match=f"nothing is built of them: .*{said}") as raised:
        build("marts", DAYS, "seeds", settings=office.settings)
    # What a test refuses is not tried again; an error of dbt may be of the engine.
    assert raised.value.lasts == ("unique_key" in said)
    assert office.pacing() == before
    rows = office.client.query("SELECT count() FROM staging.stg_ad_performance").first_row[0]
    assert rows == len(DAYS), "the view is read by anyone, whatever the seeds are"
    # As it was: the checksum is that of before, what is loaded is not.
    office.write(name)
    assert seeds.load_changed(office.settings, "seeds")
    assert office.client.query(f"SELECT count() FROM staging.{name} WHERE workspace = 'shop'").first_row[0] == 0
    assert not seeds.load_changed(office.settings, "seeds")


def test_a_changed_budget_builds_the_last_day_of_its_month(office: Office) -> None:
    office.build()  # April waits for the budgets that were refused
    assert office.pacing() == []
    office.write("budgets", "shop,,,,2026-04-01,100,EUR", "shop,,,,2026-05-01,200,EUR", "shop,,,,2026-06-01,200,EUR")
    assert office.build() == [DAYS[3], DAYS[6]]
    assert office.pacing() == [("2026-04-01", "EUR", "100", "80.00"), ("2026-05-01", "EUR", "200", "60.00")]
    office.write("budgets", "shop,,,,2026-04-15,90, eur", "shop,,,,2026-05-01,200,EUR", "shop,,,,2026-06-01,200,EUR")
    assert office.build() == [DAYS[3]]
    assert office.pacing() == [("2026-04-01", "EUR", "90", "80.00"), ("2026-05-01", "EUR", "200", "60.00")]
    office.write("budgets")
    assert office.build() == [DAYS[3], DAYS[6]]
    assert office.pacing() == []


def test_a_budget_in_a_currency_that_is_new_to_the_workspace_is_converted(office: Office) -> None:
    """The days were built without a rate of it; pacing said that rates were missing, and they were not."""
    office.write("budgets", "shop,,,,2026-05-01,200,CHF")
    assert office.build() == DAYS, "pacing looks at the four weeks before, too"
    [(month, currency, budget, spend)] = office.pacing()
    assert (month, currency, budget) == ("2026-05-01", "CHF", "200")
    rates = office.client.query(
        "SELECT date, units_per_eur FROM staging.fx_rates WHERE currency = 'CHF' ORDER BY date"
    ).result_rows
    wanted = sum(20 * [units for on, units in rates if on <= day][-1] for day in DAYS[4:])
    assert spend is not None and abs(float(spend) - float(wanted)) < 0.01
    office.write("budgets")
    assert office.build() == [DAYS[6]]


def test_a_day_that_waits_for_a_budget_is_left_to_the_run_that_has_just_loaded_it(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    office.build()
    office.drop("more.csv", ROWS.replace("20.00", "30.00"), "loader")
    office.write("budgets", "shop,,,,2026-05-01,200,EUR")
    seeds.load_changed(office.settings, "other")
    monkeypatch.setattr("include.warehouse.client.get_settings", lambda: office.settings)
    assert DAYS[6] in pending_dates(office.client)
    assert steps.dates_to_build([], "other", lambda run: run == "loader") == {}
    assert list(steps.dates_to_build([], "other", lambda _: False)) == [day.isoformat() for day in DAYS]


def test_the_days_before_a_month_are_those_that_pacing_reads() -> None:
    text = (REPO / "dbt_project" / "macros" / "pacing.sql").read_text()
    assert re.search(rf"macro pacing_days\(\) %}}{{{{ return\({PACING_DAYS}\)", text)
