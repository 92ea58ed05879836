"""What a detector's flags are worth: recall, precision and F1 by event, false alarms by campaign-day, delay."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from benchmarks.anomalies.generator import Bools, Event, World
from benchmarks.anomalies.parameters import KINDS, LASTING, TIERS


@dataclass(frozen=True)
class Flags:
    """Days that a detector flags. `kinds` names each (campaign, day) and (account, day), '' where it has no name."""

    campaigns: Bools
    accounts: Bools | None = None
    kinds: npt.NDArray[np.str_] | None = None
    account_kinds: npt.NDArray[np.str_] | None = None


@dataclass(frozen=True)
class Found:
    """An event and what became of it; delay in days, -1 when it was missed."""

    event: Event
    delay: int
    named: bool


@dataclass(frozen=True)
class Score:
    """The figures of one tier."""

    events: int
    recall: float
    precision: float
    f1: float
    false_alarms: float  # flagged normal campaign-days (and account-days) of 1,000 normal campaign-days
    delay: float
    named: float  # of the found events those with the right kind
    by_kind: dict[str, float]
    named_by_kind: dict[str, float]  # the same of each kind that was found, on accounts apart: 'account partial_load'


def window(event: Event, world: World) -> tuple[int, int]:
    """First and last day on which a flag finds the event."""
    p = world.parameters
    if event.kind == "level_shift":
        return event.start, event.start + p.shift_within - 1
    if event.kind == "slow_drift":
        return event.start, event.start + p.drift_within - 1
    return event.start, event.end + p.grace


def explained(world: World) -> tuple[Bools, Bools]:
    """Campaign-days and account-days on or near which something is planted."""
    p = world.parameters
    campaigns = np.zeros(world.present.shape, dtype=bool)
    accounts = np.zeros((world.accounts, p.days), dtype=bool)
    for e in world.events:
        until = max(e.end, e.start + p.new_normal) if e.kind == "level_shift" else e.end + p.echo
        until = e.end + p.new_normal if e.kind == "slow_drift" else until
        at = slice(e.start, until + 1)
        accounts[e.account, at] = True
        if e.campaign is None:
            campaigns[world.account == e.account, at] = True
        else:
            campaigns[e.campaign, at] = True
    return campaigns, accounts


def alarms(days: Bools) -> int:
    """Runs of flagged days; one or two quiet days do not end one."""
    padded = np.pad(days, ((0, 0), (3, 0)))
    before = padded[:, 2:-1] | padded[:, 1:-2] | padded[:, :-3]
    return int((days & ~before).sum())


def find(world: World, flags: Flags) -> list[Found]:
    """Each planted event with its delay. An account's event is found on its account, without accounts on any campaign."""
    found = []
    for e in world.events:
        first, last = window(e, world)
        at = slice(first, last + 1)
        if e.campaign is not None:
            days, kinds = (
                flags.campaigns[e.campaign, at],
                flags.kinds[e.campaign, at] if flags.kinds is not None else None,
            )
        elif flags.accounts is not None:
            days = flags.accounts[e.account, at]
            kinds = flags.account_kinds[e.account, at] if flags.account_kinds is not None else None
        else:
            days, kinds = flags.campaigns[world.account == e.account, at].any(axis=0), None
        hits = np.flatnonzero(days)
        named = kinds is not None and any(kinds[h] == e.kind for h in hits)
        found.append(Found(e, int(hits[0]) if len(hits) else -1, named))
    return found


def tier_of(world: World) -> dict[str, tuple[Bools, Bools]]:
    """Campaigns and accounts of each tier, by usual clicks a day."""
    totals = np.bincount(world.account, world.level)
    return {
        name: ((world.level >= low) & (world.level < high), (totals >= low) & (totals < high))
        for name, (low, high) in TIERS.items()
    }


def score(worlds: list[World], flags: list[Flags]) -> dict[str, Score]:
    """Figures by tier over some worlds."""
    out = {}
    parts = [(w, f, find(w, f), *explained(w), tier_of(w)) for w, f in zip(worlds, flags, strict=True)]
    for tier in TIERS:
        hits: list[Found] = []
        false_days = false_alarms = normal = 0
        for w, f, found, near_campaign, near_account, tiers in parts:
            judged = np.zeros(w.present.shape, dtype=bool)
            judged[:, w.parameters.first_judged :] = True
            campaigns, accounts = tiers[tier]
            quiet = judged & ~near_campaign & campaigns[:, None]
            wrong = f.campaigns & quiet
            false_days, false_alarms = false_days + int(wrong.sum()), false_alarms + alarms(wrong)
            normal += int((quiet & w.present).sum())
            if f.accounts is not None:
                wrong = f.accounts & ~near_account & judged[:1] & accounts[:, None]
                false_days, false_alarms = false_days + int(wrong.sum()), false_alarms + alarms(wrong)
            hits += [
                x
                for x in found
                if (campaigns[x.event.campaign] if x.event.campaign is not None else accounts[x.event.account])
            ]
        out[tier] = _figures(hits, false_days, false_alarms, normal)
    return out


def _figures(hits: list[Found], false_days: int, false_alarms: int, normal: int) -> Score:
    right = [h for h in hits if h.delay >= 0]
    recall = len(right) / max(len(hits), 1)
    precision = len(right) / max(len(right) + false_alarms, 1)
    by_kind = {}
    for kind in KINDS:
        of_kind = [h for h in hits if h.event.kind == kind]
        by_kind[kind] = sum(h.delay >= 0 for h in of_kind) / max(len(of_kind), 1)
    named = defaultdict(list)
    for h in right:
        named[h.event.kind if h.event.campaign is not None else f"account {h.event.kind}"].append(h.named)
    return Score(
        len(hits), recall, precision, 2 * recall * precision / max(recall + precision, 1e-9),
        1000 * false_days / max(normal, 1), float(np.mean([h.delay for h in right])) if right else float("nan"),
        sum(h.named for h in right) / max(len(right), 1), by_kind,
        {kind: sum(of_kind) / len(of_kind) for kind, of_kind in sorted(named.items())},
    )  # fmt: skip


def table(scores: dict[str, dict[str, Score]], tiers: tuple[str, ...] = ("all", ">= 200")) -> str:
    """Markdown: a detector a row."""
    lines = []
    for tier in tiers:
        lines += [f"\n{tier}\n", "| detector | FA/1000 | recall | precision | F1 | delay | " + " | ".join(KINDS) + " |"]
        lines.append("|---" * (6 + len(KINDS)) + "|")
        for name, by_tier in scores.items():
            s = by_tier[tier]
            kinds = " | ".join(f"{s.by_kind[k]:.2f}" for k in KINDS)
            lines.append(
                f"| {name} | {s.false_alarms:.1f} | {s.recall:.2f} | {s.precision:.2f} | **{s.f1:.2f}** | {s.delay:.1f} | {kinds} |"
            )
    return "\n".join(lines)


__all__ = ["LASTING", "Flags", "Found", "Score", "find", "score", "table"]
