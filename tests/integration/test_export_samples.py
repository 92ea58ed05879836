"""Real exports, and exactly the rows, rejects and skips that they must become in staging."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import ClickHouseError

from include.landing import LedgerLine, discover, load, pending_dates
from include.landing.bucket import Bucket
from include.landing.errors import RefusedFile
from include.landing.forms import Attempt, form_of, make_readable, reader_of
from include.landing.group_load import recognise
from include.landing.readers.base import Reader
from include.landing.recognise import Match
from include.landing.sniff import empty_report, sniff
from include.landing.specs import Source, find_source
from include.settings import Settings
from include.transform import build
from include.warehouse.client import connect

pytestmark = pytest.mark.integration

FIXTURES = Path(__file__).parents[1] / "fixtures"
SAMPLES = sorted(p for p in FIXTURES.glob("*/[0-9]*") if not p.name.endswith(".expected.json"))
# Files that end in a state together: the rows expected are those after both.
SEQUENCES = {
    "seq-23-24": ["23_restatement_v1_exported_20250111.ndjson", "24_restatement_v2_exported_20250118.ndjson"],
    "seq-24-23": ["24_restatement_v2_exported_20250118.ndjson", "23_restatement_v1_exported_20250111.ndjson"],
    "seq-25-26": ["25_overlap_part_a.csv", "26_overlap_part_b.csv"],
}
ALONE = [p for p in SAMPLES if not p.name.startswith(("24", "26"))]
# One of each ending; others are loaded from an inbox too where it takes more than to be read and recognised.
EACH_ENDING = list({path.suffix: path for path in ALONE}.values())
NUMBERS = ("impressions", "clicks", "cost", "conversions", "conversion_value")


def number(path: Path) -> str:
    return path.name.split("_")[0]


def sample(name: str) -> Path:
    return next(path for path in SAMPLES if path.name == name)


def expectation(path: Path) -> dict[str, Any]:
    return dict(json.loads(path.with_name(path.name + ".expected.json").read_text()))


def way(client: Client, bucket: Bucket, key: str, source: Source | None) -> list[tuple[Reader, Match]]:
    """How landing reads a file and what it takes it for, in the folder of the source or, without one, in an inbox: all that
    the folder decides of its rows. Nothing where it holds no records, or is not read in one go."""
    attempt = Attempt(LedgerLine(), bucket.stat(key), sniff(bucket, bucket.stat(key)), key=key)
    assert attempt.sniffed
    try:
        if empty_report(attempt.sniffed, source):
            return []
        make_readable(bucket, attempt, f"_work/{Path(key).name}")
        form = form_of(bucket, attempt, source)
        found = []
        for whole in (False, True) if form.format == "json" else (False,):
            reader = reader_of(client, bucket, form, [attempt.key], source, whole=whole)
            if not reader.cells:
                return []
            headers = list(reader.cells)
            found.append((reader, recognise(headers, form.format, source, attempt.preamble, reader.records)))
        return found
    except (ClickHouseError, RefusedFile):
        return []
    finally:
        for copy in attempt.copies:
            bucket.remove(copy)


@dataclass
class Landed:
    """Every sample in its own folder, some in an inbox too: the ledger line of each, and how those only in a folder are
    read in both places."""

    client: Client
    lines: dict[str, LedgerLine]
    ways: dict[str, tuple[list[tuple[Reader, Match]], list[tuple[Reader, Match]]]]


@pytest.fixture(scope="module")
def landed(postgres: Settings, clickhouse: Settings) -> Iterator[Landed]:
    """Sequences come one after the other; then one dbt build."""
    client = connect(clickhouse)
    bucket = Bucket(clickhouse)
    root = clickhouse.home / "landing"
    found = Landed(client, {}, {})

    def put(workspace: str, folder: str, path: Path) -> str:
        target = root / workspace / folder / path.name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, target)
        return f"{workspace}/{folder}/{path.name}"

    def take_in() -> None:
        for line in load(discover(client, bucket), "samples", client, bucket):
            found.lines["/".join((line.workspace, Path(line.uri).name))] = line

    for path in ALONE:
        key = put(f"own-{number(path)}", path.parent.name, path)
        own = way(client, bucket, key, find_source(path.parent.name))
        if own and path not in EACH_ENDING:
            found.ways[path.name] = own, way(client, bucket, key, None)
        else:
            put(f"inbox-{number(path)}", "inbox", path)
    take_in()
    for workspace, names in SEQUENCES.items():
        for name in names:
            put(workspace, sample(name).parent.name, sample(name))
            take_in()
    build("staging", pending_dates(client), "samples", full_refresh=True, settings=clickhouse)
    yield found
    client.close()
    for workspace in {key.split("/")[0] for key in found.lines}:
        shutil.rmtree(root / workspace, ignore_errors=True)


def staged(client: Client, workspace: str) -> list[dict[str, Any]]:
    result = client.query(
        "SELECT * FROM staging.stg_ad_performance WHERE workspace = {w:String}", parameters={"w": workspace}
    )
    return [dict(zip(result.column_names, row, strict=True)) for row in result.result_rows]


def comparable(row: dict[str, Any]) -> tuple[Any, ...]:
    """A row as the samples compare it: numbers by value, what is absent as None, segments as a map."""
    values = []
    for name in ("platform", "date", "account_id", "account_name", "campaign_id", "campaign_name", "ad_group_id",
                 "ad_group_name", "ad_id", "ad_name", *NUMBERS, "currency"):  # fmt: skip
        value = row.get(name)
        if name in NUMBERS:
            value = None if value is None else Decimal(str(value)).normalize() + 0
        values.append(str(value) if name == "date" else value)
    return (*values, tuple(sorted((row.get("segments") or {}).items())))


@pytest.mark.parametrize("where", ["own", "inbox"])
@pytest.mark.parametrize("path", ALONE, ids=lambda path: path.name)
def test_sample_becomes_exactly_its_rows(landed: Landed, path: Path, where: str) -> None:
    client, lines = landed.client, landed.lines
    if where == "inbox" and path.name in landed.ways:
        own, inbox = landed.ways[path.name]
        assert inbox == own, "the same reader and the same columns give the same rows"
        return
    expected = expectation(path)
    workspace = f"{where}-{number(path)}"
    line = lines[f"{workspace}/{path.name}"]
    rows = [comparable(row) for row in staged(client, workspace)]
    assert sorted(rows, key=repr) == sorted((comparable(row) for row in expected["rows"]), key=repr)
    whole_file = [reject for reject in expected["rejected"] if reject.get("file")]
    if whole_file:
        assert line.status == "rejected"
        assert line.error.startswith(whole_file[0]["reason"])
        return
    assert line.status == "loaded", line.error
    assert line.source == expected["platform"]
    assert line.shape == {"generic": "generic"}.get(expected["platform"], expected["export"])
    assert line.rows_loaded == len(expected["rows"])
    assert line.rows_read == line.rows_loaded + line.rows_rejected + line.rows_skipped
    assert line.rows_skipped == sum(n for n in expected["dropped"].values() if isinstance(n, int))
    rejects = client.query(
        "SELECT row_number, reason, detail FROM ops.rejected_rows WHERE workspace = {w:String} ORDER BY row_number",
        parameters={"w": workspace},
    ).result_rows
    # `record` of the samples counts from 0, our row_number from 1; `line` is the line of the file in both.
    wanted = [(r.get("line") or r["record"] + 1, r["reason"]) for r in expected["rejected"]]
    assert [(n, reason) for n, reason, _ in rejects] == wanted
    for (_, _, detail), reject in zip(rejects, expected["rejected"], strict=True):
        assert reject.get("value", "") in detail
        assert reject.get("column", "") in detail


@pytest.mark.parametrize("workspace", SEQUENCES)
def test_newest_export_stands_in_whatever_order_files_arrive(landed: Landed, workspace: str) -> None:
    final = max(SEQUENCES[workspace], key=lambda name: name.split("_")[0])
    rows = sorted((comparable(row) for row in staged(landed.client, workspace)), key=repr)
    assert rows == sorted((comparable(row) for row in expectation(sample(final))["rows"]), key=repr)


def test_every_row_traces_to_its_file_and_line(landed: Landed) -> None:
    rows = landed.client.query(
        "SELECT s.row_number, l.uri FROM staging.stg_ad_performance AS s INNER JOIN ops.current_loads AS l USING (file_id)"
        " WHERE s.workspace = 'own-01' ORDER BY s.row_number"
    ).result_rows
    lines = sample("01_google_ads_ui_campaign_report.csv").read_text().splitlines()
    assert [row[0] for row in rows] == [4, 5, 6, 7]
    assert all(lines[number - 1].startswith("2025-01-0") for number, _ in rows)
    assert all(uri.endswith("01_google_ads_ui_campaign_report.csv") for _, uri in rows)
