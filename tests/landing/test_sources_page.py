"""docs/sources.md is what the specs say."""

from include.landing import document
from include.landing.specs import Made, sources


def test_the_page_is_not_stale() -> None:
    assert document.PAGE.read_text() == document.page(), "write it again: make docs"


def test_units_stand_beside_the_columns_that_have_them() -> None:
    shapes = {shape.id: shape for spec in sources().values() for shape in spec.shapes}
    units = {line.name: line.unit for line in document.column_lines(shapes["pinterest_analytics_api"])}
    assert units["cost"] == "micros (as the header says)"
    assert units["clicks"] == ""
    units = {line.name: line.unit for line in document.column_lines(shapes["reddit_report_api"])}
    assert (units["cost"], units["conversion_value"]) == ("micros", "cents")
    units = {line.name: line.unit for line in document.column_lines(shapes["linkedin_ad_analytics_usd"])}
    assert units["cost"] == "USD"


def test_made_values_are_told_in_words() -> None:
    assert document.made_text(Made(sum_of=("a", "b"))) == "sum of a + b"
    assert document.made_text(Made(product_of=("a", "b"))) == "a × b"
    assert document.made_text(Made(local_day_of="date")) == "local day that begins at the instant date"
