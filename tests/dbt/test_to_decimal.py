"""Decimals from Floats: a ratio without a denominator is no number, wherever the engine puts the cast."""

from __future__ import annotations

import re
from decimal import Decimal

import pytest
from jinja2 import Environment

from include.transform.runner import PROJECT
from tests.dbt.conftest import Project

CAST = re.compile(r"toDecimal\d+\(toFloat|cast\(\s*round\([^)]*\)?, 2\) as Nullable\(Decimal", re.IGNORECASE)


@pytest.mark.integration
def test_what_lies_under_a_null_is_not_cast(project: Project) -> None:
    macro = (PROJECT / "macros" / "to_decimal.sql").read_text()
    amount = Environment(autoescape=False).from_string(macro + "{{ to_amount('x / nullIf(y, 0)') }}").render().strip()
    rows = project.query(f"SELECT {amount} FROM (SELECT number + 1.5 AS x, number % 2 AS y FROM numbers(4)) ORDER BY x")
    assert rows == [(None,), (Decimal("2.50"),), (None,), (Decimal("4.50"),)]


def test_no_model_casts_a_float_by_a_cast_that_throws() -> None:
    offenders = [
        f"{path.relative_to(PROJECT)}: {found.group()}"
        for path in sorted((PROJECT / "models").rglob("*.sql"))
        for found in CAST.finditer(path.read_text())
    ]
    assert not offenders
