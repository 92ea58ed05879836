"""InsightFlow: ad-platform exports in, marts, anomalies and insights out."""
