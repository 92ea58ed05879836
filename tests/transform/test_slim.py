"""`make slim`: what is modified and what depends on it, and nothing else, beside the tables of the base."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from include.transform import runner
from tests.support import slim

pytestmark = pytest.mark.integration

MODEL = "mart_platform_weekly"


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> slim.Kept:
    """The project as it is, one mart of it built."""
    return slim.make(runner.PROJECT, tmp_path_factory.mktemp("slim") / "state", [f"+{MODEL}"], samples=False)


@pytest.fixture
def changed(tmp_path: Path) -> Iterator[Path]:
    """A copy of the project whose mart is written another way."""
    project = tmp_path / "dbt_project"
    shutil.copytree(runner.PROJECT, project, ignore=shutil.ignore_patterns("target", "logs"))
    model = project / "models" / "marts" / f"{MODEL}.sql"
    model.write_text(model.read_text() + "\n-- another way\n")
    yield model


def test_only_what_differs_is_built_and_its_parents_are_read_where_they_are(kept: slim.Kept, changed: Path) -> None:
    nodes = slim.build_changed(kept, changed.parents[2])
    assert {node["node"] for node in nodes if node["resource_type"] == "model"} == {MODEL}
    tests = [node for node in nodes if node["resource_type"] == "test"]
    assert len(tests) >= 5 and {node["status"] for node in tests} == {"pass"}
    [sql] = [str(node["sql"]) for node in nodes if node["node"] == MODEL]
    assert "`marts`.`mart_account_daily`" in sql, "of the base"
    agrees = next(str(node["sql"]) for node in tests if "sums_agree" in str(node["node"]))
    assert "`slim_marts`.`mart_platform_weekly`" in agrees and " `marts`.`mart_" in agrees


def test_a_change_that_breaks_sums_fails(kept: slim.Kept, changed: Path) -> None:
    changed.write_text(changed.read_text().replace("'week')", "'week') | replace('sum(d.clicks)', 'max(d.clicks)')"))
    with pytest.raises(SystemExit, match="mart_platform_weekly_sums_agree"):
        slim.build_changed(kept, changed.parents[2])


def test_a_commit_that_git_does_not_know_is_said() -> None:
    with pytest.raises(SystemExit, match="make slim BASE="):
        slim.fork_point("no/such/branch")
