"""Where the dashboard shows what a run found."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from airflow.sdk.bases.operatorlink import BaseOperatorLink

from include.settings import get_settings

if TYPE_CHECKING:
    from airflow.sdk.types import RuntimeTaskInstanceProtocol


def insights_of_run(run_id: str) -> str:
    """Address of the inbox with the insights of the days that a run published."""
    return f"{get_settings().public_url}/?{urlencode({'view': 'inbox', 'status': 'any', 'run': run_id})}"


class InsightsLink(BaseOperatorLink):  # type: ignore[misc]  # untyped in Airflow
    """The button "Insights" on the publishing task."""

    name = "Insights of this run"

    def get_link(self, operator: Any, *, ti_key: RuntimeTaskInstanceProtocol | Any) -> str:
        """The address, made when the task ends."""
        return insights_of_run(ti_key.run_id)


class BuildLink(BaseOperatorLink):  # type: ignore[misc]  # untyped in Airflow
    """The button "Models and tests" on a task that builds a layer."""

    name = "Models and tests of this build"

    def get_link(self, operator: Any, *, ti_key: RuntimeTaskInstanceProtocol | Any) -> str:
        """The page with status, rows, seconds and SQL of each node, made when the task ends."""
        layer = str(ti_key.task_id).removeprefix("build_")
        return f"{get_settings().public_url}/dbt-docs/builds?{urlencode({'run': ti_key.run_id, 'layer': layer})}"


class QualityLink(BaseOperatorLink):  # type: ignore[misc]  # untyped in Airflow
    """The button "Quality checks" on the task that checks staging."""

    name = "Quality checks of this run"

    def get_link(self, operator: Any, *, ti_key: RuntimeTaskInstanceProtocol | Any) -> str:
        """The page with the results of the run and its data docs, made when the task ends."""
        from include.quality.docs import address

        return address(get_settings(), ti_key.run_id)
