"""The steps of a run, without Airflow."""

from __future__ import annotations

from include.orchestration.steps import chunks, span


def test_chunks_are_even_and_hold_every_key_once() -> None:
    keys = [f"demo/generic/{n:02}.csv" for n in range(21)]
    dealt = chunks(keys, most=8)
    assert len(dealt) == 8
    assert sorted(key for chunk in dealt for key in chunk) == keys
    assert {len(chunk) for chunk in dealt} == {2, 3}


def test_an_export_in_several_files_stays_in_one_chunk() -> None:
    batch = [f"demo/google_ads/export/part-{n}" for n in range(5)]
    dealt = chunks([*batch, "demo/generic/a.csv", "demo/generic/b.csv"], most=3)
    assert [chunk for chunk in dealt if set(batch) & set(chunk)] == [batch]


def test_no_files_are_no_chunks() -> None:
    assert chunks([]) == []


def test_few_files_are_few_chunks() -> None:
    assert chunks(["a/b/1", "a/b/2"]) == [["a/b/1"], ["a/b/2"]]


def test_spans_read_well() -> None:
    assert span({}) == "none"
    assert span({"2026-06-30": 1, "2026-06-29": 2}) == "2026-06-29, 2026-06-30"
    assert span([f"2026-06-{day:02}" for day in range(1, 11)]) == "2026-06-01 … 2026-06-10 (10 dates)"
