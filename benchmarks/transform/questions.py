"""The ten questions that analysts ask most, in SQL that ClickHouse and DuckDB both take."""

from __future__ import annotations

END = "DATE '2026-06-30'"


def _since(days: int) -> str:
    return f"date > {END} - INTERVAL {days} DAY"


QUESTIONS = {
    "spend, clicks and ROAS by platform, 30 days": (
        "SELECT platform, sum(cost) AS spend, sum(clicks), sum(conversion_value) / sum(cost)"
        f" FROM mart_platform_daily WHERE {_since(30)} GROUP BY platform ORDER BY spend DESC"
    ),
    "the 20 campaigns with most spend, 7 days": (
        "SELECT campaign_id, max(campaign_name), sum(cost) AS spend FROM mart_campaign_daily"
        f" WHERE {_since(7)} GROUP BY campaign_id ORDER BY spend DESC LIMIT 20"
    ),
    "an account day by day, 90 days": (
        "SELECT date, cost, clicks, roas FROM mart_account_daily"
        f" WHERE account_id = 'a3' AND {_since(90)} ORDER BY date"
    ),
    "campaigns, this week against the last": (
        f"SELECT campaign_id, sum(CASE WHEN {_since(7)} THEN cost ELSE 0 END) AS now,"
        f" sum(CASE WHEN NOT ({_since(7)}) THEN cost ELSE 0 END) AS before FROM mart_campaign_daily"
        f" WHERE {_since(14)} GROUP BY campaign_id ORDER BY now - before DESC LIMIT 20"
    ),
    "campaigns with the worst ROAS, 30 days": (
        "SELECT campaign_id, sum(conversion_value) / sum(cost) AS r FROM mart_campaign_daily"
        f" WHERE {_since(30)} GROUP BY campaign_id HAVING sum(cost) > 100 ORDER BY r LIMIT 20"
    ),
    "the ads of a campaign, 30 days": (
        "SELECT ad_id, max(ad_name), sum(impressions), sum(clicks), sum(cost) AS spend FROM mart_ad_daily"
        f" WHERE campaign_id = 'c7' AND {_since(30)} GROUP BY ad_id ORDER BY spend DESC"
    ),
    "months by platform": "SELECT * FROM mart_platform_monthly ORDER BY month_start",
    "weeks by account": "SELECT account_id, week_start, cost, roas FROM mart_account_weekly ORDER BY account_id, week_start",
    "campaigns by a word of their name, all history": (
        "SELECT campaign_name, sum(cost) FROM mart_campaign_daily WHERE campaign_name LIKE '%17%'"
        " GROUP BY campaign_name ORDER BY 2 DESC LIMIT 20"
    ),
    "ads that spend and sell nothing, 14 days": (
        f"SELECT ad_id, sum(cost) AS spend FROM mart_ad_daily WHERE {_since(14)}"
        " GROUP BY ad_id HAVING sum(conversions) < 20 ORDER BY spend DESC LIMIT 50"
    ),
}
