"""A platform has one name, in the texts of insights and everywhere in the dashboard."""

from __future__ import annotations

import re
from pathlib import Path

from include.landing.specs import sources

ROOT = Path(__file__).parents[2]


def names(text: str, quote: str) -> dict[str, str]:
    """Pairs of key and quoted name."""
    return dict(re.findall(rf"\'?(\w+)\'?: {quote}([^{quote}]+){quote}", text))


def test_insights_and_dashboard_name_platforms_alike() -> None:
    macros = (ROOT / "dbt_project/macros/insights/texts.sql").read_text()
    told = names(macros.split("platform_names() %}", 1)[1].split("endmacro", 1)[0], "'")
    script = (ROOT / "include/api/dashboard/lib/format.js").read_text()
    shown = names(script.split("const NAMES = {", 1)[1].split("};", 1)[0], '"')
    assert set(told) == set(sources()), "every platform that comes with the project"
    assert {name: shown.get(name) for name in told} == told
    assert told["generic"] == "Other tables"
