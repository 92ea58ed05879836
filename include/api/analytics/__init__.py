"""Questions to the marts: totals and ratios by anything, series, anomalies, pacing. Sums first, ratios of sums after."""
