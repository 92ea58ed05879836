"""Several loaders that repair lines of one file at the same moment: each line stands once, and none is lost."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from clickhouse_connect.driver.client import Client

from include.landing.loader import load
from include.warehouse.client import connect
from tests.landing.conftest import Landing
from tests.landing.test_repairs import GOOD, HEAD, drop, exported, standing

pytestmark = pytest.mark.integration

LINES = 6
LOADERS = 3


@pytest.fixture
def report(landing: Landing) -> Landing:
    bad = "".join(GOOD.replace(",11,", f",{20 + n},").replace('"1,234.50"', "n/k") for n in range(LINES))
    landing.put("google_ads/report.csv", HEAD + GOOD + bad)
    assert landing.load()["report.csv"].rows_rejected == LINES
    return landing


class Interrupted:
    """A client that does something once, before the ledger row of its load is written."""

    def __init__(self, client: Client, action: Callable[[], Any]) -> None:
        self._client, self._action = client, action

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)

    def insert(self, table: str, *args: Any, **kwargs: Any) -> Any:
        if table == "ops.file_ledger":
            action, self._action = self._action, lambda: None
            action()
        return self._client.insert(table, *args, **kwargs)


class Dying(Interrupted):
    """One that dies after its ledger row is written."""

    def insert(self, table: str, *args: Any, **kwargs: Any) -> Any:
        super().insert(table, *args, **kwargs)
        if table == "ops.file_ledger":
            raise KeyboardInterrupt


def costs(place: Landing) -> list[tuple[str, str]]:
    return [(row[1], row[2]) for row in standing(place)]


def test_a_line_that_loaders_repair_at_the_same_moment_stands_once(report: Landing) -> None:
    """Each repairs every line but one, with a cost of its own."""
    rows = exported(report)
    for n in range(LOADERS):
        drop(report, f"inbox/{n}.csv", [row | {"cost": str(n + 1)} for i, row in enumerate(rows) if i != n])
    barrier = threading.Barrier(LOADERS)

    def one(n: int) -> None:
        client = connect(report.settings)
        barrier.wait(30)
        load([f"{report.workspace}/inbox/{n}.csv"], f"loader {n}", client, report.bucket)
        client.close()

    with ThreadPoolExecutor(LOADERS) as pool:
        list(pool.map(one, range(LOADERS)))
    assert [campaign for campaign, _ in costs(report)] == ["11", *(str(20 + n) for n in range(LINES))]
    assert report.waiting() == [] and exported(report) == []
    counted = (
        "SELECT sum(rows_loaded), sum(skipped['already_repaired']) FROM ops.current_loads WHERE workspace = {w:String}"
    )
    assert report.rows(f"{counted} AND repairs != ''") == [(LINES, LOADERS * (LINES - 1) - LINES)]


def test_who_is_overtaken_looks_again_at_what_is_left(report: Landing) -> None:
    rows = exported(report)
    drop(report, "inbox/slow.csv", [row | {"cost": "1"} for row in rows[:4]])
    drop(report, "inbox/quick.csv", [row | {"cost": "2"} for row in rows[2:]])
    slow, quick = (f"{report.workspace}/inbox/{name}.csv" for name in ("slow", "quick"))
    other = connect(report.settings)
    client = Interrupted(report.client, lambda: load([quick], "quick", other, report.bucket))
    [line] = load([slow], "slow", client, report.bucket)  # type: ignore[arg-type]
    assert (line.rows_loaded, line.skipped) == (2, {"already_repaired": 2})
    assert costs(report)[1:] == [(str(20 + n), "1" if n < 2 else "2") for n in range(LINES)]
    other.close()


def test_who_is_overtaken_and_dies_is_loaded_by_the_next_run(report: Landing) -> None:
    rows = exported(report)
    drop(report, "inbox/slow.csv", [row | {"cost": "1"} for row in rows[:4]])
    drop(report, "inbox/quick.csv", [row | {"cost": "2"} for row in rows[2:]])
    slow, quick = (f"{report.workspace}/inbox/{name}.csv" for name in ("slow", "quick"))
    other = connect(report.settings)
    client = Dying(report.client, lambda: load([quick], "quick", other, report.bucket))
    with pytest.raises(KeyboardInterrupt):
        load([slow], "slow", client, report.bucket)  # type: ignore[arg-type]
    assert [cost for _, cost in costs(report)[1:]] == ["2"] * 4, "only what counts is seen"
    assert report.waiting() == [slow]
    assert report.load()["slow.csv"].rows_loaded == 2
    assert costs(report)[1:] == [(str(20 + n), "1" if n < 2 else "2") for n in range(LINES)]
    assert report.waiting() == []
    other.close()
