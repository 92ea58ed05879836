"""Files get into the bucket whole, once, and replace no other."""

from __future__ import annotations

from pathlib import Path

import pytest

from include.cli.drop import drop, free_key
from include.settings import Settings


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(_env_file=None, environment="development", home=tmp_path / "home", bucket="")


@pytest.fixture
def export(tmp_path: Path) -> Path:
    path = tmp_path / "export.csv.gz"
    path.write_text("date,clicks\n")
    return path


def test_a_file_is_copied_once(settings: Settings, export: Path) -> None:
    assert drop(settings, export, "demo/generic/export.csv.gz") is True
    assert drop(settings, export, "demo/generic/export.csv.gz") is False
    folder = settings.home / "landing" / "demo" / "generic"
    assert [path.name for path in folder.iterdir()] == ["export.csv.gz"]


def test_another_content_gets_another_name(settings: Settings, export: Path) -> None:
    key = free_key(settings, export, "demo/generic")
    assert key == "demo/generic/export.csv.gz"
    drop(settings, export, key)
    assert free_key(settings, export, "demo/generic") == key
    export.write_text("date,clicks,cost\n")
    other = free_key(settings, export, "demo/generic")
    assert other != key
    assert other.endswith(".csv.gz")
