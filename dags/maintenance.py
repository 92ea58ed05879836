"""
### Maintenance, every Sunday

* `drop_orphans`: rows of loads that never finished, older than a day, leave `raw` and `ops`.
* `forget_old_records`: run logs and operational records past their time go.
* `check_sums`: every date that the ledger covers is in the marts, and sums agree from staging to the marts.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pendulum
from airflow.sdk import CronTriggerTimetable, dag, task

from include.orchestration.pipeline import BUILD_POOL, DEFAULT_ARGS, log_run_failure


@dag(
    # A trigger timetable: a new installation does not begin with last week's upkeep.
    schedule=CronTriggerTimetable("0 3 * * 0", timezone="UTC"),
    start_date=pendulum.datetime(2024, 1, 7, tz="UTC"),
    catchup=False,
    max_active_runs=1,
    is_paused_upon_creation=False,
    default_args=DEFAULT_ARGS | {"execution_timeout": timedelta(hours=2)},
    on_failure_callback=log_run_failure,
    tags=["insightflow", "maintenance"],
    doc_md=__doc__,
)
def maintenance() -> None:
    @task
    def drop_orphans() -> dict[str, int]:
        """Remove rows of unfinished loads."""
        from include.orchestration import upkeep

        return upkeep.drop_orphans()

    @task
    def forget_old_records() -> dict[str, int]:
        """Remove old logs and records."""
        from include.orchestration import upkeep

        return upkeep.forget_old_records()

    @task(pool=BUILD_POOL, retries=0)
    def check_sums() -> dict[str, Any]:
        """Fail when layers disagree."""
        from include.orchestration import upkeep

        return upkeep.check_sums()

    drop_orphans() >> forget_old_records() >> check_sums()


maintenance()
