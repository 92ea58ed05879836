"""Links from Airflow's navigation to the dashboard and the API's documentation."""

from __future__ import annotations

from airflow.plugins_manager import AirflowPlugin

from include.settings import get_settings

_settings = get_settings()
_address = f"http://{_settings.host}:{_settings.api_port}"


class InsightFlowLinks(AirflowPlugin):
    """Two entries in the navigation."""

    name = "insightflow"
    external_views = [  # noqa: RUF012 (Airflow's interface)
        {
            "name": "Insights dashboard",
            "href": f"{_address}/",
            "destination": "nav",
            "url_route": "insightflow_dashboard",
            "nav_top_level": True,
        },
        {
            "name": "Insights API",
            "href": f"{_address}/docs",
            "destination": "nav",
            "category": "docs",
        },
    ]
