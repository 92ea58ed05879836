"""The task group that ``marketing_daily`` and ``marketing_on_drop`` share.

discover → load (mapped over chunks of files) → dates → staging → check → facts → marts → anomalies → insights →
publish. With ``INSIGHTFLOW_DBT_TASKS=models`` dbt's layers are two groups with a task a model instead. What tasks need is imported inside them: this module is imported whenever a DAG file is parsed.
"""

# mypy: disable-error-code="untyped-decorator"
from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

from airflow.sdk import Param, TriggerRule, get_current_context, task

from include.orchestration.days import PARAMS
from include.orchestration.links import BuildLink, InsightsLink, QualityLink
from include.settings import get_settings

log = logging.getLogger(__name__)

BUILD_POOL = "warehouse_build"
LANDING_POOL = "landing"
DAG_IDS = ("marketing_daily", "marketing_on_drop")


def log_failure(context: Any) -> None:
    """One line that says which task failed, of which run, why, and where to read on."""
    ti = context["ti"]
    reason = " ".join(str(context.get("exception") or context.get("reason") or "no reason given").split())
    log.error(
        "InsightFlow: %s.%s of run %s failed: %s. Its log is in the Airflow UI; `bin/insightflow doctor` checks "
        "the services",
        ti.dag_id, ti.task_id, context["run_id"], reason[:1000],
    )  # fmt: skip


def log_run_failure(context: Any) -> None:
    """One line for a failed run (the dag processor calls this one, without a task's context)."""
    run = context.get("dag_run")
    log.error(
        "InsightFlow: run %s of %s failed: %s",
        getattr(run, "run_id", "?"), getattr(run, "dag_id", "?"), context.get("reason", "see its tasks"),
    )  # fmt: skip


DEFAULT_ARGS: dict[str, Any] = {
    "owner": "insightflow",
    "retries": 3,
    "retry_delay": timedelta(seconds=15),
    "retry_exponential_backoff": 2.0,
    "max_retry_delay": timedelta(minutes=10),
    "execution_timeout": timedelta(hours=1),
    "on_failure_callback": log_failure,
}


@contextmanager
def what_lasts_fails_at_once() -> Iterator[None]:
    """Data that fail a test fail it again, and a configuration stays wrong: the task ends without its retries. All
    else, such as an engine that is away, is tried again."""
    from airflow.sdk.exceptions import AirflowFailException

    from include.orchestration.days import BadConfiguration
    from include.quality import QualityError
    from include.transform.report import BuildError

    try:
        yield
    except (BuildError, QualityError) as error:
        if error.lasts:
            raise AirflowFailException(str(error)) from error
        raise
    except BadConfiguration as error:
        raise AirflowFailException(f"{error}. Trigger a run with another configuration") from error


def pipeline(*, own_days: bool) -> None:
    """Add the tasks of a run to the DAG being defined.

    ``own_days``: whether the run is for days of its own, or only for the dates that wait.
    """

    @task(execution_timeout=timedelta(minutes=10))
    def discover() -> list[list[str]]:
        """List the bucket: files that the ledger does not know, in chunks."""
        from include.orchestration import days, steps

        # First of all, so that nothing is done where something else was asked.
        with what_lasts_fails_at_once():
            days.configuration(get_current_context())
        return steps.discover()

    @task(pool=LANDING_POOL, map_index_template="{{ chunk }}")
    def load(keys: list[str]) -> dict[str, Any]:
        """Load a chunk of files into raw. Refused files are in the ledger and stop nobody."""
        from include.orchestration import steps

        context = get_current_context()
        context["chunk"] = keys[0] if len(keys) == 1 else f"{keys[0]} and {len(keys) - 1} more"
        return steps.load(keys, str(context["run_id"]))

    # Nothing to load skips the mapped task, which is no reason to skip what waits from earlier runs.
    @task.short_circuit(trigger_rule=TriggerRule.NONE_FAILED, ignore_downstream_trigger_rules=False)
    def dates() -> dict[str, int]:
        """Which dates to rebuild, each with the fingerprint of the loads that it has now."""
        from include.orchestration import days, steps
        from include.transform import seeds

        context = get_current_context()
        with what_lasts_fails_at_once():
            asked = days.configuration(context)
            own = days.days_of_run(context) if own_days or asked["dates"] else []
        # First, for another reporting currency of a workspace makes its dates wait.
        with what_lasts_fails_at_once():
            seeds.load_changed(get_settings(), str(context["run_id"]))
        return steps.dates_to_build(own, str(context["run_id"]), _is_active, everything=asked["full_refresh"])

    @task(pool=BUILD_POOL)
    def build(layer: str, seen: dict[str, int]) -> dict[str, Any]:
        """Build one layer with dbt and test it."""
        from include.orchestration import days
        from include.transform import build as build_layer

        context = get_current_context()
        with what_lasts_fails_at_once():
            report = build_layer(
                layer,
                days.parse_dates(list(seen)),
                str(context["run_id"]),
                full_refresh=days.wants_full_refresh(context),
            )
        return report.summary()

    @task(pool=BUILD_POOL)
    def load_seeds() -> bool:
        """Load dbt's seeds if their files have changed. (Where a layer is a task, it does that itself.)"""
        from include.transform import seeds

        with what_lasts_fails_at_once():
            return seeds.load_changed(get_settings(), str(get_current_context()["run_id"]))

    @task(pool=BUILD_POOL)
    def check_staging(seen: dict[str, int]) -> dict[str, Any]:
        """Great Expectations on staging: an error stops the run before the marts, a warning does not.

        The log, the returned value and the button lead to the page with all results and to the data docs.
        """
        from include.orchestration import days
        from include.quality import check_staging as check

        with what_lasts_fails_at_once():
            return check(days.parse_dates(list(seen)), str(get_current_context()["run_id"])).as_dict()

    @task(trigger_rule=TriggerRule.NONE_FAILED, execution_timeout=timedelta(minutes=15))
    def publish_insights() -> dict[str, Any]:
        """Publish the insights to PostgreSQL in one transaction; the run is done when this is."""
        from include.orchestration import steps

        context = get_current_context()
        # Pulled, not passed: a direct follower of `dates` would be skipped with it on a day without data.
        return steps.publish(context["ti"].xcom_pull(task_ids="dates") or {}, str(context["run_id"]))

    loaded = load.expand(keys=discover())
    seen = dates()
    checked = check_staging(seen)
    checked.operator.operator_extra_links = (QualityLink(),)
    published = publish_insights()
    published.operator.operator_extra_links = (InsightsLink(),)
    if get_settings().dbt_tasks == "models":
        from include.orchestration.models import models

        staging, rest = models("staging", ("staging",)), models("marts", ("facts", "marts", "anomalies", "insights"))
        loaded >> seen >> load_seeds() >> staging >> checked >> rest >> published
        return
    built = {
        layer: build.override(task_id=f"build_{layer}")(layer, seen)
        for layer in ("staging", "facts", "marts", "anomalies", "insights")
    }
    for task_of_layer in built.values():
        task_of_layer.operator.operator_extra_links = (BuildLink(),)
    loaded >> seen >> built["staging"] >> checked >> built["facts"] >> built["marts"]
    built["marts"] >> built["anomalies"] >> built["insights"] >> published


def run_params() -> dict[str, Param]:
    """The parameters of a run, for the form of the trigger button and for what triggers by API."""
    return {name: Param(**schema) for name, schema in PARAMS.items()}


def _is_active(run_id: str) -> bool:
    """Whether a run of either DAG is queued or running."""
    ti = get_current_context()["ti"]
    states = ["queued", "running"]
    return any(ti.get_dr_count(dag_id=dag_id, run_ids=[run_id], states=states) for dag_id in DAG_IDS)
