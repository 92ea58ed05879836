"""dbt's documentation of the models, one page: ``<home>/dbt/docs/index.html``, which the API serves."""

from __future__ import annotations

import fcntl
import logging
import shutil
from pathlib import Path

from include.services.environment import dbt_environment
from include.settings import Settings
from include.transform import manifest, runner

log = logging.getLogger(__name__)


def place(settings: Settings) -> Path:
    """Where the page is."""
    return settings.home / "dbt" / "docs" / "index.html"


def write(settings: Settings) -> Path:
    """Make the page of the models and of the tables that are there now; a reader sees the old one until it is whole.

    Asks the warehouse for its catalogue. Raises ``RuntimeError`` with dbt's reason.
    """
    key = _key(settings)
    outcome = runner.invoke(settings, ["docs", "generate", "--static", "--no-compile"])
    if not outcome.success:
        raise RuntimeError(f"dbt cannot write its documentation: {outcome.error}")
    page = place(settings)
    page.parent.mkdir(parents=True, exist_ok=True)
    unfinished = page.with_suffix(".part")
    shutil.copyfile(settings.home / "dbt" / "target" / "static_index.html", unfinished)
    unfinished.replace(page)
    page.with_suffix(".key").write_text(key)
    return page


def ensure(settings: Settings) -> bool:
    """``write`` the page unless it is of the project as it is; return whether it was written.

    For the end of a run, which it never fails: what goes wrong is logged. Where another run is writing it, that one does.
    """
    page = place(settings)
    mark = page.with_suffix(".key")
    if page.exists() and mark.exists() and mark.read_text() == _key(settings):
        return False
    page.parent.mkdir(parents=True, exist_ok=True)
    with (page.parent / "write.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            write(settings)
        except BlockingIOError:
            return False
        except Exception:
            log.warning("the documentation of the models is not written", exc_info=True)
            return False
    log.info("wrote the documentation of the models: %s/dbt-docs", settings.public_url)
    return True


def _key(settings: Settings) -> str:
    return manifest.key(runner.PROJECT, dbt_environment(settings))
