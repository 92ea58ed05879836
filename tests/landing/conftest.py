"""A bucket of its own and a workspace of its own for each landing test, over the shared embedded engine."""

from __future__ import annotations

import gzip
import json
import shutil
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from clickhouse_connect.driver.client import Client

from include.landing import LedgerLine, discover, load
from include.landing.bucket import Bucket
from include.settings import Settings

FIXTURES = Path(__file__).parents[1] / "fixtures"


@dataclass
class Landing:
    """Drop files into a fresh workspace and load what waits there."""

    settings: Settings
    client: Client
    workspace: str

    @property
    def bucket(self) -> Bucket:
        return Bucket(self.settings)

    @property
    def folder(self) -> Path:
        return self.settings.home / "landing" / self.workspace

    def put(self, where: str, content: bytes | str | Path) -> Path:
        """Write ``<workspace>/<where>``."""
        path = self.folder / where
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, Path):
            shutil.copy(content, path)
        else:
            path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    def waiting(self) -> list[str]:
        """Keys of this workspace that the ledger does not know."""
        return [key for key in discover(self.client, self.bucket) if key.startswith(f"{self.workspace}/")]

    def load(self) -> dict[str, LedgerLine]:
        """Load all that waits; file name → ledger line."""
        return {Path(line.uri).name: line for line in load(self.waiting(), "test", self.client, self.bucket)}

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """Rows of a query in which {w} is this workspace."""
        result = self.client.query(sql, parameters={"w": self.workspace})
        return [tuple(row) for row in result.result_rows]


@pytest.fixture
def landing(clickhouse: Settings, warehouse: Client) -> Iterator[Landing]:
    place = Landing(clickhouse, warehouse, f"t{uuid.uuid4().hex[:10]}")
    yield place
    shutil.rmtree(place.folder, ignore_errors=True)


@pytest.fixture
def expected() -> Callable[[str], dict[str, Any]]:
    """The ``.expected.json`` beside a fixture."""
    return lambda name: json.loads((FIXTURES / f"{name}.expected.json").read_text())


def zipped(data: bytes) -> bytes:
    """gzip, the same bytes for the same input."""
    return gzip.compress(data, mtime=0)
