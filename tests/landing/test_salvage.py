"""JSON that is none, and is written all the same: NaN and Infinity, one array behind the other."""

from __future__ import annotations

import gzip
import json
from datetime import date

import pytest

from include.landing import split
from include.landing.literals import write_as_json
from tests.landing.conftest import Landing

TEXT = (
    '[{"a": NaN, "b": "NaN, \\"NaN\\": NaN", "c": [NaN,-Infinity], "NaN": Infinity, "d": "\\\\"},\n'
    '{"e": "no end: NaN\n{"f": NaN, "g": -1.5, "h": "Infinity"}]NaN'
)
EXPECTED = (
    '[{"a": null, "b": "NaN, \\"NaN\\": NaN", "c": [null,"-Infinity"], "NaN": "Infinity", "d": "\\\\"},\n'
    '{"e": "no end: NaN\n{"f": null, "g": -1.5, "h": "Infinity"}]null'
)


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
def test_they_are_replaced_where_they_are_values_and_nowhere_else(size: int) -> None:
    written: list[str] = []
    assert write_as_json([TEXT[i : i + size] for i in range(0, len(TEXT), size)], written.append) == 6
    assert "".join(written) == EXPECTED


ROWS = [
    {"date": "2025-05-01", "campaign_id": "1", "campaign_name": "NaN, Infinity", "clicks": 3, "cost": float("nan")},
    {"date": "2025-05-01", "campaign_id": "2", "campaign_name": "B", "clicks": float("nan"), "cost": 1.5},
    {"date": "2025-05-01", "campaign_id": "3", "campaign_name": "C", "clicks": 1, "cost": float("inf")},
]


@pytest.mark.integration
def test_rows_of_a_data_frame_with_missing_numbers_are_loaded(
    landing: Landing, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As ``json.dumps`` writes them; what is infinite is rejected with its line. Also far behind a file's start."""
    many = [ROWS[0] | {"cost": 2.0, "campaign_id": f"x{n}"} for n in range(4000)]
    documents = {
        "generic/array.json": json.dumps(ROWS),
        "generic/lines.json": "\n".join(json.dumps(row) for row in ROWS),
        "generic/late.json": json.dumps([*many, *ROWS]),
        "generic/inside.json": json.dumps({"data": ROWS}),
    }
    for key, text in documents.items():
        landing.put(key, text)
    # The list is cut into lines, where a document is large; a bad line does not make the file's other lines bad.
    monkeypatch.setattr(split, "LARGE", 1000)
    landing.put("generic/large.json", json.dumps({"data": [*many, *ROWS]}))
    landing.put("generic/bad_line.json", documents["generic/lines.json"] + "\nno record\n")
    landing.put("generic/packed.json.gz", gzip.compress(json.dumps([*ROWS, ROWS[1] | {"campaign_id": "4"}]).encode()))
    lines = landing.load()
    assert {name: (line.status, line.rows_loaded, line.rejected) for name, line in lines.items()} == {
        "array.json": ("loaded", 2, {"not_a_number": 1}),
        "lines.json": ("loaded", 2, {"not_a_number": 1}),
        "late.json": ("loaded", 4002, {"not_a_number": 1}),
        "inside.json": ("loaded", 2, {"not_a_number": 1}),
        "large.json": ("loaded", 4002, {"not_a_number": 1}),
        "bad_line.json": ("loaded", 2, {"not_a_number": 1, "malformed_line": 1}),
        "packed.json.gz": ("loaded", 3, {"not_a_number": 1}),
    }
    [line] = [line for name, line in lines.items() if name == "array.json"]
    found = landing.rows(
        "SELECT toDate(date), campaign_id, campaign_name, clicks, cost, row_number FROM raw.ad_performance"
        f" WHERE load_id = {line.load_id} AND disposition = 'loaded' ORDER BY row_number"
    )
    assert found == [
        (date(2025, 5, 1), "1", "NaN, Infinity", "3", "", 1),
        (date(2025, 5, 1), "2", "B", "", "1.5", 2),
    ]


@pytest.mark.integration
def test_arrays_one_behind_the_other_are_read_as_one(landing: Landing) -> None:
    """As pages of an API are written, one after the other; a last page that is cut off still refuses the whole."""
    rows = [
        {"date": "2025-05-01", "campaign_id": str(n), "campaign_name": "A, [1]\u2028", "clicks": n} for n in range(5)
    ]
    pages = json.dumps(rows[:2]) + "[]\n" + json.dumps(rows[2:], indent=1, ensure_ascii=False)
    landing.put("generic/pages.json", pages)
    landing.put("generic/nan.json.gz", gzip.compress(pages.replace('"clicks": 1', '"clicks": NaN').encode()))
    landing.put("generic/cut.json", pages[:-20])
    lines = landing.load()
    assert lines["pages.json"].status == "loaded" and lines["pages.json"].rows_loaded == 5
    assert lines["nan.json.gz"].status == "loaded" and lines["nan.json.gz"].rows_loaded == 5
    assert lines["cut.json"].error.startswith("truncated_file: ")
    found = landing.rows(
        "SELECT campaign_id, campaign_name, clicks, row_number FROM raw.ad_performance"
        f" WHERE load_id = {lines['pages.json'].load_id} ORDER BY row_number"
    )
    assert found == [(str(n), "A, [1]\u2028", str(n), n + 1) for n in range(5)]
