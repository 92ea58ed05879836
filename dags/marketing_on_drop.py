"""
### Marketing, when a file arrives

The tasks of `marketing_daily`, started within seconds by a file in the bucket, for the dates in the files. The
event is only a nudge: the first task lists the bucket and takes all that the ledger does not know, so no file is
lost when events are late, merged or repeated. (A DAG scheduled by assets cannot be backfilled, so it is a DAG of
its own.)
"""

from __future__ import annotations

import pendulum
from airflow.sdk import Asset, AssetWatcher, dag
from bucket_trigger import BucketTrigger

from include.orchestration.pipeline import DEFAULT_ARGS, log_run_failure, pipeline, run_params

bucket = Asset("insightflow_bucket", watchers=[AssetWatcher(name="bucket", trigger=BucketTrigger())])


@dag(
    schedule=[bucket],
    start_date=pendulum.datetime(2024, 1, 1, tz="UTC"),
    catchup=False,
    # With 1, Airflow can leave an event waiting until the next one comes (apache/airflow#56050).
    max_active_runs=2,
    is_paused_upon_creation=False,
    default_args=DEFAULT_ARGS,
    params=run_params(),
    on_failure_callback=log_run_failure,
    tags=["insightflow", "marketing", "on-drop"],
    doc_md=__doc__,
)
def marketing_on_drop() -> None:
    pipeline(own_days=False)


marketing_on_drop()
