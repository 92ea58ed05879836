"""dbt's documentation of the models, one page: ``<home>/dbt/docs/index.html``, which the API serves."""

from __future__ import annotations

import shutil
from pathlib import Path

from include.settings import Settings
from include.transform import runner


def place(settings: Settings) -> Path:
    """Where the page is."""
    return settings.home / "dbt" / "docs" / "index.html"


def write(settings: Settings) -> Path:
    """Make the page of the models and of the tables that are there now; a reader sees the old one until it is whole.

    Asks the warehouse for its catalogue. Raises ``RuntimeError`` with dbt's reason.
    """
    outcome = runner.invoke(settings, ["docs", "generate", "--static", "--no-compile"])
    if not outcome.success:
        raise RuntimeError(f"dbt cannot write its documentation: {outcome.error}")
    page = place(settings)
    page.parent.mkdir(parents=True, exist_ok=True)
    unfinished = page.with_suffix(".part")
    shutil.copyfile(settings.home / "dbt" / "target" / "static_index.html", unfinished)
    return unfinished.replace(page)
