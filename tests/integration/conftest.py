"""Engines of their own for tests that build the whole project: others make tables of the marts by hand."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from clickhouse_connect.driver.client import Client

from include.landing import LedgerLine, discover, load
from include.landing.bucket import Bucket
from include.samples import DEMO, Truth, generate, write_bad_files, write_extras
from include.settings import Settings
from include.transform import build
from include.warehouse.client import connect
from tests.support.engines import migrated_clickhouse, migrated_postgres, settings_of
from tests.support.waiting import waiting_dates


@pytest.fixture(scope="package")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return settings_of(tmp_path_factory.mktemp("integration"))


@pytest.fixture(scope="package")
def postgres(settings: Settings) -> Iterator[Settings]:
    with migrated_postgres(settings):
        yield settings


@pytest.fixture(scope="package")
def clickhouse(settings: Settings) -> Iterator[Settings]:
    with migrated_clickhouse(settings):
        yield settings


@dataclass
class Samples:
    """The demo's exports in the warehouse: what is true of them, and what the ledger says of each file."""

    settings: Settings
    client: Client
    truth: Truth
    lines: dict[str, LedgerLine]


@pytest.fixture(scope="package")
def samples(postgres: Settings, clickhouse: Settings) -> Iterator[Samples]:
    """Files generated, loaded and built up to the marts, good ones and bad ones together."""
    client = connect(clickhouse)
    bucket = Bucket(clickhouse)
    root = clickhouse.home / "landing"
    truth = generate(root, DEMO, truth_dir=clickhouse.home / "truth")
    write_extras(root, truth)
    write_bad_files(root, DEMO)
    keys = [key for key in discover(client, bucket) if key.startswith(f"{DEMO.workspace}/")]
    lines = {line.uri.rsplit("/", 1)[1]: line for line in load(keys, "truth", client, bucket)}
    days = waiting_dates(client, DEMO.workspace)
    for layer in ("staging", "facts", "marts"):
        build(layer, days, "truth", settings=clickhouse)
    yield Samples(clickhouse, client, truth, lines)
    client.close()
    shutil.rmtree(root / DEMO.workspace, ignore_errors=True)
