"""The Pythons that InsightFlow runs on are written where a shell, pip and `doctor` read them: they are the same."""

from __future__ import annotations

import re
import tomllib

import pytest

from include.settings import REPO

AS_TUPLES = re.compile(r"\(3, (\d+)\) <= sys\.version_info\[:2\] < \(3, (\d+)\)")


@pytest.mark.parametrize("path", ["Makefile", "include/services/doctor.py"])
def test_the_range_is_that_of_the_project(path: str) -> None:
    asked = tomllib.loads((REPO / "pyproject.toml").read_text())["project"]["requires-python"]
    found = AS_TUPLES.findall((REPO / path).read_text())
    assert [f">=3.{first},<3.{beyond}" for first, beyond in found] == [asked]


def test_locks_are_made_for_the_oldest() -> None:
    oldest = re.fullmatch(
        r">=(3\.\d+),<3\.\d+", tomllib.loads((REPO / "pyproject.toml").read_text())["project"]["requires-python"]
    )
    assert oldest
    made_for = set(re.findall(r"--universal --python-version (\S+)", (REPO / "Makefile").read_text()))
    assert made_for == {oldest[1]}


def test_every_one_of_them_is_named_to_people() -> None:
    first, beyond = AS_TUPLES.findall((REPO / "Makefile").read_text())[0]
    for path in ("Makefile", "README.md", "include/services/doctor.py"):
        text = (REPO / path).read_text()
        assert all(f"3.{minor}" in text for minor in range(int(first), int(beyond))), path
