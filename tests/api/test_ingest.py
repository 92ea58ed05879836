"""Sending files: every form, whole or not at all, once, within the limit, with an answer at once."""

from __future__ import annotations

import gzip
import json
import resource
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import httpx
import pytest
from fastapi.testclient import TestClient

from include.api.app import create_app
from include.api.intake.look import cut
from include.api.intake.receive import safe_name
from include.landing import load
from include.landing.bucket import Bucket
from include.settings import Settings
from tests.api.conftest import LogIn
from tests.support.api_server import api_server
from tests.support.processes import free_port, wait_until
from tests.support.s3 import s3_server

pytestmark = pytest.mark.integration
URL = "/api/v1/data/ingest"
HEADER = "date,account_id,campaign_id,campaign_name,impressions,clicks,cost"
CSV = f"{HEADER}\n2026-06-30,1,c1,Brand,100,10,5.50\n2026-06-29,1,c1,Brand,100,ten,5.50\n"
RECORDS = [dict(zip(HEADER.split(","), ["2026-06-30", "1", "c1", "Brand", 100, 10, 5.5], strict=True))]


@pytest.fixture
def landed(site: Settings) -> Iterator[Path]:
    """The bucket's folder of the workspace, emptied before and after."""
    folder = Path(unquote(urlsplit(site.bucket).path)) / "demo"
    empty(folder)
    yield folder
    empty(folder)


def empty(folder: Path) -> None:
    for path in sorted(folder.rglob("*"), reverse=True):
        path.unlink() if path.is_file() else path.rmdir()


def files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


@pytest.mark.parametrize(
    ("kind", "body", "end"),
    [
        ("text/csv", CSV.encode(), ".csv"),
        ("application/json", json.dumps(RECORDS).encode(), ".json"),
        ("application/x-ndjson", "\n".join(map(json.dumps, RECORDS)).encode(), ".ndjson"),
        ("application/gzip", gzip.compress(CSV.encode()), ".gz"),
    ],
)
def test_a_body_lands_as_it_was_sent(
    api: TestClient, log_in: LogIn, landed: Path, kind: str, body: bytes, end: str
) -> None:
    answer = api.post(URL, headers=log_in("ana") | {"Content-Type": kind}, content=body)
    assert answer.status_code == 202, answer.text
    upload = answer.json()
    [path] = files(landed)
    assert (path.read_bytes(), path.suffix, path.parent.name) == (body, end, "inbox")
    assert (upload["status"], upload["size_bytes"], upload["workspace"]) == ("received", len(body), "demo")
    feedback = upload["feedback"]
    assert (feedback["taken_for"], feedback["refusal"]) == ("generic", "")
    assert {"column": "cost", "header": "cost", "divisor": 1} in feedback["columns"]
    assert feedback["missing"] == ["conversions", "conversion_value"]
    assert sum(feedback["rows_refused"].values()) == (1 if "csv" in kind or "gz" in kind else 0)
    assert answer.headers["location"] == upload["status_url"]
    assert api.get(upload["status_url"], headers=log_in("ana")).json()["status"] == "received"
    assert api.get(upload["status_url"], headers=log_in("otto")).status_code == 404


def test_multipart_and_the_way_to_the_ledger(
    api: TestClient, log_in: LogIn, landed: Path, site: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent = {"file": ("../../my report.csv", CSV, "text/csv")}
    answer = api.post(URL, headers=log_in("ana"), params={"source": "generic"}, files=sent)
    assert answer.status_code == 202, answer.text
    [path] = files(landed)
    assert (path.parent.name, path.read_text()) == ("generic", CSV)
    assert path.name.endswith("-my-report.csv")
    monkeypatch.setattr("include.settings.get_settings", lambda: site)
    for module in ("bucket", "loader", "ledger"):
        monkeypatch.setattr(f"include.landing.{module}.get_settings", lambda: site, raising=False)
    monkeypatch.setattr("include.warehouse.client.get_settings", lambda: site)
    load([str(path.relative_to(landed.parent))], "run of the upload")
    status = api.get(answer.json()["status_url"], headers=log_in("ana")).json()
    assert (status["status"], status["run_id"], status["rows_read"]) == ("loaded", "run of the upload", 2)
    assert (status["rows_loaded"], status["rows_rejected"]) == (1, 1)


def test_what_would_not_load_is_told_at_once(api: TestClient, log_in: LogIn, landed: Path) -> None:
    headers = log_in("ana") | {"Content-Type": "text/csv"}
    answer = api.post(URL, headers=headers, content=b"colour,size\nred,1\n")
    assert answer.json()["feedback"]["taken_for"] is None
    assert answer.json()["feedback"]["refusal"]
    refused = api.post(URL, headers=headers, params={"strict": True}, content=b"colour,size\nred,2\n")
    assert refused.status_code == 422
    assert len(files(landed)) == 1


@pytest.mark.parametrize(
    ("given", "status"),
    [
        ({"headers": {"Content-Type": "text/html"}, "content": b"x"}, 415),
        ({"headers": {"Content-Type": "text/csv"}, "content": b""}, 422),
        ({"headers": {"Content-Type": "text/csv"}, "content": b"x", "params": {"source": "nowhere"}}, 422),
        ({"headers": {"Content-Type": "text/csv"}, "content": b"x", "params": {"workspace": "other"}}, 404),
        ({"headers": {"Content-Type": "text/csv", "Content-Encoding": "br"}, "content": b"x"}, 415),
        ({"headers": {"Content-Type": "multipart/form-data"}, "content": b"x"}, 422),
        ({"headers": {"Content-Type": "multipart/form-data; boundary=b"}, "content": b"--b\r\nbroken"}, 422),
        ({"files": [("a", ("a.csv", b"x")), ("b", ("b.csv", b"y"))]}, 422),
        ({"data": {"file": "no file"}, "files": {}}, 415),
    ],
)
def test_what_is_no_file_is_refused_and_leaves_nothing(
    api: TestClient, log_in: LogIn, landed: Path, site: Settings, given: dict[str, Any], status: int
) -> None:
    answer = api.post(URL, **given | {"headers": log_in("ana") | given.get("headers", {})})
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert files(landed) == []
    assert not list((site.home / "uploads").glob("*"))


def test_a_viewer_may_not_send(api: TestClient, log_in: LogIn, landed: Path) -> None:
    headers = log_in("vic") | {"Content-Type": "text/csv"}
    assert api.post(URL, headers=headers, params={"workspace": "demo"}, content=CSV).status_code == 403
    unnamed = api.post(URL, headers=headers, content=CSV)
    assert (unnamed.status_code, unnamed.json()["detail"][:23]) == (403, "A viewer may look only.")
    assert files(landed) == []


def test_the_same_key_sends_nothing_twice(api: TestClient, log_in: LogIn, landed: Path) -> None:
    headers = log_in("ana") | {"Content-Type": "text/csv", "Idempotency-Key": "june"}
    first, second = (api.post(URL, headers=headers, content=CSV) for _ in range(2))
    assert (first.status_code, second.status_code) == (202, 202)
    assert first.json() == second.json()
    assert "idempotency-replayed" not in first.headers
    assert second.headers["idempotency-replayed"] == "true"
    assert len(files(landed)) == 1
    other = api.post(URL, headers=headers, content=CSV + "2026-06-28,1,c1,Brand,1,1,1\n")
    assert other.status_code == 422
    for parameter, value, said in (("source", "meta_ads", "source inbox"), ("filename", "b.csv", "upload.csv"),
                                   ("strict", "true", "strict=false")):  # fmt: skip
        answer = api.post(URL, headers=headers, content=CSV, params={parameter: value})
        assert (answer.status_code, said in answer.json()["detail"]) == (422, True), answer.text
    assert len(files(landed)) == 1
    # A key whose upload was refused may be used again.
    retry = headers | {"Idempotency-Key": "july"}
    assert api.post(URL, headers=retry, content=b"").status_code == 422
    assert api.post(URL, headers=retry, content=CSV).status_code == 202


def test_a_large_body_takes_no_memory_and_one_too_large_is_refused(site: Settings, log_in: LogIn, landed: Path) -> None:
    line = b"2026-06-30,1,c1,Brand,100,10,5.50\n"

    def body(megabytes: int) -> Iterator[bytes]:
        yield HEADER.encode() + b"\n"
        for _ in range(megabytes * 16):
            yield line * (65_536 // len(line))

    small = site.model_copy(update={"ingest_max_mb": 60})
    with TestClient(create_app(small)) as client:
        headers = log_in("ana") | {"Content-Type": "text/csv"}
        assert client.post(URL, headers=headers, content=body(1)).status_code == 202
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        answer = client.post(URL, headers=headers, content=body(56))
        assert answer.status_code == 202, answer.text
        assert answer.json()["feedback"]["sampled"] is True
        assert answer.json()["feedback"]["taken_for"] == "generic"
        # The test's client holds the body whole; the server adds next to nothing to it.
        assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 140 * 1024
        assert client.post(URL, headers=headers, content=body(70)).status_code == 413
    assert len(files(landed)) == 2


def test_an_upload_that_breaks_off_leaves_nothing_and_may_be_sent_again(
    site: Settings, log_in: LogIn, landed: Path
) -> None:
    """Half of the body, then the client is gone: nothing in the bucket, nothing spooled, the key free again."""
    spool = site.home / "uploads"
    whole = CSV.encode() * 40_000
    headers = log_in("ana") | {"Content-Type": "text/csv", "Idempotency-Key": "broken off"}
    with api_server(site.model_copy(update={"api_port": free_port()})) as url:
        place = urlsplit(url)
        sent = {**headers, "Host": place.netloc, "Content-Length": str(len(whole))}
        head = "".join(f"{name}: {value}\r\n" for name, value in sent.items())
        with socket.create_connection((place.hostname, place.port), timeout=30) as client:
            client.sendall(f"POST {URL} HTTP/1.1\r\n{head}\r\n".encode() + whole[: len(whole) // 2])
            wait_until(lambda: any(p.is_file() for p in spool.rglob("*")), 30, "a part is spooled", interval=0.05)
        wait_until(lambda: not any(spool.rglob("*")), 30, "what was spooled is gone", interval=0.05)
        assert files(landed) == []
        again = httpx.post(f"{url}{URL}", headers=headers, content=whole, timeout=60)
        assert again.status_code == 202, again.text
        assert "idempotency-replayed" not in again.headers
    [landed_file] = files(landed)
    assert landed_file.read_bytes() == whole


def test_a_body_goes_to_s3_as_well(
    tmp_path: Path, site: Settings, log_in: LogIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    with s3_server(tmp_path) as server:
        for name, value in server.variables().items():
            monkeypatch.setenv(name, value)
        on_s3 = site.model_copy(update={"bucket": "s3://exports/prefix"})
        with TestClient(create_app(on_s3)) as client:
            answer = client.post(URL, headers=log_in("ana") | {"Content-Type": "text/csv"}, content=CSV)
        assert answer.status_code == 202, answer.text
        assert answer.json()["feedback"]["taken_for"] == "generic"
        [file] = Bucket(on_s3).files()
        with Bucket(on_s3).open(file.key) as stream:
            assert stream.read() == CSV.encode()
        assert answer.json()["uri"] == f"s3://exports/prefix/{file.key}"


def test_a_bucket_that_is_away_is_a_503(site: Settings, log_in: LogIn, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{nobody.getsockname()[1]}")
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "x")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "x")
        with TestClient(create_app(site.model_copy(update={"bucket": "s3://gone"}))) as client:
            answer = client.post(URL, headers=log_in("ana") | {"Content-Type": "text/csv"}, content=CSV)
    assert answer.status_code == 503, answer.text
    assert "retry-after" in answer.headers


def test_names_are_names_in_every_bucket() -> None:
    names = {"../../etc/passwd": "passwd", "._x.csv": "x.csv", "ü.csv.tmp": "csv", "": "upload", "a b?.csv": "a-b-.csv"}
    assert {given: safe_name(given, "") for given in names} == names
    assert safe_name("x", ".csv") == "x.csv"
    assert safe_name("x.CSV", ".csv") == "x.CSV"


def test_the_first_part_is_cut_at_a_record() -> None:
    assert cut(b"a,b\n1,2\n3,") == b"a,b\n1,2\n"
    assert json.loads(cut(b'[{"a": [1, 2]}, {"a": "x]}"}, {"a": 3')) == [{"a": [1, 2]}, {"a": "x]}"}]
