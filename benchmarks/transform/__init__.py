"""The transform: what a day costs, how the tables lie on disk, and dbt-duckdb beside it."""
