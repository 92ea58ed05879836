"""Which version of the dbt project a date was built with."""

from __future__ import annotations

import hashlib
from functools import lru_cache

from include.transform.runner import PROJECT

SOURCES = ("dbt_project.yml", "models/**/*.sql", "models/**/*.yml", "macros/**/*.sql", "seeds/*.csv")


@lru_cache(maxsize=1)
def project_version() -> str:
    """Hash of all that decides what a build makes of the same rows: models, macros, seeds."""
    digest = hashlib.sha256()
    for path in sorted(path for pattern in SOURCES for path in PROJECT.glob(pattern)):
        digest.update(path.relative_to(PROJECT).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()[:16]
