"""The embedded ClickHouse under load: a soak test with faults, and throughput against chDB called directly."""
