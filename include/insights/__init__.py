"""Insights in PostgreSQL: the schema, and the publication of ``marts.insight_feed`` as a run's final task."""

from include.insights.feed import PublishError
from include.insights.publishing import PublishReport, publish
from include.insights.schema import upgrade

__all__ = ["PublishError", "PublishReport", "publish", "upgrade"]
