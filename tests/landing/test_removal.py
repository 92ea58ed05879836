"""Exports taken back: what stood before stands again, each record stays accounted for, and the file can come again."""

from __future__ import annotations

import os
import threading
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from include.landing import load, removal, retype, values
from include.landing.locks import file_locks
from include.landing.removal import Ambiguous, Effect, NeverLoaded, Removal
from include.orchestration import upkeep
from include.settings import Settings
from include.warehouse.client import connect
from tests.landing.conftest import Landing
from tests.landing.test_rates import rates
from tests.landing.test_repairs import BAD_COST, BAD_DAY, FILE, GOOD, HEAD, drop, exported, standing
from tests.landing.test_repairs_at_once import Dying, Interrupted
from tests.support.processes import wait_until

pytestmark = pytest.mark.integration

HEADER = "date,account_id,campaign_id,impressions,clicks,cost,currency\n"
FIRST = HEADER + "2026-06-01,a,1,100,10,5.00,USD\n2026-06-02,a,1,100,10,6.00,USD\n"
WRONG = HEADER + "2026-06-02,a,1,100,10,99.00,USD\n2026-06-03,a,1,100,10,98.00,USD\n2026-06-03,b,1,100,10,x,USD\n"


@pytest.fixture(autouse=True)
def locks(postgres: Settings) -> None:
    """Removing takes locks of PostgreSQL."""


def take_back(landing: Landing, name: str, client: Any = None) -> Removal:
    client = client or landing.client
    found = removal.find(client, f"{landing.workspace}/{name}" if "/" in name else name)
    return removal.remove(client, landing.bucket, landing.settings, found, "ann", "wrong account")


def effects(landing: Landing, name: str) -> list[Effect]:
    return removal.effects(landing.client, removal.find(landing.client, f"{landing.workspace}/{name}"))


def costs(landing: Landing) -> dict[str, str]:
    return {row[0]: row[2] for row in standing(landing)}


@pytest.fixture
def two(landing: Landing) -> Landing:
    """An export, and a newer one that should not be there."""
    landing.put("generic/a_exported_20260603.csv", FIRST)
    landing.put("generic/b_exported_20260604.csv", WRONG)
    assert {line.status for line in landing.load().values()} == {"loaded"}
    assert costs(landing) == {"2026-06-01": "5", "2026-06-02": "99", "2026-06-03": "98"}
    return landing


def test_what_stood_before_stands_again_and_every_record_is_accounted_for(two: Landing) -> None:
    done = take_back(two, "generic/b_exported_20260604.csv")
    assert costs(two) == {"2026-06-01": "5", "2026-06-02": "6"}
    [line] = done.lines
    assert (line.status, line.removed_by, line.rows_read) == ("removed", "ann", 3)
    assert line.rows_read == line.rows_loaded + line.rows_rejected + line.rows_skipped
    assert line.skipped == {"removed": 3}
    assert "taken back by ann: wrong account" in line.error
    assert two.rows("SELECT count() FROM ops.rejected_rows WHERE workspace = {w:String}") == [(0,)]
    [(key, place)] = done.moved.items()
    assert key == f"{two.workspace}/generic/b_exported_20260604.csv" and not two.bucket.exists(key)
    with two.bucket.open(place) as kept:
        assert kept.read().decode() == WRONG
    assert two.waiting() == []


def test_twice_changes_nothing_and_the_same_file_dropped_again_is_loaded_again(two: Landing) -> None:
    name = "generic/b_exported_20260604.csv"
    before = (two.folder / name).stat()
    take_back(two, name)
    ledger = "SELECT count() FROM ops.file_ledger WHERE workspace = {w:String}"
    lines = two.rows(ledger)
    assert take_back(two, name) == Removal()
    gone = removal.find(two.client, f"{two.workspace}/{name}")
    assert gone.standing == () and gone.removed is not None and gone.removed.removed_by == "ann"
    assert two.rows(ledger) == lines
    # Also where it comes with its old time, so that nothing tells it from the file that was taken back.
    os.utime(two.put(name, WRONG), ns=(before.st_atime_ns, before.st_mtime_ns))
    assert two.load()["b_exported_20260604.csv"].status == "loaded"
    assert costs(two)["2026-06-02"] == "99"
    assert len(take_back(two, name).lines) == 1
    assert costs(two) == {"2026-06-01": "5", "2026-06-02": "6"} and two.waiting() == []


def test_what_would_happen_is_told_by_account_and_what_stands_afterwards(two: Landing) -> None:
    earlier = two.bucket.uri(f"{two.workspace}/generic/a_exported_20260603.csv")
    newer = two.bucket.uri(f"{two.workspace}/generic/b_exported_20260604.csv")

    def effect(day: int, cost: str, then: str) -> Effect:
        on = date(2026, 6, day)
        return Effect("a", "campaign", on, on, 1, 1, Decimal(cost), "USD", then)

    assert effects(two, "generic/b_exported_20260604.csv") == [
        effect(2, "99", f"{earlier} stands again"),
        effect(3, "98", "nothing: these days lose their data"),
    ]
    assert effects(two, "generic/a_exported_20260603.csv") == [
        effect(1, "5", "nothing: these days lose their data"),
        effect(2, "6", f"unchanged: {newer} is newer and stands"),
    ]
    export = removal.find(two.client, f"{two.workspace}/generic/b_exported_20260604.csv")
    assert removal.covered_dates(two.client, export) == [date(2026, 6, 2), date(2026, 6, 3)]


def test_a_name_of_several_exports_names_them_and_one_that_never_loaded_says_why(two: Landing) -> None:
    two.put("generic/report.csv", FIRST.replace("5.00", "5.01"))
    two.load()
    two.put("generic/report.csv", FIRST.replace("5.00", "5.02"))
    two.put("generic/bad.csv", "nothing,here\n1,2\n")
    two.load()
    name = f"{two.workspace}/generic/report.csv"
    with pytest.raises(Ambiguous) as caught:
        removal.find(two.client, name)
    older, newer = caught.value.exports
    take_back(two, newer.file_id)
    assert costs(two)["2026-06-01"] == "5.01"
    with pytest.raises(Ambiguous):  # the name must not come to mean the other one
        removal.find(two.client, name)
    assert removal.find(two.client, older.file_id).name == two.bucket.uri(name)
    assert removal.find(two.client, two.bucket.uri(f"{two.workspace}/generic/a_exported_20260603.csv")).standing
    with pytest.raises(NeverLoaded, match="is rejected"):
        removal.find(two.client, f"{two.workspace}/generic/bad.csv")
    with pytest.raises(NeverLoaded, match="nothing was loaded of no_such_file"):
        removal.find(two.client, "no_such_file")


def test_a_folder_of_several_files_goes_whole_and_leaves_what_another_export_rests_on(landing: Landing) -> None:
    parts = {n: HEADER + f"2026-06-0{n},a,1,100,10,{n}.00,USD\n" for n in (1, 2, 3)}
    for n in (1, 2):
        landing.put(f"generic/june/part-{n}.csv", parts[n])
    landing.load()
    landing.put("generic/june/part-3.csv", parts[3])
    assert len(landing.load()) == 3, "a part more makes it another export, of all parts"
    with pytest.raises(Ambiguous) as caught:
        removal.find(landing.client, f"{landing.workspace}/generic/june")
    first, second = caught.value.exports
    assert [len(export.standing) for export in (first, second)] == [2, 3]
    assert first.name == f"{landing.workspace}/generic/june"
    done = take_back(landing, second.file_id)
    assert (len(done.lines), list(done.moved)) == (3, [f"{landing.workspace}/generic/june/part-3.csv"])
    assert costs(landing) == {"2026-06-01": "1", "2026-06-02": "2"}
    assert landing.waiting() == []
    assert len(take_back(landing, first.file_id).moved) == 2
    assert costs(landing) == {} and landing.waiting() == []


def test_repairs_go_with_their_file_and_one_alone_leaves_it(landing: Landing) -> None:
    landing.put(FILE, HEAD + GOOD + BAD_DAY + BAD_COST)
    landing.load()
    day, cost = exported(landing)
    drop(landing, "inbox/day.csv", [day | {"date": "2026-06-02"}])
    landing.load()
    drop(landing, "inbox/cost.csv", [cost | {"cost": "2"}])
    landing.load()
    [told] = effects(landing, "inbox/cost.csv")
    assert (told.rows, told.then) == (
        1,
        f"{landing.bucket.uri(f'{landing.workspace}/{FILE}')} stands without these rows",
    )
    whole = standing(landing)
    take_back(landing, "inbox/day.csv")
    assert [row[1] for row in standing(landing)] == ["11", "13"], "the repair that came after it still counts"
    assert [row["campaign_name"] for row in exported(landing)] == ["Generic"]
    drop(landing, "inbox/day.csv", [day | {"date": "2026-06-02"}])
    landing.load()
    assert standing(landing) == whole
    assert len(take_back(landing, FILE).moved) == 3
    assert standing(landing) == [] and landing.waiting() == []
    landing.put(FILE, HEAD + GOOD + BAD_DAY + BAD_COST)
    landing.load()
    assert len(exported(landing)) == 2, "its rows wait for repair as at first"
    drop(landing, "inbox/day.csv", [day | {"date": "2026-06-02"}])
    assert landing.load()["day.csv"].rows_loaded == 1


def test_copies_of_the_same_content_go_and_what_came_under_its_name_since_stays(landing: Landing) -> None:
    landing.put("generic/a.csv", FIRST)
    landing.load()
    landing.put("generic/copy.csv", FIRST)
    assert landing.load()["copy.csv"].status == "duplicate"
    landing.put("generic/a.csv", FIRST)  # touched: no run has looked at it
    assert len(take_back(landing, "generic/copy.csv").moved) == 2
    assert landing.waiting() == []
    landing.put("generic/b.csv", FIRST.replace("5.00", "4.00"))
    landing.load()
    landing.put("generic/b.csv", FIRST.replace("5.00", "3.00"))
    assert take_back(landing, "generic/b.csv").moved == {}
    assert landing.load()["b.csv"].status == "loaded"
    assert costs(landing)["2026-06-01"] == "3"


def test_cut_off_between_bucket_and_ledger_it_is_repeated(two: Landing) -> None:
    name = "generic/b_exported_20260604.csv"

    def die() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        take_back(two, name, Interrupted(two.client, die))
    assert costs(two)["2026-06-02"] == "99" and two.waiting() == []
    assert list(take_back(two, name).moved) == [f"{two.workspace}/{name}"]
    assert costs(two)["2026-06-02"] == "6" and two.waiting() == []
    two.put(name, WRONG)
    two.load()
    with pytest.raises(KeyboardInterrupt):
        take_back(two, name, Dying(two.client, lambda: None))
    assert take_back(two, name) == Removal()


def test_typed_again_since_it_does_not_come_back(two: Landing, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retype, "TYPING_VERSION", values.TYPING_VERSION + 1)
    retype.retype(two.client)
    assert len(take_back(two, "generic/b_exported_20260604.csv").lines) == 1
    assert costs(two) == {"2026-06-01": "5", "2026-06-02": "6"}


def test_rates_of_before_are_in_effect_again(landing: Landing) -> None:
    head = "date,currency,rate\n"
    landing.put("fx_rates/a_exported_20260701.csv", f"{head}2026-06-30,USD,1.10\n2026-06-29,USD,1.09\n")
    landing.load()
    landing.put("fx_rates/b_exported_20260702.csv", f"{head}2026-06-30,USD,9.90\n2026-06-28,USD,9.80\n")
    landing.load()
    landing.client.command("OPTIMIZE TABLE ops.fx_rates FINAL")  # what the newer file replaced is gone
    assert effects(landing, "fx_rates/b_exported_20260702.csv") == []
    take_back(landing, "fx_rates/b_exported_20260702.csv")
    usd = {key[2]: rate for key, rate in rates(landing).items()}
    assert usd == {"2026-06-30": Decimal("1.1"), "2026-06-29": Decimal("1.09")}
    landing.put("fx_rates/b_exported_20260702.csv", f"{head}2026-06-30,USD,9.90\n2026-06-28,USD,9.80\n")
    landing.load()
    assert rates(landing)["USD", "EUR", "2026-06-30"] == Decimal("9.9")


def test_it_waits_for_the_run_that_loads_the_file(two: Landing) -> None:
    name = "generic/b_exported_20260604.csv"
    client = connect(two.settings)
    worker = threading.Thread(target=take_back, args=(two, name, client))
    with file_locks(two.settings, [f"{two.workspace}/{name}"]):
        worker.start()
        waiting = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted AND classid = 7302"
        wait_until(lambda: _postgres(two.settings, waiting) == 1, 30, "the removal waits")
        # The run goes on with what came under this name meanwhile.
        two.put(name, WRONG.replace("99.00", "97.00"))
        load([f"{two.workspace}/{name}"], "run", two.client, two.bucket)
        assert costs(two)["2026-06-02"] == "97"
    worker.join(60)
    client.close()
    assert not worker.is_alive()
    assert costs(two)["2026-06-02"] == "97", "only the export that was named went"
    assert two.waiting() == []


def test_upkeep_deletes_the_rows_that_no_build_stands_on(two: Landing, monkeypatch: pytest.MonkeyPatch) -> None:
    take_back(two, "generic/b_exported_20260604.csv")
    counted = "SELECT count() FROM raw.ad_performance_rows WHERE workspace = {w:String}"
    upkeep.drop_orphans(two.settings)
    assert two.rows(counted) == [(5,)], "a build may still read them"
    monkeypatch.setattr(upkeep, "ORPHAN_SECONDS", -60)
    upkeep.drop_orphans(two.settings)
    assert two.rows(counted) == [(2,)]
    assert costs(two) == {"2026-06-01": "5", "2026-06-02": "6"}
    assert two.waiting() == []


def _postgres(settings: Settings, query: str) -> int:
    import psycopg2

    with psycopg2.connect(settings.postgres_dsn()) as connection, connection.cursor() as cursor:
        cursor.execute(query)
        return int((cursor.fetchone() or (0,))[0])
