"""Exactly once: whatever is killed, full, broken or replaced, after the retry all is as in an undisturbed load, and
readers never see half a file.

The model is an undisturbed load of the same files into another workspace. ``INSIGHTFLOW_FAULT_KILLS=200`` makes the
random part of the kills as long as wished, ``INSIGHTFLOW_FAULT_SEED`` repeats one.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import random
import shutil
import signal
import subprocess
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from clickhouse_connect.driver.client import Client

from include.landing import LandingError, discover, load, pending_dates
from include.landing.bucket import Bucket
from include.warehouse.migrate import migrate
from tests.support import dying_loader
from tests.support.faults import HEADER, Server, drop, files, random_rows
from tests.support.processes import wait_until

pytestmark = pytest.mark.integration

KILLS = int(os.environ.get("INSIGHTFLOW_FAULT_KILLS", "0"))
SEED = int(os.environ.get("INSIGHTFLOW_FAULT_SEED", "20260704"))


# ------------------------------------------------------------------------------------------------------- the server


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    running = Server(tmp_path_factory.mktemp("faults"))
    running.start()
    try:
        migrate(running.client())
        yield running
    finally:
        running.stop()


# -------------------------------------------------------------------------------------------------------- the files


def waiting(server: Server, client: Client, workspace: str) -> list[str]:
    return [key for key in discover(client, Bucket(server.settings)) if key.startswith(f"{workspace}/")]


def load_what_waits(server: Server, client: Client, workspace: str) -> None:
    load(waiting(server, client, workspace), "retry", client, Bucket(server.settings))


# ------------------------------------------------------------------------------------------------------ what is seen

NAME = "replaceRegexpOne(uri, '^.*/landing/[^/]+/', '')"
SEEN = {
    "ledger": f"SELECT {NAME}, status, source, format, shape, encoding, grain, rows_read, rows_loaded, rows_rejected,"
    " rows_skipped, skipped, rejected, date_min, date_max, decimal_marks, date_style, replaceAll(error, workspace, 'its workspace') FROM ops.file_ledger"
    " WHERE workspace = {w:String} AND status NOT IN ('failed', 'duplicate') ORDER BY ALL",
    "current_loads": f"SELECT {NAME}, rows_loaded, count() OVER (PARTITION BY file_id) FROM ops.current_loads"
    " WHERE workspace = {w:String} ORDER BY ALL",
    "coverage": f"SELECT {NAME}, c.grain, c.account_id, c.date, c.rows, c.export_order FROM ops.file_coverage AS c"
    " JOIN ops.current_loads AS l ON c.load_id = l.load_id WHERE c.workspace = {w:String} ORDER BY ALL",
    "raw": f"SELECT {NAME}, r.disposition, count(), sum(cityHash64(r.row_number, r.date, r.account_id, r.campaign_id,"
    " r.campaign_name, r.impressions, r.clicks, r.cost, toString(r.segments), toString(r.extra))) FROM"
    " raw.ad_performance AS r JOIN ops.current_loads AS l ON r.load_id = l.load_id WHERE r.workspace = {w:String}"
    " GROUP BY ALL ORDER BY ALL",
    "rejects": f"SELECT {NAME}, r.row_number, r.reason, r.detail, r.raw_text FROM ops.rejected_rows AS r"
    " JOIN ops.current_loads AS l ON r.file_id = l.file_id WHERE r.workspace = {w:String} ORDER BY ALL",
}


def seen(client: Client, workspace: str) -> dict[str, list[Any]]:
    """All that a load leaves, without its ids and times."""
    return {name: client.query(sql, parameters={"w": workspace}).result_rows for name, sql in SEEN.items()}


@pytest.fixture(scope="module")
def model(server: Server) -> dict[str, list[Any]]:
    """What an undisturbed load leaves."""
    client = server.client()
    workspace = drop(server.settings, files())
    load_what_waits(server, client, workspace)
    undisturbed = seen(client, workspace)
    assert len(undisturbed["ledger"]) == len(files())
    assert sum(rows for _, rows, _ in undisturbed["current_loads"]) > 20_000
    assert undisturbed["rejects"]
    return undisturbed


class Reader(threading.Thread):
    """Asks all the time what can be seen of a workspace; keeps what was half."""

    def __init__(self, server: Server, workspace: str, model: dict[str, list[Any]]) -> None:
        super().__init__(daemon=True)
        self.server, self.workspace = server, workspace
        self.whole = {
            row[0]: (row[1], sum(1 for r in model["rejects"] if r[0] == row[0])) for row in model["current_loads"]
        }
        self.half: list[Any] = []
        self.looks = 0
        self.ended = threading.Event()

    def run(self) -> None:
        while not self.ended.is_set():
            with contextlib.suppress(Exception):  # the server is away
                client = self.server.client()
                while not self.ended.wait(0.02):
                    self.look(client)
            self.ended.wait(0.05)

    def look(self, client: Client) -> None:
        """What the ledger shows must be whole in what is asked for after it."""
        at = {"w": self.workspace}
        shown = client.query(
            f"SELECT {NAME}, load_id, file_id FROM ops.current_loads WHERE workspace = {{w:String}}", parameters=at
        ).result_rows
        covered = dict(client.query(
            "SELECT load_id, sum(rows) FROM ops.file_coverage WHERE workspace = {w:String} GROUP BY 1", parameters=at
        ).result_rows)  # fmt: skip
        rejected = dict(client.query(
            "SELECT file_id, count() FROM ops.rejected_rows WHERE workspace = {w:String} GROUP BY 1", parameters=at
        ).result_rows)  # fmt: skip
        raw = dict(client.query(
            "SELECT load_id, countIf(disposition = 'loaded') FROM raw.ad_performance WHERE workspace = {w:String} GROUP BY 1",
            parameters=at,
        ).result_rows)  # fmt: skip
        for name, load_id, file_id in shown:
            rows, rejects = self.whole[name]
            got = (covered.get(load_id, 0), raw.get(load_id, 0), rejected.get(file_id, 0))
            if got != (rows, rows, rejects):
                self.half.append((name, got, (rows, rows, rejects)))
        parts = [name for name, _, _ in shown if "batch/" in name]
        if len(parts) == 1:
            self.half.append((*parts, "without the other part of its export"))
        self.looks += 1

    def __enter__(self) -> Reader:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.ended.set()
        self.join(20)


# ------------------------------------------------------------------------------------------------------------ kills


# Forks of one process that has everything imported: a kill costs no start of Python.
FORKS = multiprocessing.get_context("forkserver")
FORKS.set_forkserver_preload(["tests.support.dying_loader"])


def run_loader(server: Server, workspace: str, at: int, delay: float, victims: list[int]) -> tuple[int | None, str]:
    """Exit code of a loader that kills at a statement, and what it noted at its end."""
    ports = ("clickhouse_port", "postgres_port", "airflow_port", "api_port")
    noted = server.settings.home / f"{workspace}.statements"
    spec = {
        "settings": {"home": str(server.settings.home), **{name: getattr(server.settings, name) for name in ports}},
        "workspace": workspace,
        "at": at,
        "delay": delay,
        "victims": victims,
        "note": str(noted),
    }
    process = FORKS.Process(target=dying_loader.main, args=(spec,))
    process.start()
    process.join(90)
    if process.is_alive():
        process.kill()
    return process.exitcode, noted.read_text() if noted.exists() else ""


@pytest.fixture(scope="module")
def statements(server: Server, model: dict[str, list[Any]]) -> int:
    """How many statements a load of the files sends."""
    code, sent = run_loader(server, drop(server.settings, files()), 0, 0, [])
    assert code == 0
    return int(sent)


def killed_and_retried(server: Server, model: dict[str, list[Any]], victim: str, at: int, delay: float) -> None:
    workspace = drop(server.settings, files())
    victims = {"loader": [0], "server": [server.pid], "both": [0, server.pid]}[victim]
    with Reader(server, workspace, model) as reader:
        code, _ = run_loader(server, workspace, at, delay, victims)
        assert victim == "server" or code in (-signal.SIGKILL, 0)
        server.start_again_if_killed()
        client = server.client()
        for _ in range(3):
            with contextlib.suppress(LandingError):
                load_what_waits(server, client, workspace)
        looks = reader.looks
        wait_until(lambda: reader.looks > looks, 20, "the reader looks at the end")
    assert reader.half == []
    assert seen(client, workspace) == model
    assert waiting(server, client, workspace) == []


@pytest.mark.parametrize("point", [0.15, 0.4, 0.6, 0.8, 1.0])
def test_kill_9_of_the_loader(server: Server, model: dict[str, list[Any]], statements: int, point: float) -> None:
    killed_and_retried(server, model, "loader", max(1, round(point * statements)), 0.004)


@pytest.mark.parametrize("point", [0.45, 1.0])
def test_kill_9_of_clickhouse(server: Server, model: dict[str, list[Any]], statements: int, point: float) -> None:
    killed_and_retried(server, model, "server", max(1, round(point * statements)), 0.004)


@pytest.mark.parametrize("point", [0.7, 0.95])
def test_kill_9_of_both(server: Server, model: dict[str, list[Any]], statements: int, point: float) -> None:
    killed_and_retried(server, model, "both", max(1, round(point * statements)), 0.01)


@pytest.mark.skipif(not KILLS, reason="INSIGHTFLOW_FAULT_KILLS says how many random kills to make")
@pytest.mark.timeout(0)
def test_kills_at_random(server: Server, model: dict[str, list[Any]], statements: int) -> None:
    rng = random.Random(SEED)
    for number in range(KILLS):
        victim = rng.choice(["loader", "loader", "server", "both"])
        at, delay = rng.randint(1, statements), rng.choice([0.0, 0.002, 0.01, 0.05, 0.2])
        print(f"kill {number}: {victim} at statement {at} of {statements}, {delay} s after it was sent")
        killed_and_retried(server, model, victim, at, delay)


# ------------------------------------------------------------------------------------------- two loaders, new bytes


def test_two_loaders_on_the_same_files_load_them_once(server: Server, model: dict[str, list[Any]]) -> None:
    workspace = drop(server.settings, files())
    barrier = threading.Barrier(2)

    def one(number: int) -> None:
        client = server.client()
        keys = waiting(server, client, workspace)
        barrier.wait(30)
        load(keys, f"loader {number}", client, Bucket(server.settings))

    with Reader(server, workspace, model) as reader, ThreadPoolExecutor(2) as pool:
        list(pool.map(one, range(2)))
    assert reader.half == []
    client = server.client()
    after = seen(client, workspace)
    for part in ("current_loads", "coverage", "raw", "rejects"):
        assert after[part] == model[part], part
    assert {str(line) for line in after["ledger"]} == {str(line) for line in model["ledger"]}
    assert waiting(server, client, workspace) == []


class Replacing:
    """A client that does something once, before the first INSERT of rows is sent."""

    def __init__(self, client: Client, action: Any) -> None:
        self._client, self._action = client, action

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._client, name)

        def send(sql: str, *args: Any, **kwargs: Any) -> Any:
            if "INSERT INTO raw." in sql and self._action:
                action, self._action = self._action, None
                action()
            return method(sql, *args, **kwargs)

        return send if name == "command" else method


def test_a_file_that_changes_while_it_is_read_waits_and_loads_as_it_is_then(server: Server) -> None:
    old, new = (HEADER + f"2025-05-01,a,1,x,{n},1,{n}.5\n" for n in (1, 2))
    workspace = drop(server.settings, {"generic/a.csv": old.encode()})
    path = server.settings.home / "landing" / workspace / "generic" / "a.csv"
    client = server.client()
    changing = Replacing(client, lambda: path.write_text(new))
    with pytest.raises(LandingError, match="changed while it was read"):
        load_what_waits(server, changing, workspace)  # type: ignore[arg-type]
    assert seen(client, workspace)["current_loads"] == []
    load_what_waits(server, client, workspace)
    [(count, cost)] = client.query(
        "SELECT count(), any(cost) FROM raw.ad_performance WHERE workspace = {w:String}"
        " AND load_id IN (SELECT load_id FROM ops.current_loads)",
        parameters={"w": workspace},
    ).result_rows
    assert (count, cost) == (1, "2.5")
    assert waiting(server, client, workspace) == []


# -------------------------------------------------------------------------------------------------------- disk full


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A real file system of 64 MB."""
    if os.geteuid() != 0:
        pytest.skip("mounting a small disk needs root")
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64m", "none", str(disk)], capture_output=True, text=True
    )
    if mounted.returncode:
        pytest.skip(f"a small disk cannot be mounted here: {mounted.stderr.strip()}")
    yield disk
    wait_until(lambda: subprocess.run(["umount", str(disk)], capture_output=True).returncode == 0, 20, "unmounted")


def test_disk_full(small_disk: Path, tmp_path: Path, model: dict[str, list[Any]]) -> None:
    """The load fails with a sentence, the loads before it stay, and with room again the retry brings all."""
    server = Server(tmp_path / "full", small_disk)
    server.start()
    try:
        client = server.client()
        migrate(client)
        before = drop(
            server.settings, {"generic/before.csv": (HEADER + "\n".join(random_rows(9, 1000)) + "\n").encode()}
        )
        load_what_waits(server, client, before)
        stood = seen(client, before)
        pending = pending_dates(client)
        workspace = drop(server.settings, files())
        ballast = small_disk / "ballast"
        with ballast.open("wb") as file:
            file.write(b"\0" * (shutil.disk_usage(small_disk).free - 300_000))
        with Reader(server, workspace, model) as reader:
            with pytest.raises(Exception, match=r"(?i)no space|not enough space|cannot write") as full:
                load_what_waits(server, client, workspace)
            assert "insert" not in str(full.value).lower() or len(str(full.value)) < 4000
            assert seen(client, workspace)["current_loads"] == []
            assert seen(client, before) == stood
            assert pending_dates(client) == pending
            ballast.unlink()
            for _ in range(3):
                with contextlib.suppress(LandingError):
                    load_what_waits(server, client, workspace)
        assert reader.half == []
        assert seen(client, workspace) == model
        assert seen(client, before) == stood
    finally:
        server.stop()
