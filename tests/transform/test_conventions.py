"""The dbt project keeps its conventions: dbt-bouncer's checks of dbt_project/dbt-bouncer.yml on the manifest."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

from include.transform import runner
from include.transform.lock import ALONE
from tests.transform.conftest import Parsed

FOR_USERS = ("mart_", "dim_", "fct_", "anomaly_daily", "insight_feed", "insight_budgets")


def bounce(folder: Path) -> tuple[int, str]:
    """Exit code and output of dbt-bouncer on ``folder/target/manifest.json``."""
    shutil.copy(runner.PROJECT / "dbt-bouncer.yml", folder)
    program = [str(Path(sys.executable).parent / "dbt-bouncer"), "run", "--config-file", "dbt-bouncer.yml"]
    done = subprocess.run(program, cwd=folder, capture_output=True, text=True, timeout=120, env={"COLUMNS": "250"})
    return done.returncode, done.stdout + done.stderr


def test_the_project_keeps_the_evaluators_rules(parsed: Parsed, tmp_path: Path) -> None:
    shutil.copytree(parsed.target, tmp_path / "target")
    code, said = bounce(tmp_path)
    assert code == 0, said


def test_a_broken_convention_is_found(parsed: Parsed, tmp_path: Path) -> None:
    manifest = json.loads((parsed.target / "manifest.json").read_text())
    mart = manifest["nodes"]["model.insightflow.mart_campaign_daily"]
    mart["description"] = ""
    mart["depends_on"]["nodes"] = ["model.insightflow.stg_ad_performance"]
    mart["raw_code"] = "select * from staging.stg_ad_performance"
    (tmp_path / "target").mkdir()
    (tmp_path / "target" / "manifest.json").write_text(json.dumps(manifest))
    code, said = bounce(tmp_path)
    assert code != 0
    for check in ("description_populated", "permitted_upstream", "hard_coded_references"):
        assert check in said


def test_every_table_for_users_is_public_and_contracted(parsed: Parsed) -> None:
    for node in parsed.manifest.nodes.values():
        if str(node.resource_type) == "model":
            assert node.config.group, f"{node.name} belongs to no group"
            public = str(node.access) == "public"
            assert public == node.name.startswith(FOR_USERS), f"{node.name}: access is {node.access}"
            assert node.config.contract.enforced or not public, f"{node.name} has no enforced contract"


def test_exposures_name_the_api_the_dashboard_and_the_insights(parsed: Parsed) -> None:
    exposures = {exposure.name: exposure for exposure in parsed.manifest.exposures.values()}
    assert set(exposures) == {"analytics_api", "dashboard", "published_insights"}
    read = ("insight_feed", "insight_budgets", "insight_budgets_unpriced")
    published = {f"model.insightflow.{name}" for name in read}
    assert set(exposures["published_insights"].depends_on.nodes) == published


def test_a_layer_whose_models_hand_scratch_to_each_other_is_built_alone() -> None:
    """Tables of no period that every build makes anew for its own days: another build would read them for its own."""
    scratch = {
        path.parent.name
        for path in (runner.PROJECT / "models").glob("*/int_*.sql")
        if "materialized='table'" in path.read_text(encoding="utf-8")
    }
    assert scratch == set(ALONE)
