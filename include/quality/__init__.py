"""Great Expectations over the warehouse: suites are data, the checks run inside ClickHouse."""

from include.quality.check import check_staging
from include.quality.report import QualityError, QualityReport

__all__ = ["QualityError", "QualityReport", "check_staging"]
