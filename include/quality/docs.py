"""Great Expectations' data docs: a site for each workspace and run, readable without another server.

A site holds examples of its workspace's values and nobody else's; the API shows it to those who see that workspace.
"""

from __future__ import annotations

import contextlib
import hashlib
import re
import shutil
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

from include.settings import Settings

KEPT_RUNS = 20
# What pages ask of other servers: scripts, fonts, Bootstrap. They are read without.
FOREIGN = re.compile(r"<script\b[^>]*>.*?</script>|<link\b[^>]*https?:[^>]*>|<img\b[^>]*https?:[^>]*>", re.DOTALL)
STYLE = """<style>
body { font: 14px/1.5 system-ui, sans-serif; margin: 1.5rem; color: #1a1a1a; background: #fff; }
table { border-collapse: collapse; width: 100%; } td, th { text-align: left; vertical-align: top; padding: .35rem .75rem;
  border-bottom: 1px solid #ccc; } .alert, .card { border: 1px solid #ccc; border-radius: 4px; padding: .75rem; margin: .5rem 0; }
.badge { background: #eee; border-radius: 3px; padding: 0 .3rem; } .modal, .navbar-toggler, button, .popover { display: none; }
nav ul, .breadcrumb { display: flex; gap: 1rem; list-style: none; padding: 0; } code { overflow-wrap: anywhere; }
#ge-cta-footer { display: none; } .fa-times, .text-danger { color: #a00; } .fa-times::before { content: "✗"; } .fa-check-circle::before { content: "✓"; }
@media (prefers-color-scheme: dark) { body { color: #eee; background: #161616; } .badge { background: #333; } a { color: #9cf; } }
</style></head>"""


def address(settings: Settings, run_id: str) -> str:
    """The page with a run's results, behind the dashboard's log-in; it leads to the data docs."""
    return f"{settings.public_url}/quality?{urlencode({'run': run_id})}"


def root_of(home: Path, workspace: str) -> Path:
    """Where the sites of a workspace are kept; its name is no path, whatever characters it has."""
    return home / "quality" / "data_docs" / (quote(workspace, safe="").replace(".", "%2E") or "%")


def folder_of(home: Path, workspace: str, run_id: str) -> Path:
    """The site of a workspace and run, whether it was made or not."""
    return root_of(home, workspace) / hashlib.sha256(run_id.encode()).hexdigest()[:16]


def pages(folder: Path) -> dict[str, Path]:
    """Suite → its page, relative to the site. Empty where the site was not made or is no longer kept."""
    found = sorted((folder / "validations").glob("*/**/*.html"))
    return {path.relative_to(folder).parts[1]: path.relative_to(folder) for path in found}


def site(folder: Path) -> dict[str, Any]:
    """Great Expectations' configuration of a site."""
    return {
        "class_name": "SiteBuilder",
        "site_index_builder": {"class_name": "DefaultSiteIndexBuilder"},
        "store_backend": {"class_name": "TupleFilesystemStoreBackend", "base_directory": str(folder)},
    }


@contextlib.contextmanager
def replaced(folder: Path) -> Iterator[Path]:
    """A folder to write a site into, which then stands in the place of the old one; a reader sees the one or the other."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    draft = folder.with_name(f".{folder.name}.{uuid.uuid4().hex[:8]}")
    old = draft.with_name(f"{draft.name}.old")
    try:
        yield draft
        _make_offline(draft)
        with contextlib.suppress(FileNotFoundError):
            folder.rename(old)
        draft.rename(folder)
        _forget_old(folder.parent)
    finally:
        for left in (draft, old):
            shutil.rmtree(left, ignore_errors=True)


def _make_offline(folder: Path) -> None:
    """Take out what pages load from elsewhere, and pictures and fonts that they do not need."""
    for name in ("images", "fonts"):
        shutil.rmtree(folder / "static" / name, ignore_errors=True)
    for page in folder.rglob("*.html"):
        page.write_text(FOREIGN.sub("", page.read_text()).replace("</head>", STYLE, 1))


def _forget_old(root: Path) -> None:
    """Keep the sites of the last runs."""
    sites = sorted((path for path in root.iterdir() if not path.name.startswith(".")), key=lambda p: p.stat().st_mtime)
    for site in sites[:-KEPT_RUNS]:
        shutil.rmtree(site, ignore_errors=True)
