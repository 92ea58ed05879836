"""Finding our processes, and only ours."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from include.services import processes
from include.services.environment import SERVICE_MARK
from include.settings import Settings

SLEEP = [sys.executable, "-c", "import time; print('on', flush=True); time.sleep(60)"]


@pytest.fixture
def home(tmp_path: Path) -> Settings:
    return Settings(_env_file=None, home=tmp_path / "home", environment="development")


def start(mark: dict[str, str], cwd: Path | None = None) -> subprocess.Popen[str]:
    process = subprocess.Popen(SLEEP, env=mark, cwd=cwd, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    process.stdout.readline()
    return process


def test_processes_are_told_by_mark_and_home(home: Settings, tmp_path: Path) -> None:
    started = [
        start({SERVICE_MARK: "api", "INSIGHTFLOW_HOME": str(home.home)}),
        start({SERVICE_MARK: "api", "INSIGHTFLOW_HOME": str(tmp_path / "another")}),
        start({"INSIGHTFLOW_HOME": str(home.home)}),
    ]
    try:
        assert [p.pid for p in processes.of_installation(home)] == [started[0].pid]
        processes.end(processes.of_installation(home))
        assert not psutil.pid_exists(started[0].pid)
        assert started[1].poll() is None
        assert started[2].poll() is None
    finally:
        for process in started:
            process.kill()
            process.wait()


def test_processes_are_told_by_their_working_directory(home: Settings) -> None:
    folder = home.home / "run" / "services" / "api"
    folder.mkdir(parents=True)
    process = start({}, folder)
    try:
        assert [p.pid for p in processes.of_installation(home)] == [process.pid]
    finally:
        process.kill()
        process.wait()


def test_the_listener_of_a_port_is_named() -> None:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        assert f"(process {os.getpid()})" in processes.listener(listening.getsockname()[1])
