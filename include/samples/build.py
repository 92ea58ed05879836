"""Build a sample set: simulate each account, write its files, keep what is true."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from pathlib import Path

import numpy as np

from include.samples.catalog import Account, AccountSpec, Floats, Ints
from include.samples.formats import WRITERS, Export
from include.samples.problems import Effects, Plan, describe, make_plans
from include.samples.profile import DEMO, Profile
from include.samples.series import Block, Series, expected_clicks
from include.samples.truth import (
    AccountState,
    DayState,
    FileTruth,
    Problem,
    Rename,
    Retraction,
    Sums,
    Truth,
    decimal_text,
)

_EXPORT_TIME = time(6, 0)
_RENAMED_ACCOUNT, _RENAMED_RANK = 1, 3
_RETRACTED_ACCOUNT, _RETRACTED_DAYS_AGO = 2, 4
_INBOX_ACCOUNT = 0


@dataclass(frozen=True)
class _Slot:
    """One file to write: which days (by index) it covers and when it is exported."""

    first: int
    last: int
    exported_at: datetime
    folder: str
    name: str


def generate(out_dir: Path, profile: Profile = DEMO, truth_dir: Path | None = None) -> Truth:
    """Write the files of a profile below `out_dir` as they lie in the bucket, and return what is true.

    Files are `<workspace>/<source>/<file>`, one of them in `<workspace>/inbox/`. With `truth_dir`, which
    must not lie in the bucket, truth.json and truth_campaign_daily.csv are written there.
    """
    if truth_dir is not None and truth_dir.resolve().is_relative_to(out_dir.resolve()):
        raise ValueError(f"truth_dir {truth_dir} lies in the bucket {out_dir}: it would be loaded as data")
    plans = make_plans(profile)
    files: list[FileTruth] = []
    problems: list[tuple[int, Problem]] = []
    states: list[AccountState] = []
    renames: list[Rename] = []
    retractions: list[Retraction] = []
    for index, size in enumerate(profile.campaigns):
        if not size:
            continue
        account = Account(index, size, profile.seed, profile.volume)
        mine = [(i, p) for i, p in enumerate(plans) if p.account == index]
        rename, retraction = _rename(account, profile), _retraction(account, profile)
        renames += [rename] if rename else []
        retractions += [retraction] if retraction else []
        clicks = expected_clicks(account, profile)
        problems += [(i, _truth_of(p, profile, account, clicks, rename)) for i, p in mine]
        effects = Effects(profile.days, size)
        for _, plan in mine:
            effects.apply(plan)
        series = Series(account, profile, effects, clicks)
        newest: dict[date, DayState] = {}
        for slot in _slots(profile, account.spec, index):
            names = _names(account, rename, slot)
            span = range(slot.first, slot.last + 1)
            blocks = [_block(series, profile, day, slot, retraction) for day in span]
            files.append(_write(out_dir, profile, account, slot, names, blocks))
            newest.update((b.day, _state(b, account, names)) for b in blocks)
        states.append(AccountState(account.spec, [newest[day] for day in sorted(newest)]))
    truth = Truth(
        profile,
        tuple(sorted(files, key=lambda f: (f.exported_at, f.path))),
        tuple(p for _, p in sorted(problems, key=lambda pair: pair[0])),
        tuple(renames),
        tuple(retractions),
        tuple(states),
    )
    if truth_dir is not None:
        truth.write(truth_dir)
    return truth


def _slots(profile: Profile, spec: AccountSpec, index: int) -> Iterator[_Slot]:
    """The files of an account, oldest export first: history, then one a day."""
    history = profile.days - profile.daily_files
    step = profile.history_days or history
    spans = [(a, min(a + step, history) - 1) for a in range(0, history, step)] if history else []
    old = len(spans)
    back = profile.restatement_days - 1 if spec.restates else 0
    spans += [(max(day - back, 0), day) for day in range(history, profile.days)]
    inbox = min(old, len(spans) - 1)  # the first daily file, else the last of history
    for i, (first, last) in enumerate(spans):
        day = profile.day(last)
        exported = datetime.combine(day + timedelta(days=1), _EXPORT_TIME)
        label = f"{profile.day(first)}_{day}" if i < old else f"{day}"
        yield _Slot(
            first,
            last,
            exported,
            "inbox" if index == _INBOX_ACCOUNT and i == inbox else spec.source,
            f"{spec.file_stem}_{label}_exported_{exported:%Y%m%dT%H%M}.{spec.extension}",
        )


def _rename(account: Account, profile: Profile) -> Rename | None:
    """One campaign gets another name on the last day but one."""
    if account.index != _RENAMED_ACCOUNT or profile.daily_files < 2:
        return None
    rank = min(_RENAMED_RANK, account.size - 1)
    old = account.names[rank]
    when = datetime.combine(profile.last_day, _EXPORT_TIME)
    return Rename(
        account.spec.account_id, account.ids[rank], old, f"{old} (summer sale)", when.isoformat()
    )  # fmt: skip


def _retraction(account: Account, profile: Profile) -> Retraction | None:
    """The smallest campaign's day disappears from the last file."""
    fits = profile.daily_files >= 2 and profile.days > _RETRACTED_DAYS_AGO and account.size >= 2
    if account.index != _RETRACTED_ACCOUNT or not fits or profile.restatement_days <= _RETRACTED_DAYS_AGO:
        return None
    when = datetime.combine(profile.last_day + timedelta(days=1), _EXPORT_TIME)
    day = profile.last_day - timedelta(days=_RETRACTED_DAYS_AGO)
    return Retraction(account.spec.account_id, account.ids[-1], day, when.isoformat())


def _names(account: Account, rename: Rename | None, slot: _Slot) -> list[str]:
    if rename is None or slot.exported_at.isoformat() < rename.from_export:
        return account.names
    return [rename.new_name if n == rename.old_name else n for n in account.names]


def _truth_of(
    plan: Plan,
    profile: Profile,
    account: Account,
    clicks: Floats,
    rename: Rename | None,
) -> Problem:
    name = None if plan.campaign is None else account.names[plan.campaign]
    if rename and name == rename.old_name:
        name = rename.new_name
    return describe(plan, profile, account, clicks, name)


def _block(series: Series, profile: Profile, day: int, slot: _Slot, retraction: Retraction | None) -> Block:
    """A day's rows as this file lists them. An export on the morning after is of age 0."""
    age = (slot.exported_at.date() - profile.day(day)).days - 1
    block = series.block(day, age)
    if retraction is None or retraction.date != block.day:
        return block
    if slot.exported_at.isoformat() < retraction.from_export:
        return block
    keep = block.campaign != series.account.ids.index(retraction.campaign_id)
    return Block(
        block.day, block.campaign[keep], block.part[keep], block.impressions[keep], block.clicks[keep],
        block.cost[keep], block.conversions[keep], block.value[keep],
    )  # fmt: skip


def _state(block: Block, account: Account, names: list[str]) -> DayState:
    """Campaign totals of a day, over its parts."""
    present, place = np.unique(block.campaign, return_inverse=True)

    def total(values: Ints) -> list[int]:
        sums = np.zeros(len(present), dtype=np.int64)
        np.add.at(sums, place, values)
        return [int(v) for v in sums.tolist()]

    return DayState(
        block.day,
        [account.ids[c] for c in present.tolist()],
        [names[c] for c in present.tolist()],
        total(block.impressions),
        total(block.clicks),
        total(block.cost),
        total(block.conversions),
        total(block.value),
    )


def _write(
    out_dir: Path, profile: Profile, account: Account, slot: _Slot, names: list[str], blocks: list[Block]
) -> FileTruth:
    """Write one file aside, then give it its name: a half-written file is never in the bucket."""
    spec = account.spec
    folder = out_dir / profile.workspace / slot.folder
    folder.mkdir(parents=True, exist_ok=True)
    path, aside = folder / slot.name, folder / f"{slot.name}.part"
    first, last = profile.day(slot.first), profile.day(slot.last)
    with aside.open("w", encoding="utf-8", newline="") as out:
        lines = WRITERS[spec.export](out, Export(account, names, first, last, blocks))
    with aside.open("rb") as done:
        sha256 = hashlib.file_digest(done, "sha256").hexdigest()
    size = aside.stat().st_size
    aside.replace(path)
    sums = [sum(int(getattr(b, n).sum()) for b in blocks) for n in ("impressions", "clicks")]
    cost, conversions, value = (sum(int(getattr(b, n).sum()) for b in blocks) for n in ("cost", "conversions", "value"))
    return FileTruth(
        path=path.relative_to(out_dir).as_posix(),
        source=spec.source,
        export=spec.export,
        account_id=spec.account_id,
        currency=spec.currency,
        exported_at=slot.exported_at.isoformat(),
        date_min=first,
        date_max=last,
        data_rows=sum(len(b.campaign) for b in blocks),
        total_rows=lines.totals,
        preamble_lines=lines.preamble,
        sums=Sums(
            sums[0],
            sums[1],
            decimal_text(cost, 2),
            decimal_text(conversions, spec.conversion_decimals),
            decimal_text(value, 2),
        ),
        size_bytes=size,
        sha256=sha256,
    )
