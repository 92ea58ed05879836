"""What the detector's flags of ads and ad groups are worth: recall of planted problems, false alarms by ad-day."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from benchmarks.anomalies.ads import AdEvent, Ads
from benchmarks.anomalies.engine import Engine, days
from benchmarks.anomalies.generator import Bools, World
from benchmarks.anomalies.scoring import explained

TIERS = {">= 400": (400.0, 1e12), "100-400": (100.0, 400.0), "< 100": (0.0, 100.0)}
KINDS = ("tracking_break", "ctr_collapse")


@dataclass(frozen=True)
class Found:
    """A planted problem of an ad: its usual clicks, whether the ad was judged at all on its days (a small ad is not, and
    one that is its campaign is judged as such), was flagged, by its kind, or its ad group or campaign was."""

    event: AdEvent
    clicks: float
    judged: bool
    flagged: bool
    named: bool
    above: bool


@dataclass(frozen=True)
class AdRun:
    """What one world gave. False and judged days by level."""

    found: list[Found]
    false_days: dict[str, int]
    judged_days: dict[str, int]


def read(world: World, ads: Ads, engine: Engine) -> AdRun:
    """After product.detect: the flags of anomaly_daily held against what was planted."""
    first_day = int(days(1)[0].astype(int))
    kinds = {
        name: np.zeros((number, world.parameters.days), dtype="U20") for name, number in _sizes(world, ads).items()
    }
    judged = {name: np.zeros(flags.shape, dtype=bool) for name, flags in kinds.items()}
    of = "WHERE entity_type IN ('ad', 'ad_group', 'campaign')"
    day = f"toInt32(date) - {first_day} AS day"
    for row in _rows(engine, f"SELECT DISTINCT entity_type, entity_id, {day}, kind FROM anomaly_daily {of}"):
        kinds[row["entity_type"]][int(row["entity_id"][1:]), row["day"]] = row["kind"]
    for row in _rows(engine, f"SELECT DISTINCT entity_type, entity_id, {day} FROM int_anomaly_scores {of}"):
        judged[row["entity_type"]][int(row["entity_id"][1:]), row["day"]] = True

    near_campaign, _ = explained(world)
    near = {"ad": near_campaign[ads.campaign], "ad_group": np.zeros(kinds["ad_group"].shape, dtype=bool)}
    near["ad_group"][ads.group] = near["ad"]
    near["campaign"] = near_campaign.copy()
    found = []
    for e in ads.events:
        group, campaign = ads.group[e.ad], ads.campaign[e.ad]
        at = slice(e.start, e.end + world.parameters.grace + 1)
        above = (kinds["ad_group"][group, at] != "").any() or (kinds["campaign"][campaign, at] != "").any()
        own = kinds["ad"][e.ad, at]
        is_judged = bool(judged["ad"][e.ad, e.start : e.end + 1].any())
        flagged, named = bool((own != "").any()), bool((own == e.kind).any())
        found.append(Found(e, float(ads.level[e.ad]), is_judged, flagged, named, bool(above)))
        echo = slice(e.start, e.end + world.parameters.echo + 1)
        near["ad"][e.ad, echo] = near["ad_group"][group, echo] = near["campaign"][campaign, echo] = True

    def quiet(name: str) -> Bools:
        normal: Bools = judged[name] & ~near[name]
        normal[:, : world.parameters.first_judged] = False
        return normal

    return AdRun(
        found,
        {name: int((quiet(name) & (kinds[name] != "")).sum()) for name in near},
        {name: int(quiet(name).sum()) for name in near},
    )


def table(runs: list[AdRun]) -> str:
    """Markdown: false alarms by level, recall by the ad's usual clicks and by kind."""
    found = [f for run in runs for f in run.found]
    false, judged = (
        {name: sum(getattr(run, what)[name] for run in runs) for name in ("ad", "ad_group", "campaign")}
        for what in ("false_days", "judged_days")
    )
    lines = [
        f"{len(found)} planted problems of single ads; days are those with clicks enough to be judged.",
        "",
        "| level | judged days | false alarms of 1,000 |",
        "|---|---|---|",
    ]
    for name in false:
        lines.append(f"| {name} | {judged[name]:,} | {1000 * false[name] / max(judged[name], 1):.1f} |")
    head = " | ".join(f"{kind} found (events)" for kind in KINDS)
    lines += ["", f"| usual clicks of the ad | judged | {head} | right kind | all: found, or seen above |"]
    lines.append("|---" * 6 + "|")
    for tier, (low, high) in TIERS.items():
        of_tier = [f for f in found if low <= f.clicks < high]
        judged_ones = [f for f in of_tier if f.judged]
        cells = [f"{len(judged_ones)} of {len(of_tier)}"]
        for kind in KINDS:
            of_kind = [f for f in judged_ones if f.event.kind == kind]
            cells.append(f"{_share([f.flagged for f in of_kind])} ({len(of_kind)})")
        cells.append(_share([f.named for f in of_tier if f.flagged]))
        cells.append(_share([f.flagged or f.above for f in of_tier]))
        lines.append(f"| {tier} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _share(of: list[bool]) -> str:
    return f"{sum(of) / len(of):.2f}" if of else "-"


def _sizes(world: World, ads: Ads) -> dict[str, int]:
    return {"ad": len(ads.campaign), "ad_group": int(ads.group.max()) + 1, "campaign": len(world.level)}


def _rows(engine: Engine, sql: str) -> list[dict[str, Any]]:
    return list(engine.rows(sql).to_pylist())
