"""How insights write numbers: what is no number is unknown, whatever its name."""

from __future__ import annotations

import pytest
from jinja2 import Environment

from include.transform.runner import PROJECT
from tests.dbt.conftest import Project

pytestmark = pytest.mark.integration

NUMBERS = {
    "nan": ("an unknown amount", "? %", "?"),
    "inf": ("an unknown amount", "? %", "?"),
    "-inf": ("an unknown amount", "? %", "?"),
    "NULL::Nullable(Float64)": ("an unknown amount", "? %", "nothing"),
    "0.": ("USD 0", "0.00 %", "0"),
    "0.0123": ("USD 0.01", "1.23 %", "0"),
    "-2.5": ("USD -2.50", "-250 %", "-2"),
    "1234567.8": ("USD 1,234,568", "123456780 %", "1,234,568"),
    "toDecimal64(1234.5, 6)": ("USD 1,235", "123450 %", "1,235"),
    "toNullable(toDecimal64(12.5, 6))": ("USD 12.50", "1250 %", "13"),
}


@pytest.mark.parametrize("number", NUMBERS)
def test_a_number_is_written_or_said_to_be_unknown(project: Project, number: str) -> None:
    macros = (PROJECT / "macros" / "insights" / "texts.sql").read_text()
    calls = "{{ money_text('x', \"'USD'\") }}, {{ percent_text('x') }}, {{ value_text(\"'clicks'\", 'x', \"'USD'\") }}"
    texts = Environment(autoescape=False).from_string(macros + calls).render()
    assert project.query(f"SELECT {texts} FROM (SELECT {number} AS x)") == [NUMBERS[number]]
