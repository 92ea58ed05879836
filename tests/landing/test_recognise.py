"""Headers to shapes: which source a file is of, and what is said when it is of none."""

import pytest

from include.landing.errors import RefusedFile
from include.landing.group_load import recognise
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


def test_a_reading_that_finds_the_cost_goes_first() -> None:
    """Impr. is Google's; but it writes Cost, and a table whose Spend would be lost is read as any table."""
    match = best(["Date", "Campaign", "Impr.", "Clicks", "Spend"], "csv")
    assert match is not None
    assert (match.source.source, str(match.columns["cost"])) == ("generic", "Spend")


ORDERS = ["date", "campaign_id", "campaign", "orders", "revenue", "currency"]


def test_a_table_of_orders_is_taken_where_it_says_so() -> None:
    """What a goal counts has no cost. In the inbox it may be a platform's report of conversions, which has them already."""
    assert best(ORDERS, "csv") is None
    assert recognise(ORDERS, "csv", find_source("generic")).shape.id == "generic_orders"
    assert recognise([*ORDERS, "goal"], "csv", None).shape.id == "generic_orders"
    assert recognise([*ORDERS, "goal", "cost"], "csv", None).shape.id == "generic"


@pytest.mark.parametrize(
    "headers",
    [
        "Datum;Kampagne;Kosten;Währung;Konversionen;Conversion-Wert",
        "Jour;Campagne;Coût;Devise;Conversions;Valeur de conversion",
        "Fecha;Campaña;Gasto;Moneda;Conversiones;Valor de conversión",
        "Dag;Campagne;Kosten;Valuta;Conversies;Conversiewaarde",
        "Dzień;Kampania;Koszt;Waluta;Konwersje;Wartość konwersji",
    ],
)
def test_any_table_speaks_one_language_to_its_end(headers: str) -> None:
    match = best(headers.split(";"), "csv")
    assert match is not None and match.source.source == "generic"
    assert {"date", "campaign_name", "cost", "currency", "conversions", "conversion_value"} == set(match.columns)


TABLE = "date,account_id,campaign_id,campaign_name,impressions,{},conversions,revenue,currency"


@pytest.mark.parametrize("named", ["swipes,spend", "clicks,media_cost", "taps,spend", "taps,cost"])
def test_a_header_that_any_table_may_have_names_no_platform(named: str) -> None:
    """Read as Snapchat's, a spend of 10 would be 0.00001, and its account, conversions and revenue be lost."""
    match = best(TABLE.format(named).split(","), "csv")
    assert match is not None
    assert (match.source.source, match.understood, match.divisor("cost")) == ("generic", 10, 1)


def test_a_platform_that_reads_nearly_as_much_keeps_its_table() -> None:
    snapchat = best(["date", "campaign_id", "campaign_name", "impressions", "swipes", "spend", "currency"], "csv")
    assert snapchat is not None and snapchat.source.source == "snapchat_ads"
    certain = best([*TABLE.format("swipes,spend").split(","), "ad_squad_id"], "csv")
    assert certain is not None and certain.source.source == "snapchat_ads"


def test_a_folder_is_believed_where_it_understands_more() -> None:
    microsoft = find_source("microsoft_ads")
    headers = ["Day", "Campaign status", "Campaign", "Impr.", "Clicks", "Spend", "Conv.", "Revenue"]
    assert recognise(headers, "csv", microsoft).shape.id == "microsoft_ads_ui_csv"
    with pytest.raises(RefusedFile, match="looks like Google Ads"):
        recognise(GOOGLE_UI, "csv", microsoft)


@pytest.mark.parametrize(
    ("header", "currency"),
    [
        ("Cost (€)", "EUR"),
        ("Cost ($)", ""),
        ("cost_usd", "USD"),
        ("Spend EUR", "EUR"),
        ("cost\n(GBP)", "GBP"),
        ("costs", ""),
    ],
)
def test_cost_of_any_table_names_its_currency(header: str, currency: str) -> None:
    match = best(["date", "campaign", header, "clicks", "currency"], "csv")
    assert match is not None
    assert (str(match.columns["cost"]), match.currency) == (header, currency)
    assert ("currency" in match.columns) == (not currency), "the cost's own goes before that of other money"


@pytest.mark.parametrize("header", ["cost_raw", "cost_per_click", "Cost / conv.", "spend_cap"])
def test_what_is_no_cost_is_not_taken_for_it(header: str) -> None:
    match = best(["date", "campaign", header, "clicks"], "csv")
    assert match is not None and "cost" not in match.columns


@pytest.mark.parametrize("mark", ["_fivetran_id", "_airbyte_raw_id", "_sdc_batched_at", "_dlt_load_id"])
def test_a_connector_that_hides_its_platform_is_asked_for_it(mark: str) -> None:
    with pytest.raises(RefusedFile) as refused:
        recognise(["date", "campaign", "clicks", "cost", mark], "csv", None)
    assert refused.value.reason == "ambiguous_source"


def test_aliases_name_a_source() -> None:
    meta = find_source("facebook")
    assert meta is not None
    assert meta.source == "meta_ads"
    assert find_source("nobody") is None


def test_headers_compare_without_case_marks_and_blanks() -> None:
    assert normal("\ufeff  Ad   Group ID ") == "ad group id"
