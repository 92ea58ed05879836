"""The embedded installation: PostgreSQL, ClickHouse, Airflow and the API as processes under supervisord.

``lifecycle.up`` and ``lifecycle.down`` start and stop them, ``status`` and ``doctor`` look at them.
"""
