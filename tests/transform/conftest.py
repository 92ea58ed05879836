"""The dbt project parsed once, without a warehouse."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from include.transform.dictionary import parsed_project


@dataclass(frozen=True)
class Parsed:
    """dbt's manifest, and the folder that holds it as ``manifest.json``."""

    manifest: Any
    target: Path


@pytest.fixture(scope="session")
def parsed(tmp_path_factory: pytest.TempPathFactory) -> Parsed:
    """The project as dbt parses it."""
    home = tmp_path_factory.mktemp("parsed")
    return Parsed(parsed_project(home), home / "dbt" / "target")
