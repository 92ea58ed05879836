"""Two tables that name no account: neither takes the other's place unsaid, and a restated one still replaces its days."""

from __future__ import annotations

import pytest

from tests.landing.conftest import Landing

pytestmark = pytest.mark.integration

HEAD = "date,campaign,impressions,clicks,cost,conversions,revenue,currency\n"
DAYS = ("2026-06-01", "2026-06-02", "2026-06-03")


def table(*campaigns: str, days: tuple[str, ...] = DAYS, cost: str = "5.00", head: str = HEAD) -> str:
    return head + "".join(f"{day},{name},100,10,{cost},1,20,EUR\n" for day in days for name in campaigns)


def standing(landing: Landing) -> dict[str, float]:
    """Campaign → cost of the exports that stand, by the rule of staging."""
    rows = landing.rows(
        "SELECT campaign_name, toFloat64(sum(cost)) FROM raw.ad_performance_rows AS r INNER JOIN (SELECT load_id, date,"
        " account_id, export_id = (max((export_order, export_id)) OVER (PARTITION BY workspace, source, grain, account_id,"
        " date)).2 AS stands FROM ops.file_coverage WHERE workspace = {w:String}) AS c ON"
        " r.load_id = c.load_id AND r.date = c.date AND r.account_id = c.account_id"
        " WHERE c.stands AND r.disposition = 'loaded' GROUP BY 1"
    )
    return dict(rows)


def test_a_table_of_other_campaigns_replaces_nothing_unsaid(landing: Landing) -> None:
    landing.put("inbox/tv.csv", table("TV spots"))
    assert landing.load()["tv.csv"].status == "loaded"
    landing.put("inbox/podcast.csv", table("Podcast", days=(*DAYS[1:], "2026-06-04")))
    line = landing.load()["podcast.csv"]
    assert (line.status, line.rows_loaded) == ("rejected", 0)
    assert line.error == (
        "other_table: 2 of its days (2026-06-02 to 2026-06-03) hold tv.csv, a table of other campaigns (TV spots) with a"
        " cost of 10.00; neither names an account, so one would replace the other. Give it a column account_id (any name"
        " of your own, the same in each row) and drop it again; if it is meant to replace them, drop it as"
        " replace_podcast.csv"
    )
    assert standing(landing) == {"TV spots": 15.0}
    owned = "date,account_id,campaign,impressions,clicks,cost,conversions,revenue,currency\n"
    text = table("Podcast").replace(HEAD, owned).replace(",Podcast,", ",podcasts,Podcast,")
    landing.put("inbox/podcast_owned.csv", text)
    assert landing.load()["podcast_owned.csv"].status == "loaded"
    assert standing(landing) == {"TV spots": 15.0, "Podcast": 15.0}


def test_two_such_tables_at_once(landing: Landing) -> None:
    """Also where the older of them arrives with the newer one, or after it: it would be lost as silently."""
    landing.put("generic/a_exported_20260610.csv", table("TV spots"))
    landing.put("generic/b_exported_20260611.csv", table("Podcast"))
    landing.put("generic/c_exported_20260612.csv", table("TV spots", cost="6.00"))
    lines = landing.load()
    assert [lines[name].status for name in sorted(lines)] == ["loaded", "rejected", "loaded"]
    landing.put("generic/d_exported_20260601.csv", table("Radio"))
    assert landing.load()["d_exported_20260601.csv"].error.startswith("other_table: 3 of its days")
    assert standing(landing) == {"TV spots": 18.0}


def test_what_restates_its_own_days_still_replaces_them(landing: Landing) -> None:
    landing.put("inbox/media.csv", table("TV spots", "Posters"))
    landing.load()
    # A campaign gone and another new, also where only ids tell that a renamed one is the same.
    landing.put("inbox/media_2.csv", table("tv spots", "Radio", cost="7.00"))
    assert landing.load()["media_2.csv"].status == "loaded"
    assert standing(landing) == {"tv spots": 21.0, "Radio": 21.0}
    head = HEAD.replace("campaign,", "campaign_id,campaign,")
    landing.put("generic/ids.csv", table("1,tv spots", head=head))
    landing.put("generic/ids_exported_20990101.csv", table("1,Television", head=head))
    assert {line.status for line in landing.load().values()} == {"loaded"}
    assert standing(landing) == {"Television": 15.0}
    # Days that no other table holds are its own.
    landing.put("inbox/before.csv", table("Cinema", days=("2026-05-01",)))
    assert landing.load()["before.csv"].status == "loaded"


def test_a_replacement_that_is_meant(landing: Landing) -> None:
    landing.put("inbox/media.csv", table("Old name"))
    landing.load()
    landing.put("inbox/renamed.csv", table("New name"))
    assert landing.load()["renamed.csv"].error.endswith("drop it as replace_renamed.csv")
    landing.put("inbox/replace_renamed.csv", table("New name"))
    assert landing.load()["replace_renamed.csv"].status == "loaded"
    assert standing(landing) == {"New name": 15.0}
    # The remedy of a duplicate is meant as well.
    landing.put("inbox/again_20990101T000000/exported_20990101T000000_media.csv", table("Old name"))
    assert {line.status for line in landing.load().values()} == {"loaded"}
    assert standing(landing) == {"Old name": 15.0}


def test_accounts_that_only_a_name_tells_apart(landing: Landing) -> None:
    head = HEAD.replace("campaign,", "account_name,campaign,")
    landing.put("inbox/acme.csv", table("Acme,Brand", head=head))
    landing.load()
    landing.put("inbox/zen.csv", table("Zen,Brand", head=head))
    assert landing.load()["zen.csv"].error.startswith("other_table: 3 of its days")
    landing.put("inbox/acme_2.csv", table("ACME,Brand", "Acme,Shoes", head=head))
    assert landing.load()["acme_2.csv"].status == "loaded"


def test_parts_of_one_export_are_one_table(landing: Landing) -> None:
    landing.put("inbox/media/part-1.csv", table("TV spots"))
    landing.put("inbox/media/part-2.csv", table("Podcast"))
    assert {line.status for line in landing.load().values()} == {"loaded"}
    assert standing(landing) == {"TV spots": 15.0, "Podcast": 15.0}
    landing.put("inbox/other/part-1.csv", table("Radio"))
    assert landing.load()["part-1.csv"].error.endswith("drop it as replace_other")
