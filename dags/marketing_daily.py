"""
### Marketing, day by day

For its day: takes what is new in the bucket, loads it, builds staging, checks it, builds facts, marts, anomalies
and insights, and publishes the insights to PostgreSQL as the final task. Late and restated files that wait in the
bucket are taken along, and exactly the dates that they touch are rebuilt.

* **Backfill** any range, in any order, from here (Trigger, Backfill; set this page to UTC first: days that are picked
  are days of its time zone), by `bin/insightflow backfill --from D --to D`, `bin/insightflow airflow backfill create`
  or `POST /api/v2/backfills`. A day built twice is the same.
* **Other dates**: trigger with the configuration `{"dates": ["2026-06-30"]}`; `{"full_refresh": true}` makes every
  table anew from raw. Another name or type is refused.
* **Refused files** do not fail the run: the log of `load` and the result of `publish_insights` name them, with the
  reason; `bin/insightflow ledger` too.
"""

from __future__ import annotations

import pendulum
from airflow.sdk import CronDataIntervalTimetable, dag

from include.orchestration.pipeline import DEFAULT_ARGS, log_run_failure, pipeline, run_params


@dag(
    schedule=CronDataIntervalTimetable("@daily", timezone="UTC"),
    start_date=pendulum.datetime(2024, 1, 1, tz="UTC"),
    catchup=False,
    max_active_runs=3,
    is_paused_upon_creation=False,
    default_args=DEFAULT_ARGS,
    params=run_params(),
    on_failure_callback=log_run_failure,
    tags=["insightflow", "marketing", "daily"],
    doc_md=__doc__,
)
def marketing_daily() -> None:
    pipeline(own_days=True)


marketing_daily()
