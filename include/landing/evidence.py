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


def decide_date_style(dates: Sequence[str], fixed: str) -> str | None:
    """Date style of the file: the spec's, else the one that its cells show; None where 3/4/2025 stays ambiguous."""
    if fixed != "auto":
        return fixed
    cells = [cell.strip() for cell in dates]
    for style, pattern in (
        ("iso", r"\d{4}-\d\d?-\d\d?([ T|].*)?"),
        ("compact", r"\d{8}"),
        ("ymd_slash", r"\d{4}/\d\d?/\d\d?([ T|].*)?"),
        ("named", r"[A-Za-z]{3,9}\.? \d{1,2},? \d{4}|\d{1,2}\.?[ -][A-Za-z]{3,9}\.?,?[ -]\d{4}"),
    ):
        if any(re.fullmatch(pattern, cell) for cell in cells):
            return style
    parts = [hit for cell in cells if (hit := re.match(r"(\d{1,2})[/.-](\d{1,2})[/.-](\d{4}|\d\d)\b", cell))]
    if not parts:
        return "iso"
    day_first = any(int(hit.group(1)) > 12 for hit in parts) or all("." in hit.group(0) for hit in parts)
    month_first = any(int(hit.group(2)) > 12 for hit in parts)
    if day_first == month_first:
        return None
    return "dmy" if day_first else "mdy"
