"""An embedded ClickHouse: a small server over chDB that speaks ClickHouse's HTTP protocol."""
