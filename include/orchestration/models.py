"""One task a model, by Cosmos' WATCHER mode, for those who set ``INSIGHTFLOW_DBT_TASKS=models``.

One task of each group runs ``dbt build``, the others wait for their model and show it. Needs the optional package
``astronomer-cosmos`` (requirements-cosmos.txt) and the manifest that ``up`` writes: nothing is parsed here.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from include.services.environment import dbt_environment
from include.settings import get_settings
from include.transform import runner

MODELS_POOL = "dbt_models"
DATES = "{{ 'all' if (dag_run.conf or {}).get('full_refresh') else (ti.xcom_pull(task_ids='dates') or {}) | sort | join(',') }}"


def models(group_id: str, layers: tuple[str, ...]) -> Any:
    """A task group with a task for each model of the layers.

    Raises ``RuntimeError`` that says what is missing.
    """
    try:
        from cosmos import DbtTaskGroup, ExecutionConfig, ProfileConfig, ProjectConfig, RenderConfig
        from cosmos.constants import ExecutionMode, InvocationMode, LoadMode, TestBehavior
    except ImportError as error:
        raise RuntimeError(
            "INSIGHTFLOW_DBT_TASKS=models needs astronomer-cosmos: `uv pip install -r requirements-cosmos.txt`, or set "
            "INSIGHTFLOW_DBT_TASKS=layers"
        ) from error
    settings = get_settings()
    manifest = runner.manifest_file(settings)
    if not manifest.exists():
        raise RuntimeError(f"{manifest} is missing; `bin/insightflow up` writes it")
    return DbtTaskGroup(
        group_id=group_id,
        project_config=ProjectConfig(
            dbt_project_path=runner.PROJECT, manifest_path=manifest, project_name="insightflow", install_dbt_deps=False
        ),
        profile_config=ProfileConfig(
            profile_name="insightflow",
            target_name=dbt_environment(settings)["INSIGHTFLOW_DBT_TARGET"],
            profiles_yml_filepath=runner.PROJECT / "profiles.yml",
        ),
        render_config=RenderConfig(
            load_method=LoadMode.DBT_MANIFEST,
            select=[f"path:models/{layer}" for layer in layers],
            test_behavior=TestBehavior.AFTER_EACH,
        ),
        execution_config=ExecutionConfig(
            execution_mode=ExecutionMode.WATCHER,
            invocation_mode=InvocationMode.DBT_RUNNER,
            setup_operator_args={
                # Without our locks: one build at a time.
                "pool": MODELS_POOL,
                "dbt_cmd_flags": ["--exclude-resource-type", "unit_test"],
                "callback": "include.orchestration.models.keep",
                "callback_args": {"layer": group_id},
            },
        ),
        operator_args={
            "env": {runner.DATES: DATES},
            "append_env": True,
            "full_refresh": "{{ (dag_run.conf or {}).get('full_refresh', false) }}",
            "emit_datasets": False,
        },
    )


def keep(project_dir: str, layer: str, context: Any, **_: Any) -> None:
    """Put the results of the producer's dbt call into ``ops.dbt_results``. Cosmos calls it when dbt has ended."""
    from include.transform.results import keep as keep_results
    from include.transform.results import of_file, told

    found = told(get_settings(), of_file(Path(project_dir) / "target" / "run_results.json"))
    keep_results(get_settings(), str(context["run_id"]), layer, found)
