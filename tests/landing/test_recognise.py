"""Headers to shapes: which source a file is of, and what is said when it is of none."""

import pytest

from include.landing.recognise import best, candidates, missing_columns, normal
from include.landing.specs import find_source

GOOGLE_UI = ["Day", "Customer ID", "Campaign ID", "Campaign", "Cost", "Impr.", "Clicks"]
META_UI = [
    "Reporting starts",
    "Reporting ends",
    "Campaign name",
    "Impressions",
    "Link clicks",
    "Amount spent (EUR)",
]


@pytest.mark.parametrize(
    ("headers", "format", "shape"),
    [
        (GOOGLE_UI, "csv", "google_ads_ui_csv"),
        (META_UI, "csv", "meta_ads_manager_csv"),
        (["segments.date", "campaign.id", "metrics.clicks", "metrics.cost_micros"], "json", "google_ads_api"),
        (["date_start", "date_stop", "campaign_id", "spend", "impressions"], "json", "meta_insights_api"),
        (["date", "campaign_id", "cost"], "csv", "generic"),
        (["Day", "campaign", "SPEND"], "csv", "generic"),
    ],
)
def test_headers_show_their_shape(headers: list[str], format: str, shape: str) -> None:
    match = best(headers, format)  # type: ignore[arg-type]
    assert match is not None
    assert match.shape.id == shape


def test_currency_comes_from_the_header() -> None:
    match = best(META_UI, "csv")
    assert match is not None
    assert match.currency == "EUR"
    assert str(match.columns["cost"]) == "Amount spent (EUR)"


def test_first_synonym_of_the_spec_wins_over_the_order_of_the_file() -> None:
    match = best(["date_start", "campaign_id", "clicks", "inline_link_clicks", "spend"], "json")
    assert match is not None
    assert str(match.columns["clicks"]) == "inline_link_clicks"


def test_unknown_headers_match_nothing() -> None:
    assert not candidates(["foo", "bar"], "csv")
    assert best(["foo", "bar"], "csv") is None


def test_what_is_missing_is_named_with_its_headers() -> None:
    google = find_source("google_ads")
    assert google is not None
    assert "date (as Day" in missing_columns(["Campaign", "Cost", "Impr."], "csv", google)


def test_a_mark_of_the_platform_is_needed_outside_its_folder() -> None:
    google = find_source("google_ads")
    assert google is not None
    headers = ["Day", "Campaign", "Cost", "Clicks"]
    assert [match.source.source for match in candidates(headers, "csv")] == ["generic"]
    assert [match.shape.id for match in candidates(headers, "csv", google)] == ["google_ads_ui_csv"]


def test_aliases_name_a_source() -> None:
    meta = find_source("facebook")
    assert meta is not None
    assert meta.source == "meta_ads"
    assert find_source("nobody") is None


def test_headers_compare_without_case_marks_and_blanks() -> None:
    assert normal("\ufeff  Ad   Group ID ") == "ad group id"
