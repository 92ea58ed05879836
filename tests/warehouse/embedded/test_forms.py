"""Forms: multipart with parameters and external data, url-encoded bodies."""

from __future__ import annotations

import uuid

import httpx

from tests.warehouse.embedded.conftest import HTTP, RunningServer


def test_external_data_with_a_structure_in_the_url(server: RunningServer) -> None:
    params = {"query": "SELECT max(id), groupArray(name) FROM mine", "mine_structure": "id UInt8, name String"}
    response = HTTP.post(server.url, params=params, files={"mine": ("mine.tsv", b"1\ta\n2\tb\n")})
    assert response.text == "2\t['a','b']\n"


def test_external_data_with_types_format_and_fields_in_the_form(server: RunningServer) -> None:
    table = f"raw.t_{uuid.uuid4().hex}"
    server.text("CREATE DATABASE IF NOT EXISTS raw")
    server.text(f"CREATE TABLE {table} ENGINE = MergeTree ORDER BY n AS SELECT number AS n FROM numbers(10)")
    fields = {
        "query": f"SELECT sum(n) FROM {table} WHERE n IN (SELECT _1 FROM ids) AND n < {{top:UInt8}}",
        "param_top": "8",
        "ids_types": "UInt64, Array(Tuple(UInt8, String))",
        "ids_format": "CSV",
        "max_threads": "1",
    }
    response = HTTP.post(server.url, data=fields, files={"ids": ("ids.csv", b'3,"[(1,\'x\')]"\n7,"[]"\n9,"[]"\n')})
    assert response.text == "10\n", response.text
    assert not list((server.path / ".server" / "spool").iterdir())


def test_external_data_stays_with_its_query(server: RunningServer) -> None:
    session = uuid.uuid4().hex
    server.text("CREATE TEMPORARY TABLE other (a Int32)", session_id=session)
    params = {"query": "SELECT count() FROM mine", "mine_structure": "a Int32", "session_id": session}
    assert HTTP.post(server.url, params=params, files={"mine": ("x", b"1\n2\n")}).text == "2\n"
    assert server.post("SELECT count() FROM mine", session_id=session).status_code == 404
    assert server.post("SELECT count() FROM mine").status_code == 404


def test_external_data_without_a_structure_is_refused(server: RunningServer) -> None:
    response = HTTP.post(server.url, params={"query": "SELECT 1 FROM mine"}, files={"mine": ("x", b"1\n")})
    assert (response.status_code, response.headers["X-ClickHouse-Exception-Code"]) == (400, "36")
    broken = {"query": "SELECT * FROM mine", "mine_structure": "a Int32"}
    assert HTTP.post(server.url, params=broken, files={"mine": ("x", b"not a number\n")}).status_code == 400


def test_a_urlencoded_form_and_sql_that_claims_to_be_one(server: RunningServer) -> None:
    fields = {"query": "SELECT {a:String}, 'x=y&z'", "param_a": "1 + 1", "default_format": "CSV"}
    assert HTTP.post(server.url, data=fields).text == '"1 + 1","x=y&z"\n'
    kind = {"Content-Type": "application/x-www-form-urlencoded"}  # curl says so of any body
    assert HTTP.post(server.url, content="SELECT 'query=1'", headers=kind).text == "query=1\n"


def test_clickhouse_connect_sends_external_data_and_forms(server: RunningServer) -> None:
    from clickhouse_connect.driver.external import ExternalData

    data = ExternalData(file_name="movies", fmt="CSV", structure=["title String", "year UInt16"], data=b"Alien,1979\n")
    with server.client(form_encode_query_params=True) as client:
        sql = "SELECT title FROM movies WHERE year = {y:UInt16}"
        assert client.query(sql, parameters={"y": 1979}, external_data=data).result_rows == [("Alien",)]
        assert client.query("SELECT {a:String}", parameters={"a": "ü'"}).result_rows == [("ü'",)]


def test_a_multipart_body_that_breaks_off_leaves_no_file(server: RunningServer) -> None:
    head = '--x\r\nContent-Disposition: form-data; name="mine"; filename="a"\r\n\r\n1\n'
    headers = {"Content-Type": "multipart/form-data; boundary=x"}
    response: httpx.Response = HTTP.post(server.url, content=head, headers=headers)
    assert response.status_code in (400, 500)
    assert not list((server.path / ".server" / "spool").iterdir())
