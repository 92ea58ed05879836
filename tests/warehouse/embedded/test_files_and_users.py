"""Server-side files, users and what each may do."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from tests.warehouse.embedded.conftest import HTTP, RunningServer, command


def test_load_from_a_file_below_the_folder(server: RunningServer) -> None:
    folder = server.user_files / "ws" / "google_ads"
    folder.mkdir(parents=True)
    (folder / "x.csv").write_text("report\n2024\nid,name\n1,a\n2,b\n")
    server.text("CREATE DATABASE IF NOT EXISTS raw")
    server.text("CREATE TABLE raw.loaded (c1 String, c2 String) ENGINE = MergeTree ORDER BY c1")
    response = server.post(
        "INSERT INTO raw.loaded SELECT * FROM file('ws/google_ads/x.csv', 'CSV', 'c1 String, c2 String') "
        "SETTINGS input_format_csv_skip_first_lines = 3"
    )
    assert json.loads(response.headers["X-ClickHouse-Summary"])["written_rows"] == "2"
    assert server.text("SELECT groupArray(c2) FROM raw.loaded") == "['a','b']"
    absolute = str(folder / "x.csv")
    assert server.text(f"SELECT count() FROM file('{absolute}', 'LineAsString')") == "5"


@pytest.mark.parametrize(
    "call",
    [
        "file('/etc/passwd', 'LineAsString')",
        "file('../data/.server/config.xml', 'LineAsString')",
        "file('ws/../../x', 'LineAsString')",
        "`file`('/etc/{passwd,group}', 'LineAsString')",
        "file(concat('/etc', '/passwd'), 'LineAsString')",
        "file($$/etc/passwd$$, 'LineAsString')",
        "file('/etc/p\\x61sswd', 'LineAsString')",
        "file('ws/{..,x}/{..,y}/{..,z}/etc/passwd', 'LineAsString')",
        "file('{/etc/passwd,x}', 'LineAsString')",
        "file('w{.,x}s/{.,x}{.,y}/../data', 'LineAsString')",
        "url('file:///etc/passwd', 'LineAsString')",
        "url(concat('file:///etc/', 'passwd'), 'LineAsString')",
        "eval('SELECT * FROM file(''/etc/passwd'')')",
        "filesystem('/etc')",
        "sqlite('/etc/x.db', 't')",
        "executable('x', 'CSV', 'a Int8')",
        "Python(os)",
        "local_files.`/etc/passwd`",
    ],
)
def test_paths_outside_are_refused(server: RunningServer, call: str) -> None:
    response = server.post(f"SELECT * FROM {call}")
    assert response.headers["X-ClickHouse-Exception-Code"] in ("291", "497")
    assert "root:" not in response.text


# What the engine takes for white space, a comment or a quoted name, so that a call is one to it.
DISGUISES = [
    "`fil\\x65`(", '"fil\\x65"(', "`f\\ile`(", "\u201cfile\u201d(", "`file` (", "file\u00a0(", "file\u3000(", "file\u200b\n(",
    "file // x\n(", "file -- '\n(", "file #! '\n(", "file # (\n(", "file /* ( */(", "file /* /* x */ ' */(",
]  # fmt: skip
BEFORE = ["", "/* /* */ ' */ ", "\u2018'\u2019 AS a, ", "1 AS x$a$, ", "1 AS \u201c'\u201d, ", "1 // '\n + 1, "]


def test_no_call_hides(secured: RunningServer) -> None:
    (secured.user_files / "x.csv").write_text("inside")
    for before in BEFORE:
        inside = secured.post(f"SELECT {before}file('x.csv') AS b", user="admin", password="secret")
        assert "inside" in inside.text, inside.text
        for call in DISGUISES:
            for user, password in (("admin", "secret"), ("analyst", "look")):
                answer = secured.post(f"SELECT {before}{call}'/etc/passwd') -- '$a$", user=user, password=password)
                code = answer.headers.get("X-ClickHouse-Exception-Code")
                assert code in ("291", "497"), (before, call, answer.text[:200])
    by_parameter = {"param_f": "file", "user": "analyst", "password": "look"}
    assert "root:" not in secured.post("SELECT {f:Identifier}('/etc/passwd')", **by_parameter).text


def test_no_file_is_written_by_a_disguised_clause(server: RunningServer, tmp_path: Path) -> None:
    for space in ("\u00a0", "// x\n", "/* /* */ */", "\ufeff"):
        answer = server.post(f"SELECT 1 INTO{space}OUTFILE{space}'{tmp_path}/out'")
        assert answer.headers.get("X-ClickHouse-Exception-Code") == "358", answer.text[:200]
    assert not (tmp_path / "out").exists()


def test_a_link_that_leads_outside_is_refused(server: RunningServer) -> None:
    (server.user_files / "link.txt").symlink_to("/etc/passwd")
    assert "root:" not in server.post("SELECT * FROM file('link.txt', 'LineAsString')").text


@pytest.fixture
def secured(make_server: Callable[..., RunningServer], tmp_path: Path) -> RunningServer:
    """A server with an admin and a read-only user, and a table."""
    users = tmp_path / "users.json"
    entries = {
        "admin": {"password": "secret", "readonly": False},
        "analyst": {"password": "look", "readonly": True},
    }
    users.write_text(json.dumps(entries))
    users.chmod(0o600)
    server = make_server("--users-file", str(users))
    for sql in ("CREATE DATABASE marts", "CREATE TABLE marts.t (a Int32) ENGINE = MergeTree ORDER BY a"):
        assert server.post(sql, user="admin", password="secret").status_code == 200
    server.post("INSERT INTO marts.t VALUES (1)", user="admin", password="secret")
    (server.user_files / "x.csv").write_text("1\n")
    return server


def test_users(secured: RunningServer) -> None:
    def status(**options: object) -> tuple[int, str | None]:
        response = HTTP.post(secured.url, content="SELECT sum(a) FROM marts.t", **options)  # type: ignore[arg-type]
        return response.status_code, response.headers.get("X-ClickHouse-Exception-Code")

    assert status(auth=("admin", "secret")) == (200, None)
    assert status(headers={"X-ClickHouse-User": "analyst", "X-ClickHouse-Key": "look"}) == (200, None)
    assert status(params={"user": "analyst", "password": "look"}) == (200, None)
    assert status(auth=("admin", "wrong")) == (403, "516")
    assert status(auth=("nobody", "secret")) == (403, "516")
    assert status(headers={"Authorization": "Basic !!"}) == (403, "516")
    assert status() == (401, "194")
    assert HTTP.get(secured.url + "/ping").status_code == 200

    def as_analyst(sql: str, **params: str) -> httpx.Response:
        return secured.post(sql, user="analyst", password="look", **params)

    assert as_analyst("SELECT sum(a) FROM marts.t", max_threads="1").text == "1\n"
    session = {"session_id": "s"}
    assert as_analyst("CREATE TEMPORARY TABLE mine (a Int32)", **session).status_code == 200
    assert as_analyst("INSERT INTO mine VALUES (4)", **session).status_code == 200
    assert as_analyst("SELECT a FROM mine", **session).text == "4\n"
    refused = [
        "INSERT INTO marts.t VALUES (2)",
        "DROP TABLE marts.t",
        "CREATE TABLE marts.u (a Int32) ENGINE = Memory",
        "ALTER TABLE marts.t DELETE WHERE 1",
        "CREATE FUNCTION f AS (x) -> x",
        "SYSTEM FLUSH LOGS",
        "SELECT * FROM file('x.csv')",
        "SELECT file('x.csv')",
        "SELECT * FROM url('http://127.0.0.1:1/', 'CSV', 'a Int32')",
        "SELECT * FROM remote('127.0.0.1:1', 'system', 'one')",
        "SELECT * FROM local_files.`/etc/passwd`",
        "INSERT INTO FUNCTION file('y.csv') SELECT 1",
        "SET readonly = 0",
        "SET ROLE admin",
        "SET DEFAULT ROLE admin TO default",
        "SELECT 1 SETTINGS readonly = 0",
    ]
    for sql in refused:
        for where in ({}, session):
            response = as_analyst(sql, **where)
            assert response.headers.get("X-ClickHouse-Exception-Code") in ("164", "497"), (sql, response.text)
    assert as_analyst("SELECT sum(a) FROM marts.t", **session).text == "1\n"
    assert secured.post("SELECT * FROM file('x.csv')", user="admin", password="secret").text == "1\n"


def test_users_file_that_others_can_read_is_refused(tmp_path: Path) -> None:
    import subprocess

    users = tmp_path / "users.json"
    users.write_text('{"admin": {"password": "secret"}}')
    users.chmod(0o644)
    start = command(tmp_path / "data", tmp_path / "files", "--users-file", str(users))
    done = subprocess.run(start, capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 2
    assert "chmod 600" in done.stderr


def test_no_client_ends_the_server_or_its_neighbours(server: RunningServer) -> None:
    """SYSTEM SHUTDOWN and KILL signal the whole process group."""
    for sql in ("SYSTEM SHUTDOWN", "SYSTEM KILL"):
        assert server.post(sql).headers["X-ClickHouse-Exception-Code"] == "497"


def test_brace_expansion_still_reads_files(server: RunningServer) -> None:
    folder = server.user_files / "parts"
    folder.mkdir()
    for name in ("a", "b", "it's"):
        (folder / f"{name}.csv").write_text("1\n")
    assert server.text("SELECT count() FROM file('parts/{a,b}.csv', 'CSV', 'n Int8')") == "2"
    assert server.text(r"SELECT count() FROM file('parts/it\'s.csv', 'CSV', 'n Int8')") == "1"
    assert server.text("SELECT count() FROM file('parts/*.csv', 'CSV', 'n Int8')") == "3"
