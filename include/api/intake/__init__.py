"""What came in: files, rows refused, restatements, coverage, quality, freshness; and uploads."""
