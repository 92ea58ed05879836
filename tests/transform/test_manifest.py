"""The parsed project: parsed once, also by several at once, and again when anything of it differs."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from dbt.contracts.graph.manifest import Manifest

from include.transform import manifest


def test_it_is_parsed_once_until_a_file_or_the_profile_differs(tmp_path: Path) -> None:
    project, folder = tmp_path / "project", tmp_path / "kept"
    (project / "models").mkdir(parents=True)
    (project / "dbt_project.yml").write_text("name: x\n")
    parsed: list[int] = []

    def load(environment: dict[str, str]) -> Manifest:
        def parse() -> Manifest:
            parsed.append(1)
            return Manifest()

        return manifest.load(project, folder, environment, parse)

    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(load, [{"INSIGHTFLOW_DBT_HOST": "a"}] * 4))
    assert len(parsed) == 1
    assert len({id(one) for one in found}) == 4, "each call has its own: dbt writes into it"
    load({"INSIGHTFLOW_DBT_HOST": "a", "INSIGHTFLOW_DBT_DATES": "2026-06-30", "OTHER": "x"})
    assert len(parsed) == 1, "dates are no part of the project"
    load({"INSIGHTFLOW_DBT_HOST": "b"})
    assert len(parsed) == 2
    (project / "models" / "m.sql").write_text("select 1")
    load({"INSIGHTFLOW_DBT_HOST": "b"})
    assert len(parsed) == 3
    kept = next(folder.glob("manifest-*.pickle"))
    kept.write_bytes(kept.read_bytes()[:20])
    load({"INSIGHTFLOW_DBT_HOST": "b"})
    assert len(parsed) == 4, "what was cut off is made again"
