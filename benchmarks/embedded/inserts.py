"""The ways in which the soak test's writers insert a batch, good and bad.

Each sends the batch and returns what must have become of it: "all" of it is there, "none", or "either".
"""

from __future__ import annotations

import gzip
import random
from collections.abc import Callable

import clickhouse_connect
import httpx
import zstandard

from benchmarks.embedded import clients
from benchmarks.embedded.server import Server


def _rows(writer: int, batch: int, size: int) -> bytes:
    return "".join(f"{writer}\t{batch}\t{n}\t{size}\tpayload {n * 7919}\n" for n in range(size)).encode()


_INTO = "INSERT INTO soak.rows FORMAT TSV"


def _accepted(answer: httpx.Response) -> str:
    assert answer.status_code == 200, answer.text
    return "all"


def _plain(server: Server, *batch: int) -> str:
    return _accepted(server.post(_INTO.encode() + b"\n" + _rows(*batch)))


def _packed(server: Server, *batch: int) -> str:
    code, pack = random.choice([("gzip", gzip.compress), ("zstd", zstandard.ZstdCompressor().compress)])
    params = {"query": _INTO}
    return _accepted(
        server.http.post(server.url, params=params, content=pack(_rows(*batch)), headers={"Content-Encoding": code})
    )


def _native(server: Server, writer: int, batch: int, size: int) -> str:
    with clickhouse_connect.get_client(host="127.0.0.1", port=server.port) as client:
        client.insert("soak.rows", [[writer, batch, n, size, "native"] for n in range(size)])
    return "all"


def _select(server: Server, writer: int, batch: int, size: int) -> str:
    return _accepted(
        server.post(f"INSERT INTO soak.rows SELECT {writer}, {batch}, number, {size}, 'x' FROM numbers({size})")
    )


def _file(server: Server, *batch: int) -> str:
    path = server.user_files / f"{batch[0]}_{batch[1]}.tsv"
    path.write_bytes(_rows(*batch))
    columns = "writer UInt16, batch UInt32, n UInt32, size UInt32, payload String"
    answer = server.post(f"INSERT INTO soak.rows SELECT * FROM file('{path.name}', 'TSV', '{columns}')")
    path.unlink()
    return _accepted(answer)


def _broken(server: Server, *batch: int) -> str:
    answer = server.post(_INTO.encode() + b"\n" + _rows(*batch) + b"not a row\n")
    assert answer.status_code == 400, answer.text
    return "none"


def _cut_off(server: Server, *batch: int) -> str:
    clients.cut_off(server.port, _INTO, _rows(*batch))
    return "none"


def _left(server: Server, *batch: int) -> str:
    clients.send_and_leave(server.port, _INTO, _rows(*batch))
    return "either"


def _killed(server: Server, *batch: int) -> str:
    clients.killed_curl(server.port, _INTO, _rows(*batch))
    return "either"


WAYS: dict[str, Callable[..., str]] = {
    "plain": _plain,
    "packed": _packed,
    "native": _native,
    "select": _select,
    "file": _file,
    "broken": _broken,
    "cut off": _cut_off,
    "client left": _left,
    "client killed": _killed,
}
