"""Names that filters give: platforms that are known, account ids in any spelling."""

from __future__ import annotations

import re
from collections.abc import Sequence

from include.api.parameters import UnknownName, unknown
from include.api.warehouse import Warehouse

# Google writes its customer ids so; landing keeps their digits (id_formats of the spec).
_GOOGLE_ACCOUNT = re.compile(r"\d{3}-\d{3}-\d{4}")


def spellings(account_ids: Sequence[str]) -> list[str]:
    """The ids, and of those in Google's spelling their digits too. A table of one's own may hold either."""
    digits = [one.replace("-", "") for one in account_ids if _GOOGLE_ACCOUNT.fullmatch(one)]
    return [*account_ids, *digits]


def check_platforms(warehouse: Warehouse, wanted: Sequence[str] | None) -> Warehouse:
    """The warehouse again; ``UnknownName`` for a platform that neither the project nor the caller's data know: no rows would look like none
    spent. Raises ``Unavailable``."""
    from include.landing.specs import sources

    known = {name for name, source in sources().items() if source.kind != "exchange_rates"}
    if not set(wanted or ()) - known:
        return warehouse
    rows = warehouse.rows("SELECT DISTINCT r.platform AS platform FROM @marts.mart_platform_daily AS r")
    known |= {str(row["platform"]) for row in rows}
    if strange := [name for name in dict.fromkeys(wanted or ()) if name not in known]:
        raise UnknownName("; ".join(unknown(name, known, "platform") for name in strange))
    return warehouse
