"""What a sample set looks like: size, dates, restatement, planted problems."""

from dataclasses import dataclass
from datetime import date, timedelta


@dataclass(frozen=True)
class Profile:
    """The parameters of a sample set. The same profile gives the same bytes.

    seed: of every random draw.
    last_day, days: the days covered, the last one included.
    workspace: the first folder below the bucket.
    campaigns: how many for each account, in the order of `catalog.ACCOUNTS`.
    volume: multiplies every campaign's level (1.0: about 2 to 8,000 clicks a day).
    restatement_days: how many days a daily file of a restating account covers (1: its own day only).
    daily_files: how many of the last days come as one file a day; what is older comes as history.
    history_days: days in one history file; 0 puts an account's whole history into one file.
    problems: whether problems are planted.
    """

    seed: int = 7
    last_day: date = date(2026, 6, 30)
    days: int = 120
    workspace: str = "demo"
    campaigns: tuple[int, ...] = (7, 6, 5, 5, 5)
    volume: float = 1.0
    restatement_days: int = 7
    daily_files: int = 3
    history_days: int = 0
    problems: bool = True

    def __post_init__(self) -> None:
        if self.days < 1:
            raise ValueError("days must be 1 or more")
        if len(self.campaigns) != 5 or min(self.campaigns) < 0 or sum(self.campaigns) < 1:
            raise ValueError("campaigns must hold five counts of 0 or more, one for each account, not all 0")
        if not 0 <= self.daily_files <= self.days:
            raise ValueError("daily_files must be between 0 and days")
        if self.restatement_days < 1 or self.history_days < 0:
            raise ValueError("restatement_days must be 1 or more, history_days 0 or more")
        if self.volume <= 0:
            raise ValueError("volume must be above 0")
        if not self.workspace or "/" in self.workspace:
            raise ValueError("workspace must be one folder name")

    @property
    def first_day(self) -> date:
        """The first day covered."""
        return self.last_day - timedelta(days=self.days - 1)

    def day(self, index: int) -> date:
        """The day at an index; 0 is the first day."""
        return self.first_day + timedelta(days=index)

    @classmethod
    def sized(
        cls,
        days: int,
        campaigns: int,
        *,
        seed: int = 7,
        workspace: str = "bench",
        daily_files: int = 3,
        problems: bool = True,
    ) -> "Profile":
        """A profile for benchmarks: any number of campaigns, spread evenly over the five accounts.

        One campaign-day is one row, three in the account with device segments and one to four in the
        account at ad grain. History comes in files of 30 days.
        """
        share, rest = divmod(campaigns, 5)
        return cls(
            seed=seed,
            days=days,
            workspace=workspace,
            campaigns=tuple(share + (i < rest) for i in range(5)),
            daily_files=min(daily_files, days),
            history_days=30,
            problems=problems,
        )


DEMO = Profile()
