"""The bucket on a real S3 server: listing, odd names, and the way of a file from drop to ledger."""

from __future__ import annotations

import gzip
import io
import logging
import uuid
import zipfile
from pathlib import Path

import pytest
import zstandard
from clickhouse_connect.driver.exceptions import ClickHouseError

from include.landing import LandingError, discover, load, removal
from include.landing.bucket import Bucket, BucketError
from include.settings import Settings
from tests.landing.s3_place import Place, place, proxy, server
from tests.support.s3 import BUCKET, SECRET_KEY, Fault, Proxy

__all__ = ["place", "proxy", "server"]

pytestmark = pytest.mark.integration

GOOD = (
    "date,campaign_id,campaign_name,impressions,clicks,cost\n2025-05-01,1,Ä,100,10,5.25\n2025-05-02,1,Ä,200,20,10.50\n"
)


# ------------------------------------------------------------------------------------------------------- the store


def test_a_listing_of_several_pages_is_whole_and_sorted_or_an_error(place: Place, proxy: Proxy) -> None:
    names = [f"generic/{number:05d}.csv" for number in range(1203)]
    folder = place.server.folder(BUCKET) / place.prefix / place.workspace / "generic"
    folder.mkdir(parents=True)  # nanio serves files as objects; a thousand uploads would take half a minute
    for name in names:
        (folder / Path(name).name).write_bytes(b"a")
    assert [file.key for file in place.bucket.files()] == [f"{place.workspace}/{name}" for name in names]
    assert [file.key for file in place.bucket.files(f"{place.workspace}/generic")][-1].endswith("01202.csv")
    assert list(place.bucket.files("nothing/here")) == []
    # The second page breaks off: once is not noticed, and a listing that stays short is no listing.
    hiccup = iter([Fault(status=503)])
    proxy.fault = lambda method, path, bytes: next(hiccup, None) if "continuation-token" in path else None
    assert len(list(place.bucket.files())) == len(names)
    assert proxy.faults == 1
    proxy.fault = lambda method, path, bytes: Fault(status=503) if "continuation-token" in path else None
    with pytest.raises(BucketError, match="503"):
        place.waiting()


def test_an_upload_in_progress_is_no_file(place: Place) -> None:
    client, key = place.server.client(), f"{place.prefix}/{place.workspace}/generic/parts.csv"
    upload = client.create_multipart_upload(Bucket=BUCKET, Key=key)["UploadId"]
    part = client.upload_part(Bucket=BUCKET, Key=key, UploadId=upload, PartNumber=1, Body=GOOD.encode())
    assert place.waiting() == []
    client.complete_multipart_upload(
        Bucket=BUCKET, Key=key, UploadId=upload, MultipartUpload={"Parts": [{"ETag": part["ETag"], "PartNumber": 1}]}
    )
    line = place.load()["parts.csv"]
    assert (line.status, line.rows_loaded) == ("loaded", 2)
    assert place.waiting() == []


def test_files_that_are_not_ready_wait(place: Place) -> None:
    for name in ("a.csv.tmp", ".a.csv", "_a.csv", "a.csv.part"):
        place.put(f"generic/{name}", GOOD)
    assert place.waiting() == []


def test_streams_seek_and_go_on_where_a_body_broke_off(place: Place, proxy: Proxy) -> None:
    data = bytes(range(256)) * 16384  # 4 MiB
    place.put("generic/x.bin", data)
    key = f"{place.workspace}/generic/x.bin"
    with place.bucket.open(key) as stream:
        assert stream.read() == data
        assert stream.seek(-3, io.SEEK_END) == len(data) - 3
        assert stream.read() == data[-3:]
        stream.seek(1000)
        assert stream.read(10) == data[1000:1010]
    broken = iter([Fault(reset_after=1_500_000), Fault(status=503), Fault(reset_after=10)])
    proxy.fault = lambda method, path, bytes: next(broken, None) if method == "GET" else None
    with place.bucket.open(key) as stream:
        assert stream.read() == data
    assert proxy.faults == 3


def test_an_object_that_is_replaced_while_it_is_read_is_an_error(place: Place) -> None:
    place.put("generic/x.bin", b"a" * 3_000_000)
    with place.bucket.open(f"{place.workspace}/generic/x.bin") as stream:
        stream.read(10)
        place.put("generic/x.bin", b"b" * 3_000_000)
        stream.seek(2_500_000)
        with pytest.raises(BucketError, match="changed while it was read"):
            stream.read(10)


def test_what_is_written_appears_whole_or_not_at_all(place: Place) -> None:
    bucket = place.bucket
    with bucket.create("_work/large") as stream:
        for _ in range(40):
            stream.write(b"x" * 1024 * 1024)
    assert bucket.stat("_work/large").size == 40 * 1024 * 1024
    with pytest.raises(ZeroDivisionError), bucket.create("_work/broken") as stream:
        stream.write(b"x")
        raise ZeroDivisionError
    assert not bucket.exists("_work/broken")
    bucket.remove("_work/large")
    assert not bucket.exists("_work/large")


@pytest.mark.parametrize(
    ("url", "remedy"), [("s3://key:secret@exports/x", "Airflow connection"), ("gs://exports/x", "INSIGHTFLOW_BUCKET")]
)
def test_a_url_of_another_kind_is_refused_without_showing_its_secret(
    clickhouse: Settings, url: str, remedy: str
) -> None:
    with pytest.raises(ValueError, match=remedy) as refused:
        Bucket(clickhouse.model_copy(update={"bucket": url}))
    assert "secret" not in str(refused.value)


# ------------------------------------------------------------------------------------------------- drop to ledger

COSTS = (
    "SELECT toString(sum(insightflow_number(cost, '.'))) FROM raw.ad_performance WHERE workspace = {w:String}"
    " AND disposition = 'loaded' AND load_id IN (SELECT load_id FROM ops.current_loads)"
)


def _zip(text: str) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("report.csv", text)
    return packed.getvalue()


def test_files_of_every_dress_and_name_load_from_s3(place: Place) -> None:
    """ClickHouse reads the object itself; UTF-16, zip and names with wildcards go by a copy below ``_work/``."""
    names = ["with blank.csv", "ünï 漢.csv", "quo'te \".csv", "pl+us & = #, ;.csv", "back\\slash.csv", "wild*card?.csv",
             "br[1]{a,b}.csv", "double  blank.csv", "a..b.csv", "til~de$!@:.csv"]  # fmt: skip
    dresses: dict[str, bytes] = {
        "plain.csv": GOOD.encode(),
        "packed.csv.gz": gzip.compress(GOOD.encode()),
        "packed.csv.zst": zstandard.ZstdCompressor().compress(GOOD.encode()),
        "utf16.csv": GOOD.encode("utf-16"),
        "packed.zip": _zip(GOOD),
        "rows.ndjson": b'{"date":"2025-05-01","campaign_id":"1","cost":5.25}\n{"date":"2025-05-02","campaign_id":"1","cost":10.5}\n',
        **{name: GOOD.encode() for name in names},
    }
    for number, (name, content) in enumerate(dresses.items()):  # a workspace each: the same content is a duplicate
        key = f"{place.prefix}/{place.workspace}{number}/generic/{name}"
        place.server.client().put_object(Bucket=BUCKET, Key=key, Body=content)
    lines = place.load()
    outcome = {name: (line.status, line.rows_loaded, line.error) for name, line in lines.items()}
    assert outcome == dict.fromkeys(dresses, ("loaded", 2, ""))
    for number in range(len(dresses)):
        assert place.client.query(COSTS, parameters={"w": f"{place.workspace}{number}"}).result_rows == [("15.75",)]
    assert place.waiting() == []
    assert [key for key in place.objects() if key.startswith("_work/")] == []


def test_a_name_with_percent_is_quoted_for_clickhouse(place: Place) -> None:
    """nanio refuses such keys (it decodes them twice), so that only the URL is looked at here."""
    assert f"/{place.prefix}/w/generic/50%25.csv'" in place.bucket.table_function(["w/generic/50%.csv"], "CSV", "")


def test_a_replaced_object_is_loaded_again_and_the_same_bytes_are_not(place: Place) -> None:
    place.put("generic/a.csv", GOOD)
    assert place.load()["a.csv"].status == "loaded"
    place.put("generic/a.csv", GOOD)  # the same bytes have the same etag
    assert place.waiting() == []
    place.put("generic/a.csv", GOOD.replace("5.25", "6.25"))
    assert place.load()["a.csv"].status == "loaded"
    place.put("generic/copy.csv", GOOD)
    assert place.load()["copy.csv"].status == "duplicate"


# --------------------------------------------------------------------------------------------------------- faults


def _reads_by_clickhouse(proxy: Proxy, name: str, fault: Fault) -> None:
    """Break the GETs of an object after ours (the first looks at all bytes)."""
    seen = {"n": 0}

    def broken(method: str, path: str, bytes: str) -> Fault | None:
        if method != "GET" or name not in path:
            return None
        seen["n"] += 1
        return fault if seen["n"] > 1 else None

    proxy.fault = broken


@pytest.mark.parametrize("fault", [Fault(status=503), Fault(reset_after=700_000)], ids=["5xx", "reset in the body"])
@pytest.mark.parametrize("name", ["big.csv", "big.csv.gz"])
def test_a_bucket_that_fails_while_clickhouse_reads_fails_the_load_and_the_retry_loads_once(
    place: Place, proxy: Proxy, fault: Fault, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    text = "date,campaign_id,campaign_name,cost\n" + "".join(
        f"2025-05-{day:02d},{number},{uuid.uuid4()},1.5\n" for day in range(1, 29) for number in range(1500)
    )
    place.put(f"generic/{name}", gzip.compress(text.encode(), 1) if name.endswith(".gz") else text)
    _reads_by_clickhouse(proxy, name, fault)
    with caplog.at_level(logging.INFO), pytest.raises(LandingError) as failed:
        place.load()
    assert proxy.faults > 1
    assert "tried again" in str(failed.value)
    assert place.visible() == 0
    ledger = place.rows("SELECT status, error, rows_read FROM ops.file_ledger WHERE workspace = {w:String}")
    assert [(status, read) for status, _, read in ledger] == [("failed", 0)]
    for text_shown in (str(failed.value), ledger[0][1], caplog.text):
        assert SECRET_KEY not in text_shown
    proxy.fault = lambda *_: None
    assert len(place.waiting()) == 1
    assert place.load()[name].rows_loaded == 28 * 1500
    assert place.visible() == 28 * 1500
    assert place.waiting() == []


def test_one_object_of_many_that_fails_while_clickhouse_reads_leaves_nothing_half(place: Place, proxy: Proxy) -> None:
    """Small files are read by one statement and committed together; the retry loads each once."""
    for number in range(8):
        place.put(f"generic/{number:02d}.csv", GOOD.replace("5.25", f"{number}.25"))
    _reads_by_clickhouse(proxy, "05.csv", Fault(status=503))
    with pytest.raises(LandingError, match="tried again"):
        place.load()
    assert place.visible() == 0
    proxy.fault = lambda *_: None
    assert len(place.waiting()) == 8
    assert {(line.status, line.rows_loaded) for line in place.load().values()} == {("loaded", 2)}
    assert place.visible() == 16
    assert place.rows("SELECT count(), uniqExact(file_id) FROM ops.current_loads WHERE workspace = {w:String}") == [
        (8, 8)
    ]
    assert place.waiting() == []


@pytest.mark.parametrize("name", ["a.csv", "a.csv.gz"])
def test_a_bucket_that_fails_while_we_look_at_a_file_fails_its_load_only(place: Place, proxy: Proxy, name: str) -> None:
    place.put(f"generic/{name}", gzip.compress(GOOD.encode()) if name.endswith(".gz") else GOOD)
    place.put("generic/good.csv", GOOD.replace("5.25", "7.25"))
    proxy.fault = lambda method, path, bytes: Fault(status=500) if method == "GET" and f"/{name}" in path else None
    with pytest.raises(LandingError, match="500"):
        place.load()
    status = dict(place.rows("SELECT uri, status FROM ops.file_ledger WHERE workspace = {w:String}"))
    assert sorted(status.values()) == ["failed", "loaded"]
    proxy.fault = lambda *_: None
    assert [Path(key).name for key in place.waiting()] == [name]
    assert place.load()[name].status == "loaded"


def test_a_short_hiccup_is_not_even_noticed(place: Place, proxy: Proxy) -> None:
    place.put("generic/a.csv", GOOD)
    faults = iter([Fault(status=503)] * 2)
    proxy.fault = lambda method, path, bytes: next(faults, None)
    assert place.load()["a.csv"].status == "loaded"
    hiccup = {"left": 1}

    def at_clickhouse(method: str, path: str, bytes: str) -> Fault | None:
        if method == "GET" and "b.csv" in path and len([r for r in proxy.requests if r == (method, path)]) > 1:
            hiccup["left"] -= 1
            return Fault(reset_after=5) if hiccup["left"] >= 0 else None
        return None

    proxy.requests.clear()
    proxy.fault = at_clickhouse
    place.put("generic/b.csv", GOOD.replace("5.25", "8.25"))
    assert place.load()["b.csv"].status == "loaded"
    assert hiccup["left"] < 0


def test_a_bucket_that_is_away_says_so(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    with pytest.raises(BucketError, match=r"127\.0\.0\.1:1"):
        place.waiting()


def test_a_wrong_secret_says_so(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wrong")
    with pytest.raises(BucketError, match="check the log-in and its rights"):
        place.waiting()


def test_the_secret_does_not_show_in_processes_or_errors_of_clickhouse(place: Place) -> None:
    place.put("generic/a.csv", GOOD)
    source = place.bucket.table_function([f"{place.workspace}/generic/a.csv"], "CSV", "a String")
    assert SECRET_KEY in source
    shown = place.client.query(
        f"SELECT (SELECT any(query) FROM system.processes WHERE query LIKE '%generic/a.csv%'), count() FROM {source}"
    ).first_row[0]
    assert "generic/a.csv" in shown
    assert SECRET_KEY not in shown
    with pytest.raises(ClickHouseError) as wrong:
        place.client.query(f"SELECT no_such_column FROM {source}")
    assert SECRET_KEY not in str(wrong.value)


def test_log_in_and_endpoint_come_from_the_airflow_connection(
    place: Place, proxy: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    """``s3://conn_id@bucket/prefix``, as ObjectStoragePath writes it."""
    variables = place.server.variables(proxy.endpoint)
    for name in variables:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AIRFLOW_CONN_EXPORTS_S3", _airflow_connection(variables))
    settings = place.settings.model_copy(update={"bucket": f"s3://exports_s3@{BUCKET}/{place.prefix}"})
    place.put("generic/a.csv", GOOD)
    bucket = Bucket(settings)
    keys = discover(place.client, bucket)
    [line] = load(keys, "test", place.client, bucket)
    assert (line.status, line.rows_loaded) == ("loaded", 2)
    assert line.uri == f"s3://exports_s3@{BUCKET}/{place.prefix}/{keys[0]}"
    assert place.rows("SELECT status FROM ops.file_ledger WHERE workspace = {w:String}") == [("loaded",)]


def _airflow_connection(variables: dict[str, str]) -> str:
    import json

    return json.dumps(
        {
            "conn_type": "aws",
            "login": variables["AWS_ACCESS_KEY_ID"],
            "password": variables["AWS_SECRET_ACCESS_KEY"],
            "extra": {"endpoint_url": variables["AWS_ENDPOINT_URL"], "region_name": "us-east-1"},
        }
    )


def test_an_airflow_connection_that_is_not_there_says_so(place: Place) -> None:
    with pytest.raises(BucketError, match="nobody_knows"):
        Bucket(place.settings.model_copy(update={"bucket": f"s3://nobody_knows@{BUCKET}/x"}))


def test_a_file_taken_back_is_set_aside_and_its_very_bytes_come_again(place: Place, postgres: Settings) -> None:
    """To S3 they have the etag of before: only that the file was set aside tells that it came again."""
    place.put("generic/report.csv", GOOD)
    place.load()
    export = removal.find(place.client, f"{place.workspace}/generic/report.csv")
    done = removal.remove(place.client, place.bucket, place.settings, export, "ann")
    aside = f"{place.workspace}/_removed/generic/{export.file_id}/report.csv"
    assert done.moved == {f"{place.workspace}/generic/report.csv": aside}
    assert (place.objects(), place.waiting(), place.visible()) == ([aside], [], 0)
    place.put("generic/report.csv", GOOD)
    assert place.load()["report.csv"].status == "loaded"
    assert place.visible() == 2
