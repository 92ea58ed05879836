"""The bench runs the product's own SQL: every macro and model it needs can be rendered without dbt."""

from __future__ import annotations

import pytest

from benchmarks.anomalies.product import MODELS
from benchmarks.anomalies.rendering import PROJECT, Renderer


@pytest.fixture(scope="module")
def renderer() -> Renderer:
    return Renderer()


@pytest.mark.parametrize("name", MODELS)
def test_a_model_is_rendered_as_a_full_refresh_has_it(renderer: Renderer, name: str) -> None:
    text = renderer.model(f"anomalies/{name}")
    assert "select" in text
    assert "{{" not in text and "{%" not in text


def test_no_model_of_the_layer_is_left_out() -> None:
    assert set(MODELS) == {path.stem for path in (PROJECT / "models" / "anomalies").glob("*.sql")}
