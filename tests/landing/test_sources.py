"""The specs as they are: they hold together, and each knows its own exports and nobody else's."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from include.landing.recognise import Match, best, candidates
from include.landing.specs import KEYS, METRICS, Made, Shape, Source, find_source, sources
from tests.landing.headers import headers_of

FIXTURES = Path(__file__).parents[1] / "fixtures"
EXPECTED = {path: json.loads(path.read_text()) for path in sorted(FIXTURES.glob("*/*.expected.json"))}
SHAPES = [(spec, shape) for spec in sources().values() for shape in spec.shapes]
PLATFORMS = {
    "amazon_ads", "apple_search_ads", "cm360", "dv360", "ga4", "google_ads", "linkedin_ads", "meta_ads",
    "microsoft_ads", "pinterest_ads", "reddit_ads", "snapchat_ads", "tiktok_ads", "x_ads",
}  # fmt: skip


def test_every_spec_loads_and_names_itself() -> None:
    assert set(sources()) == {*PLATFORMS, "generic", "fx_rates"}


@pytest.mark.parametrize("spec", sources().values(), ids=lambda spec: spec.source)
def test_spec_tells_an_analyst_what_to_know(spec: Source) -> None:
    assert spec.notes
    assert set(spec.hierarchy) <= {"account", "campaign", "ad_group", "ad"}
    assert {"account", "campaign"} <= set(spec.hierarchy)
    assert all(shape.title for shape in spec.shapes)
    assert all(len(note) <= 130 for note in spec.notes), "a note is one short line"


def test_names_are_taken_once() -> None:
    ids = [shape.id for _, shape in SHAPES]
    assert len(ids) == len(set(ids))
    folders = [name for spec in sources().values() for name in (spec.source, *spec.aliases)]
    assert len(folders) == len(set(folders))


@pytest.mark.parametrize(("spec", "shape"), SHAPES, ids=lambda item: getattr(item, "id", ""))
def test_units_and_currencies_are_of_headers_that_the_shape_names(spec: Source, shape: Shape) -> None:
    headers = {header.casefold() for header in shape.headers()}
    for header in (*shape.divisors, *shape.currencies):
        assert header.casefold() in headers, f"{shape.id}: {header}"
    micro = re.compile("micro", re.IGNORECASE)
    for metric in METRICS:
        for header in (w for w in shape.columns.get(metric, ()) if isinstance(w, str) and micro.search(w)):
            assert header in shape.divisors, f"{shape.id}: {header} is in micros"
    assert spec.source == "generic" or shape.recognise or shape.recognise_preamble


@pytest.mark.parametrize(("spec", "shape"), SHAPES, ids=lambda item: getattr(item, "id", ""))
def test_conversions_are_never_a_sum_of_aliases(spec: Source, shape: Shape) -> None:
    """What is added are parts of one event (clicks and views), never windows or names of the same one."""
    for metric in ("conversions", "conversion_value"):
        for made in (w for w in shape.columns.get(metric, ()) if isinstance(w, Made)):
            parts = " ".join(made.sum_of)
            assert not re.search(r"\d+_?d\b|omni|all_conv", parts), f"{shape.id}: {parts}"


@pytest.mark.parametrize("spec", [s for s in sources().values() if s.source in PLATFORMS], ids=lambda s: s.source)
def test_every_shape_has_a_fixture(spec: Source) -> None:
    seen = {expected["export"] for expected in EXPECTED.values()}
    assert {shape.id for shape in spec.shapes} - seen == set()


def readings(path: Path) -> list[Match]:
    found = [
        matches[0]
        for format, headers, preamble, records in headers_of(path)
        if (matches := candidates(headers, format, None, preamble, records))
    ]
    return sorted(found, key=lambda match: (match.marked, *match.score), reverse=True)


@pytest.mark.parametrize("expectation", EXPECTED, ids=lambda path: path.name.removesuffix(".expected.json"))
def test_fixture_is_recognised_without_its_folder(expectation: Path) -> None:
    expected = EXPECTED[expectation]
    if any(reject["reason"] == "truncated_file" for reject in expected["rejected"] if reject.get("file")):
        return  # what is cut off is refused before anybody asks whose it is
    if not expected["export"]:
        return  # a document without records shows no columns
    path = expectation.with_name(expected["file"])
    match = readings(path)[0]
    assert match.source.source == expected["platform"]
    assert match.shape.id == ("generic" if expected["platform"] == "generic" else expected["export"])


@pytest.mark.parametrize("expectation", EXPECTED, ids=lambda path: path.name.removesuffix(".expected.json"))
def test_no_two_platforms_fit_a_fixture_equally(expectation: Path) -> None:
    for format, headers, preamble, records in headers_of(expectation.with_name(EXPECTED[expectation]["file"])):
        matches = candidates(headers, format, None, preamble, records)
        if matches:
            assert len({m.source.source for m in matches if m.score == matches[0].score}) == 1


# Headers as the interfaces write them, in the languages of their users.
LOCALIZED = [
    ("google_ads_ui_csv", ["Tag", "Kampagne", "Währungscode", "Kosten", "Impr.", "Klicks", "Conversions", "Conv.-Wert"]),
    ("google_ads_ui_csv", ["Jour", "Campagne", "Code de la devise", "Coût", "Impr.", "Clics", "Conversions", "Valeur de conv."]),
    ("google_ads_ui_csv", ["Día", "Campaña", "Código de moneda", "Coste", "Impr.", "Clics", "Conversiones", "Valor de conv."]),
    ("google_ads_ui_csv", ["Dia", "Campanha", "Código da moeda", "Custo", "Impr.", "Cliques", "Conversões", "Valor conv."]),
    ("google_ads_ui_csv", ["Giorno", "Campagna", "Codice valuta", "Costo", "Impr.", "Clic", "Conversioni", "Valore conv."]),
    ("google_ads_ui_csv", ["Dag", "Campagne", "Valutacode", "Kosten", "Vert.", "Klikken", "Conversies", "Conv.waarde"]),
    ("meta_ads_manager_csv", ["Berichtsstart", "Kampagnenname", "Impressionen", "Link-Klicks", "Ausgegebener Betrag (EUR)", "Käufe", "Berichtsende"]),
    ("meta_ads_manager_csv", ["Début des rapports", "Nom de la campagne", "Impressions", "Clics sur un lien", "Montant dépensé (EUR)", "Achats", "Fin des rapports"]),
    ("meta_ads_manager_csv", ["Inicio del informe", "Nombre de la campaña", "Impresiones", "Clics en el enlace", "Importe gastado (EUR)", "Compras", "Fin del informe"]),
    ("meta_ads_manager_csv", ["Início dos relatórios", "Nome da campanha", "Impressões", "Cliques no link", "Valor usado (BRL)", "Compras", "Término dos relatórios"]),
    ("meta_ads_manager_csv", ["Inizio del report", "Nome della campagna", "Impression", "Clic sul link", "Importo speso (EUR)", "Acquisti", "Fine del report"]),
    ("meta_ads_manager_csv", ["Start rapportage", "Campagnenaam", "Weergaven", "Klikken op links", "Besteed bedrag (EUR)", "Aankopen", "Einde rapportage"]),
]  # fmt: skip


@pytest.mark.parametrize(("shape", "headers"), LOCALIZED, ids=lambda item: item if isinstance(item, str) else item[0])
def test_localized_headers_are_all_understood(shape: str, headers: list[str]) -> None:
    match = best(headers, "csv")
    assert match is not None
    assert match.shape.id == shape
    assert len(match.columns) == len(headers), set(headers) - {str(found) for found in match.columns.values()}
    assert match.currency == ({"BRL": "BRL", "EUR": "EUR"}.get(headers[4][-4:-1], ""))


def test_beside_a_day_the_range_of_the_report_says_nothing_of_a_row() -> None:
    headers = ["Day", "Campaign name", "Amount spent (USD)", "Reporting starts", "Reporting ends"]
    match = best(headers, "csv")
    assert match is not None
    assert str(match.columns["date"]) == "Day"
    assert "date_end" not in match.columns
    match = best(headers[1:], "csv")
    assert match is not None
    assert str(match.columns["date_end"]) == "Reporting ends"


GENERIC = [
    ["date", "campaign_id", "campaign_name", "impressions", "clicks", "cost", "conversions", "conversion_value", "currency"],
    ["Date", "Campaign", "Ad group", "Impressions", "Clicks", "Spend", "Conversions", "Revenue"],
    ["day", "account_id", "campaign_id", "ad_group_id", "ad_id", "impressions", "clicks", "spend", "currency"],
    ["report_date", "campaign", "device", "country", "clicks", "cost", "orders", "sales"],
    ["date", "advertiser_id", "campaign_id", "line_item", "impressions", "clicks", "spend", "sessions"],
    ["Datum", "campaign", "impressions", "clicks", "cost", "results"],
]  # fmt: skip


@pytest.mark.parametrize("headers", GENERIC, ids=lambda headers: headers[0] + str(len(headers)))
def test_tables_without_a_mark_of_a_platform_are_generic(headers: list[str]) -> None:
    match = best(headers, "csv")
    assert match is not None
    assert match.source.source == "generic"


@pytest.mark.parametrize(
    ("folder", "source"),
    [("bing", "microsoft_ads"), ("facebook", "meta_ads"), ("twitter", "x_ads"), ("linkedin", "linkedin_ads")],
)
def test_folders_may_be_named_by_a_platforms_other_names(folder: str, source: str) -> None:
    found = find_source(folder)
    assert found is not None
    assert found.source == source


def test_levels_that_platforms_call_otherwise_stand_under_ours() -> None:
    assert sources()["linkedin_ads"].hierarchy["ad_group"] == "campaign"
    headers = ["day", "campaign_id", "creative_id", "impressions", "cost_in_local_currency"]
    match = best(headers, "csv")
    assert match is not None
    assert {key: str(match.columns[key]) for key in KEYS if key in match.columns} == {
        "ad_group_id": "campaign_id",
        "ad_id": "creative_id",
    }


def test_cost_and_value_are_of_one_currency() -> None:
    both = ["day", "campaign_id", "cost_in_local_currency", "cost_in_usd", "conversion_value_in_local_currency"]
    match = best(both, "csv")
    assert match is not None
    assert (str(match.columns["cost"]), match.currency) == ("cost_in_local_currency", "")
    match = best([header for header in both if header != "cost_in_local_currency"], "csv")
    assert match is not None
    assert (str(match.columns["cost"]), match.currency) == ("cost_in_usd", "USD")
    assert "conversion_value" not in match.columns


@pytest.mark.parametrize(
    ("headers", "conversions"),
    [
        (["TimePeriod", "CampaignId", "Spend", "Conversions", "ConversionsQualified"], "ConversionsQualified"),
        (["date", "campaignId", "cost", "purchases1d", "purchases7d", "purchases30d", "purchases14d"], "purchases14d"),
        (["date", "campaignId", "cost", "purchases7d", "purchases30d"], "purchases30d"),
        (["date", "campaign_id", "cost", "purchases_7_d", "sales_30_d", "purchases_30_d"], "purchases_30_d"),
        (["date", "campaign_id", "spend", "conversion_purchase_clicks", "conversion_purchase_views"],
         "conversion_purchase_clicks + conversion_purchase_views"),
    ],
)  # fmt: skip
def test_the_best_conversions_are_taken_and_no_others(headers: list[str], conversions: str) -> None:
    match = best(headers, "csv")
    assert match is not None
    assert str(match.columns["conversions"]) == conversions
