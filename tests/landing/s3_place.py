"""A prefix of its own on a real S3 server, behind a proxy that can fail: fixtures of the tests of buckets on S3."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from clickhouse_connect.driver.client import Client

from include.landing import LedgerLine, discover, load
from include.landing.bucket import Bucket
from include.settings import Settings
from tests.support.s3 import BUCKET, Proxy, S3Server, proxy_before, s3_server


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    with s3_server(tmp_path_factory.mktemp("s3")) as running:
        yield running


@pytest.fixture(scope="module")
def proxy(server: S3Server) -> Iterator[Proxy]:
    with proxy_before(server) as running:
        yield running


@dataclass
class Place:
    """A prefix of its own on the server, and a workspace in it."""

    server: S3Server
    settings: Settings
    client: Client
    prefix: str
    workspace: str = "w"

    @property
    def bucket(self) -> Bucket:
        return Bucket(self.settings)

    def put(self, where: str, content: bytes | str) -> None:
        body = content.encode() if isinstance(content, str) else content
        self.server.client().put_object(Bucket=BUCKET, Key=f"{self.prefix}/{self.workspace}/{where}", Body=body)

    def objects(self) -> list[str]:
        """All objects below the prefix, as the server lists them."""
        listed = self.server.client().list_objects_v2(Bucket=BUCKET, Prefix=f"{self.prefix}/")
        return [entry["Key"].removeprefix(f"{self.prefix}/") for entry in listed.get("Contents", [])]

    def waiting(self) -> list[str]:
        return discover(self.client, self.bucket)

    def load(self) -> dict[str, LedgerLine]:
        return {Path(line.uri).name: line for line in load(self.waiting(), "test", self.client, self.bucket)}

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """Rows of a query in which {w} is this workspace."""
        return [tuple(row) for row in self.client.query(sql, parameters={"w": self.workspace}).result_rows]

    def visible(self) -> int:
        """Rows that the loads that count brought."""
        return int(self.rows("SELECT sum(rows) FROM ops.file_coverage WHERE workspace = {w:String}")[0][0])


@pytest.fixture
def place(
    server: S3Server, proxy: Proxy, clickhouse: Settings, warehouse: Client, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Place]:
    """All requests, ours and ClickHouse's, go through the proxy, which lets them pass unless told otherwise."""
    for name, value in server.variables(proxy.endpoint).items():
        monkeypatch.setenv(name, value)
    prefix = f"p{uuid.uuid4().hex[:8]}"
    settings = clickhouse.model_copy(update={"bucket": f"s3://{BUCKET}/{prefix}"})
    proxy.fault, proxy.faults = (lambda *_: None), 0
    proxy.requests.clear()
    yield Place(server, settings, warehouse, prefix, f"w{uuid.uuid4().hex[:8]}")
    proxy.fault = lambda *_: None
