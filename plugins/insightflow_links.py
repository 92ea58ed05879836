"""Airflow's navigation and runs lead to the dashboard, and to dbt's documentation of the models."""

from __future__ import annotations

from airflow.plugins_manager import AirflowPlugin

from include.settings import get_settings

_address = get_settings().public_url


class InsightFlowLinks(AirflowPlugin):
    """The dashboard in the navigation and on each run; links to the documentation. All of it is behind the API's own
    log-in: an app mounted here would answer anybody."""

    name = "insightflow"
    external_views = [  # noqa: RUF012 (Airflow's interface)
        {
            "name": "InsightFlow",
            "href": f"{_address}/",
            "destination": "nav",
            "url_route": "insightflow",
            "icon": f"{_address}/assets/dashboard/icon.svg",
            "nav_top_level": True,
        },
        {
            "name": "Insights",
            "href": f"{_address}/?view=inbox&status=any&run={{RUN_ID}}",
            "destination": "dag_run",
            "url_route": "insights",
        },
        # A route for it too: without one Airflow 3.3 draws a button at the top level that leads nowhere.
        {
            "name": "dbt docs",
            "href": f"{_address}/dbt-docs",
            "destination": "nav",
            "url_route": "dbt-docs",
            "icon": f"{_address}/assets/dashboard/docs.svg",
            "nav_top_level": True,
        },
        # Without a route it opens as a page of its own: it allows no frame.
        {"name": "Insights API", "href": f"{_address}/docs", "destination": "nav", "category": "docs"},
    ]
