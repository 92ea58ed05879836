"""The dashboard's libraries and fonts, committed as they come from npm: ``python -m include.api.vendor`` fetches them.

``dashboard/vendor/vendor.json`` names each package with version, licence and files, and each file's SHA-256. To take a
newer version, change it there and run this; it needs npm and prints what changed. The dashboard itself needs neither.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path
from typing import Any

VENDOR = Path(__file__).parent / "dashboard" / "vendor"
MANIFEST = VENDOR / "vendor.json"


def fetch() -> list[str]:
    """Fetch every package of the manifest, write its files and their sums; return the names of files that changed.

    Raises ``CalledProcessError`` when npm cannot get a package, ``KeyError`` when it lacks a file.
    """
    packages: list[dict[str, Any]] = json.loads(MANIFEST.read_text())
    changed: list[str] = []
    for package in packages:
        with tempfile.TemporaryDirectory() as folder:
            name = f"{package['package']}@{package['version']}"
            command = ["npm", "pack", "--silent", "--pack-destination", folder, name]
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
            with tarfile.open(next(Path(folder).glob("*.tgz"))) as archive:
                for file in package["files"]:
                    member = archive.extractfile(f"package/{file['from']}")
                    if member is None:
                        raise KeyError(f"{name} has no file {file['from']}")
                    with (VENDOR / file["file"]).open("wb") as target:
                        shutil.copyfileobj(member, target)
                    found = digest(VENDOR / file["file"])
                    if found != file.get("sha256"):
                        changed.append(file["file"])
                    file["sha256"] = found
    MANIFEST.write_text(json.dumps(packages, indent=2) + "\n")
    return changed


def digest(path: Path) -> str:
    """SHA-256 of a file, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


if __name__ == "__main__":
    sys.stdout.write("changed: " + (", ".join(fetch()) or "nothing") + "\n")
