"""The trigger fires once for what changed, and remembers it."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest


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
    from include.settings import Settings

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


def test_the_trigger_names_the_class_that_airflow_imports(airflow_settings: None) -> None:
    from bucket_trigger import BucketTrigger

    assert BucketTrigger().serialize() == ("bucket_trigger.BucketTrigger", {})
