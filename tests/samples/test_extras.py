"""Keywords, terms, pages, sessions and rates beside the campaign exports."""

from __future__ import annotations

import csv
from collections import defaultdict
from dataclasses import replace
from pathlib import Path

from include.samples import DEMO, generate, write_extras

SMALL = replace(DEMO, days=6, campaigns=(3, 2, 2, 2, 1))


def test_the_same_profile_gives_the_same_bytes(tmp_path: Path) -> None:
    contents = []
    for name in ("a", "b"):
        extras = write_extras(tmp_path / name, generate(tmp_path / name, SMALL))
        contents.append([extra.path.read_bytes() for extra in extras])
    assert contents[0] == contents[1]
    assert len(contents[0]) == 5


def test_no_keyword_or_term_has_more_than_its_campaign(tmp_path: Path) -> None:
    truth = generate(tmp_path, SMALL)
    clicks = {(row.campaign_id, row.date): row.clicks for row in truth.rows}
    for extra in write_extras(tmp_path, truth):
        if "keywords" in extra.path.name or "terms" in extra.path.name:
            parts: dict[tuple[str, str], int] = defaultdict(int)
            with extra.path.open() as file:
                for row in csv.DictReader(file):
                    parts[row["Campaign ID"], row["Day"]] += int(row["Clicks"])
            assert parts
            assert all(0 <= part <= clicks[key] for key, part in parts.items())


def test_each_file_says_how_many_records_it_has(tmp_path: Path) -> None:
    for extra in write_extras(tmp_path, generate(tmp_path, SMALL)):
        assert len(extra.path.read_text().splitlines()) == extra.rows + 1
