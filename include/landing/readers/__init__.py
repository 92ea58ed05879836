"""Readers: how ClickHouse reads files of each form."""
