"""The files: the same every time, named as the bucket wants them, and true to what the truth says."""

import csv
import hashlib
import json
import time
from collections import Counter, defaultdict
from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from include.samples import DEMO, Profile, generate
from include.samples.catalog import ACCOUNTS
from tests.samples.conftest import Demo
from tests.samples.reading import NAME, Row, by_campaign_day, exported, final_state, read

SMALL = Profile(days=20, campaigns=(3, 2, 3, 2, 2))
GOOGLE_US, GOOGLE_UK, META_DE, META_US, PARTNERS = (a.account_id for a in ACCOUNTS)


def digests(root: Path) -> dict[str, str]:
    files = sorted(p for p in root.rglob("*") if p.is_file())
    return {p.relative_to(root).as_posix(): hashlib.sha256(p.read_bytes()).hexdigest() for p in files}


def all_files(demo: Demo) -> list[Path]:
    return [demo.bucket / f.path for f in demo.truth.files]


def test_same_profile_gives_the_same_bytes(tmp_path: Path) -> None:
    for run in ("a", "b"):
        generate(tmp_path / run / "bucket", SMALL, tmp_path / run / "truth")
    first = digests(tmp_path / "a")
    assert first == digests(tmp_path / "b")
    assert len(first) == 20 + 2


def test_another_seed_gives_other_numbers(tmp_path: Path) -> None:
    generate(tmp_path / "a", SMALL)
    generate(tmp_path / "b", replace(SMALL, seed=8))
    one, other = digests(tmp_path / "a"), digests(tmp_path / "b")
    assert one.keys() == other.keys()
    assert all(one[name] != other[name] for name in one)


def test_demo_is_small_and_quick(tmp_path: Path) -> None:
    start = time.perf_counter()
    truth = generate(tmp_path, DEMO)
    assert time.perf_counter() - start < 5
    assert len(truth.files) == 20
    assert sum(f.size_bytes for f in truth.files) < 8_000_000
    assert 24 <= sum(DEMO.campaigns) <= 30


def test_layout_is_the_buckets(demo: Demo) -> None:
    on_disk = {p.relative_to(demo.bucket).as_posix() for p in demo.bucket.rglob("*") if p.is_file()}
    assert on_disk == {f.path for f in demo.truth.files}
    folders = Counter(f.path.rsplit("/", 1)[0] for f in demo.truth.files)
    assert folders == {"demo/google_ads": 7, "demo/inbox": 1, "demo/meta_ads": 8, "demo/generic": 4}


def test_names_carry_days_and_export_time(demo: Demo) -> None:
    for f in demo.truth.files:
        match = NAME.match(Path(f.path).name)
        assert match, f.path
        assert datetime.strptime(match["exported"], "%Y%m%dT%H%M").isoformat() == f.exported_at
        assert date.fromisoformat(match["last"] or match["first"]) == f.date_max
        assert f.date_max < datetime.fromisoformat(f.exported_at).date()


def test_restating_accounts_cover_seven_days_and_others_one(demo: Demo) -> None:
    spans = defaultdict(set)
    for f in demo.truth.files:
        if f.date_max > date(2026, 6, 27):
            spans[f.account_id].add((f.date_max - f.date_min).days + 1)
    assert spans == {GOOGLE_US: {7}, GOOGLE_UK: {7}, META_DE: {7}, META_US: {1}, PARTNERS: {1}}


def test_each_file_says_what_its_truth_says(demo: Demo) -> None:
    for f in demo.truth.files:
        path = demo.bucket / f.path
        rows = read(path)
        assert len(rows) == f.data_rows > 0
        assert {r.account_id for r in rows} == {f.account_id}
        assert {r.currency for r in rows} == {f.currency}
        assert (min(r.date for r in rows), max(r.date for r in rows)) == (str(f.date_min), str(f.date_max))
        sums = [sum((r[i] for r in rows), Decimal(0)) for i in range(4, 9)]
        assert sums == [Decimal(v) for v in vars(f.sums).values()]
        assert hashlib.sha256(path.read_bytes()).hexdigest() == f.sha256
        assert path.stat().st_size == f.size_bytes


def test_google_ui_totals_equal_the_rows(demo: Demo) -> None:
    for f in (f for f in demo.truth.files if f.export == "google_ads_ui_csv"):
        lines = (demo.bucket / f.path).read_text(encoding="utf-8").splitlines()
        assert lines[0] == "Campaign report"
        assert len(lines) == f.preamble_lines + 1 + f.data_rows + f.total_rows
        table = list(csv.DictReader(lines[2:]))
        totals = {r["Day"]: r for r in table if r["Day"].startswith("Total: ")}
        assert len(totals) == f.total_rows
        groups = [t for name, t in totals.items() if name not in ("Total: Campaigns", "Total: Account")]
        for column in ("Cost", "Impr.", "Clicks", "Conversions", "Conv. value"):
            data = sum(Decimal(r[column].replace(",", "")) for r in table if r["Day"] not in totals)
            assert Decimal(totals["Total: Campaigns"][column].replace(",", "")) == data
            assert totals["Total: Account"][column] == totals["Total: Campaigns"][column]
            assert sum(Decimal(t[column].replace(",", "")) for t in groups) == data
        for r in table:
            clicks, impressions = (int(r[c].replace(",", "")) for c in ("Clicks", "Impr."))
            assert r["CTR"] == (f"{100 * clicks / impressions:.2f}%" if impressions else " --")


def test_meta_manager_summary_row_is_first_and_equals_the_rows(demo: Demo) -> None:
    files = [f for f in demo.truth.files if f.export == "meta_ads_manager_csv"]
    assert len(files) == 4
    for f in files:
        raw = (demo.bucket / f.path).read_bytes()
        assert raw.startswith(b"\xef\xbb\xbf")
        summary, *rest = csv.DictReader(raw.decode("utf-8-sig").splitlines())
        assert summary["Campaign name"] == "" and all(r["Campaign name"] for r in rest)
        for column in ("Impressions", "Link clicks", "Amount spent (USD)", "Purchases conversion value"):
            assert Decimal(summary[column]) == sum(Decimal(r[column] or 0) for r in rest)


def test_summing_all_meta_actions_counts_purchases_three_times(demo: Demo) -> None:
    f = next(f for f in demo.truth.files if f.export == "meta_insights_api")
    data = json.loads((demo.bucket / f.path).read_text(encoding="utf-8"))["data"]
    values = [Decimal(i["value"]) for r in data for i in r.get("action_values", [])]
    assert sum(values) == 3 * Decimal(f.sums.conversion_value)
    assert len({(r["ad_id"], r["date_start"]) for r in data}) == len(data)


def test_google_api_has_devices_micros_and_fractions(demo: Demo) -> None:
    f = next(f for f in demo.truth.files if f.export == "google_ads_api")
    batches = json.loads((demo.bucket / f.path).read_text(encoding="utf-8"))
    assert [len(b["results"]) for b in batches] == [1000, 1000, f.data_rows - 2000]
    rows = [r for b in batches for r in b["results"]]
    assert {r["segments"]["device"] for r in rows} == {"DESKTOP", "MOBILE", "TABLET"}
    assert any(r["metrics"].get("conversions", 0.0) % 1 for r in rows)


def test_files_loaded_by_export_time_end_in_the_true_state(demo: Demo) -> None:
    state = final_state(all_files(demo))
    assert len(state) == len(demo.truth.rows)
    for t in demo.truth.rows:
        expected = Row(
            t.account_id, t.campaign_id, t.campaign_name, t.date, t.impressions, t.clicks, Decimal(t.cost),
            Decimal(t.conversions), Decimal(t.conversion_value), t.currency,
        )  # fmt: skip
        assert state[t.account_id, t.campaign_id, t.date] == expected


def test_loading_every_row_without_restatement_is_wrong(demo: Demo) -> None:
    naive = sum(r.cost for path in all_files(demo) for r in read(path) if r.account_id == GOOGLE_US)
    assert naive > Decimal(demo.truth.totals()[GOOGLE_US].cost) * Decimal("1.1")


def test_later_exports_have_more_conversions_and_nothing_else_changes(demo: Demo) -> None:
    seen = []
    for path in sorted(all_files(demo), key=exported):
        rows = [r for r in read(path) if r.account_id == GOOGLE_UK and r.date == "2026-06-27"]
        if rows:
            seen.append(by_campaign_day(rows))
    assert len(seen) == 4
    shares = []
    for now in seen:
        assert [r[4:7] for r in now.values()] == [r[4:7] for r in seen[0].values()]
        shares.append(sum(r.conversions for r in now.values()) / sum(r.conversions for r in seen[-1].values()))
    assert shares == sorted(shares)
    assert 0.76 < shares[0] < 0.86 < shares[1] < 0.96


def test_a_campaign_is_renamed_between_exports(demo: Demo) -> None:
    (rename,) = demo.truth.renames
    for path in all_files(demo):
        names = {r.campaign_name for r in read(path) if r.campaign_id == rename.campaign_id}
        late = datetime.strptime(exported(path), "%Y%m%dT%H%M").isoformat() >= rename.from_export
        assert names <= {rename.new_name if late else rename.old_name}
    assert {r.campaign_name for r in demo.truth.rows if r.campaign_id == rename.campaign_id} == {
        rename.old_name,
        rename.new_name,
    }


def test_a_retracted_row_is_gone_from_the_last_export_only(demo: Demo) -> None:
    (gone,) = demo.truth.retractions
    listed = []
    for path in sorted(all_files(demo), key=exported):
        day = [r for r in read(path) if r.account_id == gone.account_id and r.date == str(gone.date)]
        if day:
            listed.append(gone.campaign_id in {r.campaign_id for r in day})
    assert listed == [True, True, True, False]
    assert not [r for r in demo.truth.rows if (r.campaign_id, r.date) == (gone.campaign_id, str(gone.date))]


def test_truth_files_hold_the_truth(demo: Demo) -> None:
    document = json.loads((demo.truth_dir / "truth.json").read_text(encoding="utf-8"))
    assert [f["path"] for f in document["files"]] == [f.path for f in demo.truth.files]
    assert len(document["problems"]) == len(demo.truth.problems) == 14
    with (demo.truth_dir / "truth_campaign_daily.csv").open(encoding="utf-8", newline="") as source:
        rows = list(csv.DictReader(source))
    assert [tuple(r.values()) for r in rows] == [tuple(map(str, r)) for r in demo.truth.rows]
    cost = sum(Decimal(r["cost"]) for r in rows if r["account_id"] == META_DE)
    assert cost == Decimal(document["totals"][META_DE]["cost"])


def test_truth_inside_the_bucket_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="lies in the bucket"):
        generate(tmp_path, SMALL, tmp_path / "demo" / "truth")
    assert not any(tmp_path.iterdir())


def test_without_daily_files_history_goes_to_the_inbox_too(tmp_path: Path) -> None:
    truth = generate(tmp_path, replace(SMALL, daily_files=0))
    assert len(truth.files) == 5
    assert sum("/inbox/" in f.path for f in truth.files) == 1
    assert not truth.renames and not truth.retractions


@pytest.mark.parametrize("profile", [Profile.sized(days=75, campaigns=60), Profile.sized(days=3, campaigns=2)])
def test_sized_sets_are_true_too(tmp_path: Path, profile: Profile) -> None:
    truth = generate(tmp_path, profile)
    state = final_state([tmp_path / f.path for f in truth.files])
    assert len(state) == len(truth.rows) > 0
    assert all(state[t.account_id, t.campaign_id, t.date].cost == Decimal(t.cost) for t in truth.rows)


def test_sized_history_comes_in_files_of_thirty_days(tmp_path: Path) -> None:
    truth = generate(tmp_path, Profile.sized(days=75, campaigns=10))
    mine = [f for f in truth.files if f.account_id == META_US]
    assert [(f.date_max - f.date_min).days + 1 for f in mine] == [30, 30, 12, 1, 1, 1]
