"""docs/data-dictionary.md is what the docs blocks of the dbt project say."""

from include.transform import dictionary
from tests.transform.conftest import Parsed


def test_the_page_is_not_stale(parsed: Parsed) -> None:
    assert dictionary.PAGE.read_text() == dictionary.page(parsed.manifest), "write it again: make docs"


def test_every_column_has_the_docs_block_of_its_name(parsed: Parsed) -> None:
    assert dictionary.columns_without_block(parsed.manifest) == [], "write the blocks in models/columns.md"


def test_the_page_has_every_table_and_says_what_columns_mean(parsed: Parsed) -> None:
    page = dictionary.page(parsed.manifest)
    for node in parsed.manifest.nodes.values():
        if str(node.resource_type) in ("model", "seed"):
            assert f"### `{node.schema}.{node.name}`" in page
    assert "| `ctr` | Clicks per impression, a fraction. |" in page
    assert "`cost` Decimal(38, 6)?" in page
