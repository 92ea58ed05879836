"""The bad files: each is wrong in the way its name says, and none touches a good account."""

import csv
import json
from pathlib import Path

import pytest

from include.samples import DEMO, write_bad_files
from include.samples.catalog import ACCOUNTS


@pytest.fixture
def bad(tmp_path: Path) -> dict[str, Path]:
    return {f.path.name: f.path for f in write_bad_files(tmp_path, DEMO)}


def test_places(bad: dict[str, Path], tmp_path: Path) -> None:
    assert {p.relative_to(tmp_path).as_posix() for p in bad.values()} == {
        "demo/inbox/unknown_layout.csv",
        "demo/meta_ads/cut_in_the_middle.json",
        "demo/google_ads/empty_file.csv",
        "demo/google_ads/wrong_encoding_png_bytes.csv",
        "demo/generic/two_bad_rows_of_five.csv",
    }
    assert len([p for p in tmp_path.rglob("*") if p.is_file()]) == 5


def test_cut_json_does_not_parse(bad: dict[str, Path]) -> None:
    text = bad["cut_in_the_middle.json"].read_text()
    assert text.count('"date_start"') >= 4
    with pytest.raises(json.JSONDecodeError):
        json.loads(text)


def test_empty_file_is_empty(bad: dict[str, Path]) -> None:
    assert bad["empty_file.csv"].stat().st_size == 0


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "cp1252"])
def test_png_is_text_in_no_encoding(bad: dict[str, Path], encoding: str) -> None:
    raw = bad["wrong_encoding_png_bytes.csv"].read_bytes()
    assert raw.startswith(b"\x89PNG") and b"\x00" in raw
    with pytest.raises(UnicodeError):
        raw.decode(encoding)


def test_three_rows_of_five_are_good(bad: dict[str, Path]) -> None:
    with bad["two_bad_rows_of_five.csv"].open(newline="") as source:
        rows = list(csv.DictReader(source))
    good = [r for r in rows if r["date"] == "2026-06-30" and r["impressions"].isdigit()]
    assert (len(rows), len(good)) == (5, 3)
    assert {r["account_id"] for r in rows} == {"bad-rows-demo"}


def test_counts_and_accounts(tmp_path: Path) -> None:
    files = write_bad_files(tmp_path, DEMO)
    assert sum(f.rows_loaded for f in files) == 3 and sum(f.rows_rejected for f in files) == 2
    content = b"".join(f.path.read_bytes() for f in files)
    assert not any(a.account_id.encode() in content for a in ACCOUNTS)


def test_bad_files_are_the_same_every_time(tmp_path: Path) -> None:
    one, two = write_bad_files(tmp_path / "a"), write_bad_files(tmp_path / "b")
    assert [f.path.read_bytes() for f in one] == [f.path.read_bytes() for f in two]
