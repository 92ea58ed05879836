"""What is true of a sample set: the final numbers, each file's counts, the planted problems."""

import csv
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

from include.samples.catalog import AccountSpec
from include.samples.profile import Profile


def decimal_text(units: int, places: int) -> str:
    """An integer count of 10^-places as exact decimal text: (1234, 2) is 12.34."""
    if places == 0:
        return str(units)
    whole, rest = divmod(units, 10**places)
    return f"{whole}.{rest:0{places}d}"


class CampaignDay(NamedTuple):
    """A campaign's day after all files are loaded. Money and conversions are exact decimal text."""

    platform: str
    account_id: str
    campaign_id: str
    campaign_name: str
    date: str
    impressions: int
    clicks: int
    cost: str
    conversions: str
    conversion_value: str
    currency: str


@dataclass(frozen=True)
class Sums:
    """Sums of the additive metrics, exact."""

    impressions: int
    clicks: int
    cost: str
    conversions: str
    conversion_value: str


@dataclass(frozen=True)
class FileTruth:
    """What one file says. `data_rows` without header, preamble and totals; `path` is below the bucket."""

    path: str
    source: str
    export: str
    account_id: str
    currency: str
    exported_at: str
    date_min: date
    date_max: date
    data_rows: int
    total_rows: int
    preamble_lines: int
    sums: Sums
    size_bytes: int
    sha256: str


@dataclass(frozen=True)
class Problem:
    """A planted problem. Without a campaign it is the whole account's. Money is in account currency.

    `metric` is the metric that tells, `direction` (up, down) where it goes; `money_of` says whether
    `money_at_stake` is cost or conversion value.
    """

    kind: str
    platform: str
    account_id: str
    account_name: str
    campaign_id: str | None
    campaign_name: str | None
    date_start: date
    date_end: date
    metric: str
    direction: str
    note: str
    money_at_stake: str
    money_of: str
    currency: str


@dataclass(frozen=True)
class Rename:
    """A campaign that has another name in every file exported at `from_export` or later."""

    account_id: str
    campaign_id: str
    old_name: str
    new_name: str
    from_export: str


@dataclass(frozen=True)
class Retraction:
    """A campaign's day that older files list and the files exported at `from_export` or later do not."""

    account_id: str
    campaign_id: str
    date: date
    from_export: str


class DayState(NamedTuple):
    """Campaign totals of one account and day, as its newest file has them (lists run in parallel)."""

    day: date
    campaign_ids: list[str]
    names: list[str]
    impressions: list[int]
    clicks: list[int]
    cost: list[int]
    conversions: list[int]
    value: list[int]


@dataclass(frozen=True)
class AccountState:
    """The final state of an account: its days in order."""

    spec: AccountSpec
    days: list[DayState]

    def rows(self) -> Iterator[CampaignDay]:
        """The account's campaign days, by date, biggest campaign first."""
        spec, places = self.spec, self.spec.conversion_decimals
        for d in self.days:
            text = d.day.isoformat()
            for row in zip(*d[1:], strict=True):
                cid, name, impressions, clicks, cost, conversions, value = row
                yield CampaignDay(
                    spec.source, spec.account_id, cid, name, text, impressions, clicks,
                    decimal_text(cost, 2), decimal_text(conversions, places), decimal_text(value, 2),
                    spec.currency,
                )  # fmt: skip

    def sums(self) -> Sums:
        """The account's totals over all its days."""
        return Sums(
            sum(sum(d.impressions) for d in self.days),
            sum(sum(d.clicks) for d in self.days),
            decimal_text(sum(sum(d.cost) for d in self.days), 2),
            decimal_text(sum(sum(d.conversions) for d in self.days), self.spec.conversion_decimals),
            decimal_text(sum(sum(d.value) for d in self.days), 2),
        )


@dataclass(frozen=True)
class Truth:
    """The truth of a sample set. `rows` is built on first use; `iter_rows` streams for big sets."""

    profile: Profile
    files: tuple[FileTruth, ...]
    problems: tuple[Problem, ...]
    renames: tuple[Rename, ...]
    retractions: tuple[Retraction, ...]
    accounts: tuple[AccountState, ...] = field(repr=False)

    def iter_rows(self) -> Iterator[CampaignDay]:
        """The expected campaign days after all files are loaded, account by account."""
        for account in self.accounts:
            yield from account.rows()

    @cached_property
    def rows(self) -> tuple[CampaignDay, ...]:
        """All expected campaign days."""
        return tuple(self.iter_rows())

    def totals(self) -> dict[str, Sums]:
        """Expected totals by account id."""
        return {a.spec.account_id: a.sums() for a in self.accounts}

    def write(self, truth_dir: Path) -> None:
        """Write truth.json and truth_campaign_daily.csv."""
        truth_dir.mkdir(parents=True, exist_ok=True)
        document = {
            "profile": asdict(self.profile),
            "problems": [asdict(p) for p in self.problems],
            "renames": [asdict(r) for r in self.renames],
            "retractions": [asdict(r) for r in self.retractions],
            "files": [asdict(f) for f in self.files],
            "totals": {key: asdict(sums) for key, sums in self.totals().items()},
        }
        text = json.dumps(document, indent=1, default=_iso, ensure_ascii=False) + "\n"
        (truth_dir / "truth.json").write_text(text, encoding="utf-8", newline="\n")
        with (truth_dir / "truth_campaign_daily.csv").open("w", encoding="utf-8", newline="") as out:
            writer = csv.writer(out, lineterminator="\n")
            writer.writerow(CampaignDay._fields)
            writer.writerows(self.iter_rows())


def _iso(value: object) -> str:
    if isinstance(value, date):
        return value.isoformat()
    raise TypeError(f"cannot write {type(value).__name__} as JSON")
