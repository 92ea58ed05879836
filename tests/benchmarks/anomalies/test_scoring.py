"""What the bench of anomalies plants, and how it scores."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from benchmarks.anomalies import nab
from benchmarks.anomalies.generator import World, generate
from benchmarks.anomalies.parameters import DEFAULT, KINDS
from benchmarks.anomalies.scoring import Flags, alarms, explained, score, window

SMALL = replace(DEFAULT, campaigns=60, days=300)


@pytest.fixture(scope="module")
def world() -> World:
    return generate(3, SMALL)


def test_a_seed_gives_the_same_world(world: World) -> None:
    again = generate(3, SMALL)
    assert world.events == again.events
    assert all((world.metrics[name] == again.metrics[name]).all() for name in world.metrics)
    assert generate(4, SMALL).events != world.events


def test_every_kind_is_planted_where_a_detector_may_judge(world: World) -> None:
    assert {event.kind for event in world.events} == set(KINDS)
    assert all(SMALL.first_judged <= event.start <= event.end < SMALL.days for event in world.events)


def test_a_detector_that_knows_the_truth_is_perfect_and_a_silent_one_finds_nothing(world: World) -> None:
    campaigns = np.zeros(world.present.shape, dtype=bool)
    accounts = np.zeros((world.accounts, SMALL.days), dtype=bool)
    for event in world.events:
        first, _ = window(event, world)
        if event.campaign is None:
            accounts[event.account, first] = True
        else:
            campaigns[event.campaign, first] = True
    told = score([world], [Flags(campaigns, accounts)])["all"]
    assert (told.recall, told.precision, told.f1, told.false_alarms, told.delay) == (1, 1, 1, 0, 0)
    kinds, account_kinds = np.full(campaigns.shape, "", dtype="U20"), np.full(accounts.shape, "", dtype="U20")
    for event in world.events:
        first, _ = window(event, world)
        if event.campaign is None:
            account_kinds[event.account, first] = event.kind
        elif event.kind != "cpc_jump":
            kinds[event.campaign, first] = event.kind
    named = score([world], [Flags(campaigns, accounts, kinds, account_kinds)])["all"].named_by_kind
    assert named == {kind: float(kind != "cpc_jump") for kind in named}
    assert set(KINDS) <= set(named) and "account partial_load" in named
    silent = score([world], [Flags(np.zeros_like(campaigns), np.zeros_like(accounts))])["all"]
    assert (silent.recall, silent.f1) == (0, 0)


def test_flags_on_normal_days_are_false_alarms(world: World) -> None:
    near, _ = explained(world)
    flags = np.zeros(world.present.shape, dtype=bool)
    campaign, day = np.argwhere(~near[:, 100:] & world.present[:, 100:])[0]
    flags[campaign, day + 100] = True
    result = score([world], [Flags(flags)])["all"]
    normal = (~near & world.present)[:, SMALL.first_judged :].sum()
    assert (result.recall, result.precision) == (0, 0)
    assert result.false_alarms == pytest.approx(1000 / normal)


def test_flags_with_a_quiet_day_between_are_one_alarm() -> None:
    days = np.zeros((1, 20), dtype=bool)
    days[0, [3, 4, 6, 12]] = True
    assert alarms(days) == 2


def test_nab_scores_as_its_rules_say() -> None:
    series = nab.load()
    assert sum(len(s.windows) for s in series) == 14
    silent = [np.zeros(len(s.values), dtype=bool) for s in series]
    assert nab.score(series, silent) == (0, 0, 14)
    perfect = [f.copy() for f in silent]
    for s, flags in zip(series, perfect, strict=True):
        flags[[first for first, _ in s.windows]] = True
    total, found, _ = nab.score(series, perfect)
    assert found == 14
    assert 99 < total <= 100
    noisy = [f.copy() for f in perfect]
    noisy[0][[1000, 1100]] = True
    assert nab.score(series, noisy)[0] == pytest.approx(total - 100 * 2 * 0.11 / 28, abs=0.3)
