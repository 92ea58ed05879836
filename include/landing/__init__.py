"""Landing: files of the bucket to rows of ``raw``, each accounted for in ``ops.file_ledger``."""

from include.landing.ledger import LedgerLine, built_as, discover, emptied, fingerprints, mark_built, pending_dates
from include.landing.loader import LandingError, load

__all__ = [
    "LandingError",
    "LedgerLine",
    "built_as",
    "discover",
    "emptied",
    "fingerprints",
    "load",
    "mark_built",
    "pending_dates",
]
