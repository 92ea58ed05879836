"""Files that no export is: each is refused with its reason, alone, and nothing else waits for it."""

from __future__ import annotations

import bz2
import gzip
import io
import zipfile
from collections.abc import Mapping

import pytest
import zstandard

from include.landing import errors, group_load
from tests.landing.conftest import Landing

pytestmark = pytest.mark.integration

HEADER = "date,campaign_id,campaign_name,impressions,clicks,cost,conversions,conversion_value,currency\n"
ROW = "2025-01-01,1,A,10,1,1.50,0,0,USD\n"
GOOD = HEADER + ROW
LONG = HEADER + "".join(f"2025-01-01,{n},Name {n},1,1,1.{n % 97},0,0,USD\n" for n in range(4000))


def archive(named: Mapping[str, str] | None = None, **files: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as target:
        for name, text in files.items():
            target.writestr(name.replace("__", "."), text)
        for name, text in (named or {}).items():
            target.writestr(name, text)
    return buffer.getvalue()


WRONG = [
    ("nothing.csv", b"", "empty_file"),
    ("only_a_mark.csv", b"\xef\xbb\xbf", "empty_file"),
    ("only_blanks.csv", b"\n\n  \n", "empty_file"),
    ("nothing.csv.gz", gzip.compress(b""), "empty_file"),
    ("nothing.csv.zst", zstandard.compress(b""), "empty_file"),
    ("log_in.csv", b"<!DOCTYPE html><html><body>Sign in</body></html>", "not_an_export"),
    ("picture.png", bytes(range(256)) * 20, "unknown_encoding"),
    ("page.pdf", b"%PDF-1.4\n\x00\x01\x02\xff", "unknown_format"),
    ("old.xls", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(500), "unknown_format"),
    ("table.csv.bz2", bz2.compress(GOOD.encode()), "unknown_format"),
    ("lists.json", b'{"columns": ["date", "clicks"], "rows": [["2025-01-01", "5"]]}', "missing_columns"),
    ("cut.csv.gz", gzip.compress(LONG.encode())[:-200], "truncated_file"),
    ("cut.csv.zst", zstandard.compress(LONG.encode())[:-200], "truncated_file"),
    ("cut.utf16.csv.zst", zstandard.compress(LONG.encode("utf-16"))[:-200], "truncated_file"),
    ("cut.utf16.csv.gz", gzip.compress(LONG.encode("utf-16"))[:-200], "truncated_file"),
    ("cut.zip", archive(a__csv=LONG)[:-300], "truncated_file"),
    ("cut_in_a_quote.csv", GOOD.encode() + b'2025-01-01,2,"Name cut in', "truncated_file"),
    ("cut_in_a_row.csv", GOOD.encode() + b"2025-01-01,2,B,1", "truncated_file"),
    ("cut.json", b'[{"date":"2025-01-01","campaign_id":"1","clicks":1},{"date":"20', "truncated_file"),
    ("cut_between.json", b'[{"date":"2025-01-01","campaign_id":"1","clicks":1}', "truncated_file"),
    ("cut_document.json", b'{"data":[{"date":"2025-01-01","campaign_id":"1","clicks":1},', "truncated_file"),
    (
        "cut_lists_by_id.json",
        b'{"12":[{"date":"2025-01-01","campaign_id":"1","clicks":1},{"date":"20',
        "truncated_file",
    ),
    ("cut.ndjson", b'{"date":"2025-01-01","campaign_id":"1","clicks":1}\n{"date":"20', "truncated_file"),
    ("two.zip", archive(a__csv=GOOD, b__csv=GOOD), "unknown_format"),
    ("notes.zip", archive(README__txt="Hello", __DS_Store="x"), "empty_file"),
    ("twice.csv.gz", gzip.compress(gzip.compress(GOOD.encode())), "unknown_format"),
    ("no_date.csv", b"campaign_id,impressions,cost\n1,5,2\n", "missing_columns"),
    ("answer.json", b'{"error":{"message":"User request limit reached","code":17}}', "missing_columns"),
]


def test_a_wrong_file_concerns_itself_only(landing: Landing) -> None:
    for name, content, _ in WRONG:
        landing.put(f"generic/{name}", content)
    landing.put("generic/good.csv", GOOD)
    landing.put("generic/also_good.csv", GOOD.replace("2025-01-01", "2025-01-02"))
    lines = landing.load()
    found = {name: (line.status, line.error.split(":")[0]) for name, line in lines.items()}
    assert found == {
        **{name: ("rejected", reason) for name, _, reason in WRONG},
        "good.csv": ("loaded", ""),
        "also_good.csv": ("loaded", ""),
    }
    assert landing.waiting() == []
    assert not list((landing.settings.home / "landing" / "_work").glob("*"))


def test_a_zip_of_several_files_is_told_with_its_files_and_the_remedy(landing: Landing) -> None:
    junk = dict.fromkeys(("__MACOSX/._a.csv", "sub/.DS_Store", "README.txt", "sub/", "Thumbs.db"), "")
    landing.put("generic/two.zip", archive({"a.csv": GOOD, "sub/b.csv": GOOD, **junk}))
    error = landing.load()["two.zip"].error
    assert "the zip holds 2 files of data (a.csv, sub/b.csv), and is read with one only: unpack it" in error
    assert "drop them as a folder <batch>/ of this place" in error


def test_a_surprise_refuses_its_file_alone(landing: Landing, monkeypatch: pytest.MonkeyPatch) -> None:
    """Stands for what nobody thought of: reading one file stumbles where no refusal was foreseen."""
    known = group_load.recognise

    def recognise(headers, *args, **options):  # type: ignore[no-untyped-def]
        if "surprise" in headers:
            raise IndexError("list index out of range")
        return known(headers, *args, **options)

    monkeypatch.setattr(group_load, "recognise", recognise)
    landing.put("generic/odd.csv", GOOD.replace("currency", "surprise"))
    landing.put("generic/good.csv", GOOD)
    lines = landing.load()
    assert lines["good.csv"].status == "loaded"
    assert lines["odd.csv"].status == "rejected"
    assert lines["odd.csv"].error.startswith("unreadable_file: ")


def test_a_statement_that_a_files_columns_break_refuses_it(landing: Landing, monkeypatch: pytest.MonkeyPatch) -> None:
    """It would fail as long as the file lies there, and hold up all others."""
    known = group_load.statements_of

    def statements_of(client, draft, *args):  # type: ignore[no-untyped-def]
        if "surprise" in draft.reader.cells:
            client.query("SELECT isNaN([1])")
        return known(client, draft, *args)

    monkeypatch.setattr(group_load, "statements_of", statements_of)
    landing.put("generic/odd.csv", GOOD.replace("currency", "surprise"))
    landing.put("generic/good.csv", GOOD)
    lines = landing.load()
    assert lines["good.csv"].status == "loaded"
    assert lines["odd.csv"].error.startswith("unreadable_file: ")


def test_a_server_that_is_away_is_no_fault_of_the_file() -> None:
    assert errors.error_code(Exception("Code: 210. DB::Exception: Connection refused")) not in errors.CONTENT_ERRORS


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("old_mac.csv", (GOOD + ROW.replace("01-01", "01-02")).replace("\n", "\r").encode()),
        ("old_mac.utf16.csv", (GOOD + ROW.replace("01-01", "01-02")).replace("\n", "\r").encode("utf-16")),
        ("frames.csv.zst", zstandard.compress(GOOD.encode()) + zstandard.compress(ROW.replace("01-01", "01-02").encode())),
        ("frames.utf16.csv.zst",
         zstandard.compress(GOOD.encode("utf-16")) + zstandard.compress(ROW.replace("01-01", "01-02").encode("utf-16-le"))),
        ("members.csv.gz", gzip.compress(GOOD.encode()) + gzip.compress(ROW.replace("01-01", "01-02").encode())),
        ("text.zip", archive(report__txt=GOOD + ROW.replace("01-01", "01-02"), README__md="Hello")),
        ("mac.zip", archive(a__csv=GOOD + ROW.replace("01-01", "01-02"), __DS_Store="x", readme__txt="Hello")),
        ("blanks.csv", b'"date", "campaign_id", "cost"\n"2025-01-01", "1", "1.50"\n"2025-01-02", "1", "1.50"\n'),
    ],
)  # fmt: skip
def test_an_odd_file_that_is_whole_is_read_whole(landing: Landing, name: str, content: bytes) -> None:
    landing.put(f"generic/{name}", content)
    line = landing.load()[name]
    assert (line.status, line.error, line.rows_read, line.rows_loaded) == ("loaded", "", 2, 2)


def test_lines_in_another_encoding_are_rejected_not_garbled(landing: Landing) -> None:
    other = ROW.replace("A", "Café").encode("cp1252")
    landing.put("generic/pasted.csv", GOOD.replace("A", "Crème").encode() + other)
    line = landing.load()["pasted.csv"]
    assert (line.rows_loaded, line.rejected) == (1, {"bad_encoding": 1})
