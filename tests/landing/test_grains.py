"""Exports of keywords, search terms and landing pages, as platforms and connectors write them: grain and segments."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.landing.conftest import Landing

pytestmark = pytest.mark.integration

SEGMENTS = "SELECT segments FROM raw.ad_performance WHERE workspace = {w:String} AND disposition = 'loaded' ORDER BY row_number"
NAMED = ("keyword_id", "keyword", "match_type", "bid_match_type", "search_term", "landing_page", "url_parameters")


def api(record: dict[str, Any]) -> str:
    base = {"segments": {"date": "2025-05-01"}, "customer": {"id": "1"}, "campaign": {"id": "2"}, "adGroup": {"id": "3"},
            "metrics": {"impressions": "10", "clicks": "1", "costMicros": "1500000"}}  # fmt: skip
    return json.dumps({"results": [base | record | {"segments": base["segments"] | record.get("segments", {})}]})


CASES = {
    "google_ads_ui_keywords": (
        "google_ads", "k.csv", "keyword",
        "Search keyword report\nMay 1, 2025 - May 1, 2025\nDay,Campaign,Campaign ID,Ad group,Ad group ID,Search keyword,"
        "Search keyword match type,Final URL,Currency code,Impr.,Clicks,Cost\n"
        "2025-05-01,Brand,2,Shoes,3,+red +shoes,Broad match,https://a.com/?utm_source=g,USD,10,1,1.50\n",
        {"keyword": "+red +shoes", "match_type": "Broad match", "landing_page": "https://a.com/?utm_source=g"},
    ),
    "google_ads_ui_search_terms_de": (
        "google_ads", "s.csv", "search_term",
        "Suchbegriffbericht\n1. Mai 2025 - 1. Mai 2025\nTag,Suchbegriff,Übereinstimmungstyp,Kampagne,Anzeigengruppe,"
        "Währungscode,Impressionen,Klicks,Kosten\n2025-05-01,rote schuhe,Exakt,Brand,Schuhe,EUR,10,1,\"1,50\"\n",
        {"search_term": "rote schuhe", "match_type": "Exakt"},
    ),
    "google_ads_api_keyword_view": (
        "google_ads", "k.json", "keyword",
        api({"adGroupCriterion": {"criterionId": "9", "keyword": {"text": "boots", "matchType": "EXACT"}}}),
        {"keyword_id": "9", "keyword": "boots", "match_type": "EXACT"},
    ),
    "google_ads_api_search_term_view": (
        "google_ads", "s.json", "search_term",
        api({"searchTermView": {"searchTerm": "red boots"}, "segments": {"keyword": {"info": {"text": "boots", "matchType": "EXACT"}}}}),
        {"search_term": "red boots", "keyword": "boots", "match_type": "EXACT"},
    ),
    "google_ads_api_landing_page_view": (
        "google_ads", "l.json", "landing_page",
        api({"landingPageView": {"unexpandedFinalUrl": "https://a.com/x"}}), {"landing_page": "https://a.com/x"},
    ),
    "google_ads_api_ads_with_final_urls": (
        "google_ads", "a.json", "ad",
        api({"adGroupAd": {"ad": {"id": "5", "finalUrls": ["https://a.com/x"], "finalUrlSuffix": "utm_source=g"}}}),
        {"landing_page": '["https://a.com/x"]', "url_parameters": "utm_source=g"},
    ),
    "google_ads_fivetran_search_term_keyword_stats": (
        "google_ads", "f.csv", "search_term",
        "_fivetran_id,_fivetran_synced,ad_group_id,campaign_id,clicks,conversions,conversions_value,cost_micros,customer_id,"
        "date,impressions,info_text,keyword_ad_group_criterion,search_term,search_term_match_type\n"
        "x,2025-05-02 00:00:00,3,2,1,0,0,1500000,1,2025-05-01,10,boots,customers/1/adGroupCriteria/3~9,red boots,EXACT\n",
        {"search_term": "red boots", "keyword": "boots"},
    ),
    "microsoft_keyword_report": (
        "microsoft_ads", "m.csv", "keyword",
        "TimePeriod,AccountId,CampaignId,CampaignName,AdGroupId,AdId,KeywordId,Keyword,BidMatchType,FinalUrl,CurrencyCode,"
        "Impressions,Clicks,Spend,ConversionsQualified,Revenue\n"
        "2025-05-01,1,2,Brand,3,4,9,boots,Exact,https://a.com/b,USD,10,1,1.50,0,0\n",
        {"keyword_id": "9", "keyword": "boots", "bid_match_type": "Exact", "landing_page": "https://a.com/b"},
    ),
    "microsoft_search_query_report": (
        "microsoft_ads", "q.csv", "search_term",
        "TimePeriod,AccountId,CampaignId,CampaignName,AdGroupId,SearchQuery,Keyword,BidMatchType,CurrencyCode,Impressions,"
        "Clicks,Spend,ConversionsQualified,Revenue\n2025-05-01,1,2,Brand,3,red boots,boots,Phrase,USD,10,1,1.50,0,0\n",
        {"search_term": "red boots", "keyword": "boots", "bid_match_type": "Phrase"},
    ),
    "amazon_search_term_report": (
        "amazon_ads", "a.json", "search_term",
        json.dumps([{"date": "2025-05-01", "campaignId": 2, "adGroupId": 3, "keywordId": 9, "keyword": "boots",
                     "matchType": "BROAD", "searchTerm": "red boots", "impressions": 10, "clicks": 1, "cost": 1.5,
                     "purchases14d": 0, "sales14d": 0, "campaignBudgetCurrencyCode": "USD"}]),
        {"search_term": "red boots", "keyword_id": "9", "keyword": "boots", "match_type": "BROAD"},
    ),
    "meta_ads_with_website_url": (
        "meta_ads", "m.csv", "ad",
        "Day,Campaign name,Campaign ID,Ad set name,Ad ID,Ad name,Amount spent (USD),Impressions,Link clicks,Website URL,"
        "URL parameters\n2025-05-01,Brand,2,Set,4,Ad,1.50,10,1,https://a.com/m,utm_campaign={{campaign.id}}\n",
        {"landing_page": "https://a.com/m", "url_parameters": "utm_campaign={{campaign.id}}"},
    ),
    "generic_table": (
        "generic", "g.csv", "keyword",
        "date,campaign_id,keyword,match_type,impressions,clicks,cost,currency\n2025-05-01,2,boots,exact,10,1,1.50,USD\n",
        {"keyword": "boots", "match_type": "exact"},
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_export_is_of_its_own_grain(landing: Landing, name: str) -> None:
    folder, file, grain, content, segments = CASES[name]
    landing.put(f"{folder}/{file}", content)
    line = landing.load()[file]
    assert (line.status, line.grain, line.rows_loaded) == ("loaded", grain, 1), line.error
    assert landing.rows("SELECT DISTINCT grain FROM ops.file_coverage WHERE workspace = {w:String}") == [(grain,)]
    [(found,)] = landing.rows(SEGMENTS)
    assert {name: found[name] for name in NAMED if found.get(name)} == segments


def test_a_keyword_export_does_not_replace_the_ad_groups(landing: Landing) -> None:
    head = "date,campaign_id,ad_group_id"
    landing.put("generic/groups.csv", f"{head},impressions,clicks,cost,currency\n2025-05-01,2,3,10,1,9,USD\n")
    landing.put(
        "generic/keywords.csv", f"{head},keyword,impressions,clicks,cost,currency\n2025-05-01,2,3,x,5,1,4,USD\n"
    )
    landing.load()
    assert landing.rows(
        "SELECT grain FROM ops.file_coverage WHERE workspace = {w:String} ORDER BY grain"
    ) == [("ad_group",), ("keyword",)]  # fmt: skip
