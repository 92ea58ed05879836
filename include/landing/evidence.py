"""What a file's cells prove: its decimal marks and the style of its dates. Never guessed for a cell alone."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence


def evidence(records: str, metrics: Sequence[str], sample: int | None = None) -> str:
    """SQL of ``path, dates, marks of each metric``: what the files' cells prove, or those of the first ``sample``."""
    marks = ", ".join(
        f"arraySort(groupUniqArrayIf(insightflow_mark_of({m}), insightflow_mark_of({m}) != ''))" for m in metrics
    )
    limit = f" LIMIT {sample}" if sample else ""
    return (
        f"SELECT path, groupUniqArray(1000)(date){', ' + marks if marks else ''} "
        f"FROM (SELECT * FROM ({records}){limit}) GROUP BY path"
    )


def decide_marks(proved: Mapping[str, Sequence[str]], fixed: str) -> dict[str, str]:
    """Decimal mark of each metric: what its column proves, else what the rest of the file proves, else the spec's.

    A column that proves both marks proves none, also not for others; nor do columns that contradict each other.
    Ambiguous cells are then rejected, or read by the spec's mark where it has one. A file that proves only the mark that is
    not the spec's went through a spreadsheet of another language.
    """
    of_file = {marks[0] for marks in proved.values() if len(marks) == 1}
    if fixed != "auto" and (
        of_file != {"," if fixed == "." else "."} or any(len(marks) > 1 for marks in proved.values())
    ):
        return dict.fromkeys(proved, fixed)
    decided = {}
    for metric, marks in proved.items():
        evidence_of = set(marks) or of_file
        decided[metric] = next(iter(evidence_of)) if len(evidence_of) == 1 else ""
    return decided


DAY_AND_MONTH = r"(\d{1,2})[/.-](\d{1,2})[/.-](\d{4}|\d\d)([ T|,].*)?"
# Headers of dates in languages that write the day before the month, wherever they are spoken.
DAY_FIRST = frozenset({
    "tag", "datum", "startdatum", "jour", "día", "fecha", "dia", "data", "giorno", "dag", "dzień",
    "gregorianisches datum", "date grégorienne", "fecha gregoriana", "date de début", "fecha de inicio",
})  # fmt: skip
STYLES = (
    ("iso", r"\d{4}-\d\d?-\d\d?([ T|].*)?"),
    ("compact", r"(19|20)\d{6}"),
    ("ymd_slash", r"\d{4}/\d\d?/\d\d?([ T|].*)?"),
    ("named", r".*[^\W\d_]{3}.*\d{4}.*"),
)


def proved_orders(dates: Sequence[str]) -> set[str] | None:
    """Orders of day and month that the cells prove, dmy and mdy; None where no cell is as 3/4/2025."""
    parts = [hit for cell in dates if (hit := re.fullmatch(DAY_AND_MONTH, cell.strip()))]
    orders = {"dmy" for hit in parts if int(hit.group(1)) > 12} | {"mdy" for hit in parts if int(hit.group(2)) > 12}
    if parts and not orders and all("." in hit.group(0) for hit in parts):
        orders = {"dmy"}
    return orders if parts else None


def decide_date_style(dates: Sequence[str], fixed: str, header: str = "") -> str | None:
    """Date style of the file: what its cells prove of the order of day and month, else what the language of the header
    tells, else the spec's, else how they are written. None where each is as 3/4/2025 and nothing shows the order; where
    only some are, or cells contradict each other, those are refused alone."""
    orders = proved_orders(dates)
    if orders is None and fixed != "auto":
        return fixed
    if orders is not None and len(orders) < 2:
        if orders:
            return orders.pop()
        if header.casefold().split(" (")[0] in DAY_FIRST:
            return "dmy"
        if fixed in ("dmy", "mdy"):
            return fixed
    cells = [cell.strip() for cell in dates if cell.strip()]
    written = next((style for style, form in STYLES if any(re.fullmatch(form, cell) for cell in cells)), None)
    if orders is not None and not orders and written is None:
        return None
    return written or "iso"
