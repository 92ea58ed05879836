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
    """Decimal mark of each metric: the spec's, else what its column proves, else what the rest of the file proves.

    A column that proves both marks proves none, also not for others; nor do columns that contradict each other.
    Ambiguous cells are then rejected.
    """
    if fixed != "auto":
        return dict.fromkeys(proved, fixed)
    of_file = {marks[0] for marks in proved.values() if len(marks) == 1}
    decided = {}
    for metric, marks in proved.items():
        evidence_of = set(marks) or of_file
        decided[metric] = next(iter(evidence_of)) if len(evidence_of) == 1 else ""
    return decided


DAY_AND_MONTH = r"(\d{1,2})[/.-](\d{1,2})[/.-](\d{4}|\d\d)([ T|,].*)?"
STYLES = (
    ("iso", r"\d{4}-\d\d?-\d\d?([ T|].*)?"),
    ("compact", r"(19|20)\d{6}"),
    ("ymd_slash", r"\d{4}/\d\d?/\d\d?([ T|].*)?"),
    ("named", r".*[^\W\d_]{3}.*\d{4}.*"),
)


def decide_date_style(dates: Sequence[str], fixed: str) -> str | None:
    """Date style of the file: the spec's, else what its cells prove of the order of day and month, else how they are
    written. None where each is as 3/4/2025 and none proves the order; where only some are, those are refused alone."""
    if fixed != "auto":
        return fixed
    cells = [cell.strip() for cell in dates if cell.strip()]
    parts = [hit for cell in cells if (hit := re.fullmatch(DAY_AND_MONTH, cell))]
    day_first = any(int(hit.group(1)) > 12 for hit in parts)
    month_first = any(int(hit.group(2)) > 12 for hit in parts)
    if parts and not month_first and all("." in hit.group(0) for hit in parts):
        day_first = True
    if day_first != month_first:
        return "dmy" if day_first else "mdy"
    written = next((style for style, form in STYLES if any(re.fullmatch(form, cell) for cell in cells)), None)
    if parts and not day_first and written is None:
        return None
    return written or "iso"
