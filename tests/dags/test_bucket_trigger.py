"""The trigger fires once for what changed, and remembers it."""

from __future__ import annotations

import asyncio
import itertools
import threading
from pathlib import Path
from typing import Any

import pytest

from include.settings import Settings


class Store:
    """Stands for Airflow's store of asset state (``aget`` and ``aset``), which needs a triggerer."""

    def __init__(self) -> None:
        self.values: dict[str, Any] = {}

    async def aget(self, key: str, default: Any = None) -> Any:
        return self.values.get(key, default)

    async def aset(self, key: str, value: Any) -> None:
        self.values[key] = value


@pytest.fixture
def bucket(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, airflow_settings: None) -> Path:
    from include import settings as module

    folder = tmp_path / "landing"
    folder.mkdir()
    given = Settings(_env_file=None, environment="development", home=tmp_path, bucket="", bucket_poll_seconds=0.02)
    monkeypatch.setattr(module, "get_settings", lambda: given)
    return folder


async def events(store: Store, seconds: float, during: Any = None) -> list[dict[str, Any]]:
    from bucket_trigger import BucketTrigger

    trigger = BucketTrigger()
    trigger.asset_state_store = store  # type: ignore[assignment]
    found: list[dict[str, Any]] = []

    async def collect() -> None:
        async for event in trigger.run():
            found.append(event.payload)

    task = asyncio.create_task(collect())
    for action in during or []:
        await asyncio.sleep(seconds / 2)
        action()
    await asyncio.sleep(seconds)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    return found


def test_an_empty_bucket_fires_nothing(bucket: Path) -> None:
    assert asyncio.run(events(Store(), 0.5)) == []


def test_a_new_file_fires_once(bucket: Path) -> None:
    file = bucket / "demo" / "generic" / "a.csv"
    file.parent.mkdir(parents=True)
    found = asyncio.run(events(Store(), 0.8, [lambda: file.write_text("a")]))
    assert [event["reason"] for event in found] == ["files arrived"]


def test_files_that_are_not_ready_fire_nothing(bucket: Path) -> None:
    folder = bucket / "demo" / "generic"
    folder.mkdir(parents=True)
    for name in (".hidden.csv", "_wait.csv", "half.csv.tmp", "half.csv.part"):
        (folder / name).write_text("a")
    assert asyncio.run(events(Store(), 0.5)) == []


def test_a_restart_repeats_nothing_and_loses_nothing(bucket: Path) -> None:
    store = Store()
    (bucket / "one.csv").write_text("a")
    assert len(asyncio.run(events(store, 0.5))) == 1
    assert asyncio.run(events(store, 0.5)) == []
    (bucket / "two.csv").write_text("b")
    assert len(asyncio.run(events(store, 0.5))) == 1


def test_a_burst_of_files_fires_once(bucket: Path) -> None:
    folder = bucket / "demo" / "generic"
    folder.mkdir(parents=True)

    def burst() -> None:
        for number in range(200):
            (folder / f"{number}.csv").write_text("a")

    assert [event["reason"] for event in asyncio.run(events(Store(), 0.8, [burst]))] == ["files arrived"]


def test_files_that_keep_trickling_in_do_not_keep_it_waiting(bucket: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from bucket_trigger import BucketTrigger

    monkeypatch.setattr(BucketTrigger, "PATIENCE_SECONDS", 0.2)
    over = threading.Event()

    def trickle() -> None:
        for number in itertools.count():
            (bucket / f"{number}.csv").write_text("a")
            if over.wait(0.01):
                return

    dropping = threading.Thread(target=trickle)
    dropping.start()
    try:
        found = asyncio.run(events(Store(), 1.0))
    finally:
        over.set()
        dropping.join()
    assert 2 <= len(found) <= 5


class DyingStore(Store):
    """The triggerer is killed while it notes what it saw: before the note is kept, or after."""

    def __init__(self, *, kept: bool) -> None:
        super().__init__()
        self.kept = kept

    async def aset(self, key: str, value: Any) -> None:
        if self.kept:
            await super().aset(key, value)
        raise asyncio.CancelledError


def test_killed_before_it_noted_the_files_it_fires_when_it_is_back(bucket: Path) -> None:
    store = DyingStore(kept=False)
    (bucket / "one.csv").write_text("a")
    assert asyncio.run(events(store, 0.5)) == []
    again = Store()
    again.values = store.values
    assert [event["reason"] for event in asyncio.run(events(again, 0.5))] == ["files arrived"]
    assert asyncio.run(events(again, 0.5)) == []


@pytest.mark.integration
def test_killed_after_it_noted_the_files_the_ledger_makes_up_for_the_lost_event(
    tmp_path: Path, airflow_settings: None, clickhouse: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    from bucket_trigger import BucketTrigger

    given = clickhouse.model_copy(update={"bucket": f"file://{tmp_path}", "bucket_poll_seconds": 0.02})
    for module in ("include.settings", "include.landing.bucket", "include.warehouse.client"):
        monkeypatch.setattr(f"{module}.get_settings", lambda: given)
    store = DyingStore(kept=True)
    (tmp_path / "demo" / "generic").mkdir(parents=True)
    (tmp_path / "demo" / "generic" / "one.csv").write_text("a")
    assert asyncio.run(events(store, 0.5)) == []
    monkeypatch.setattr(BucketTrigger, "LEDGER_SECONDS", 0.1)
    again = Store()
    again.values = store.values
    assert asyncio.run(events(again, 2.0)) == [{"reason": "files wait", "files": 1}]


def test_the_trigger_names_the_class_that_airflow_imports(airflow_settings: None) -> None:
    from bucket_trigger import BucketTrigger

    assert BucketTrigger().serialize() == ("bucket_trigger.BucketTrigger", {})
