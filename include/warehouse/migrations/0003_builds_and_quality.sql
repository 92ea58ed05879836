-- The dates that the next dbt invocation rebuilds: the newest row counts. Builds take turns (one at a time).
CREATE TABLE IF NOT EXISTS ops.build_requests
(
    requested_at DateTime64(6, 'UTC') DEFAULT now64(6),
    run_id       String,
    dates        Array(Date)
)
ENGINE = MergeTree
ORDER BY requested_at
TTL toDateTime(requested_at) + INTERVAL 90 DAY;

-- Dates built to the end, with a fingerprint of the loads that the build saw: a date whose visible loads give
-- another fingerprint is pending. No clocks, so a load that commits during a build is never taken for built.
CREATE TABLE IF NOT EXISTS ops.built_dates
(
    date           Date,
    fingerprint    UInt64,
    version        String COMMENT 'of the dbt project that built it',
    run_id         String,
    built_at       DateTime64(6, 'UTC') DEFAULT now64(6)
)
ENGINE = ReplacingMergeTree(built_at)
ORDER BY date;

CREATE TABLE IF NOT EXISTS ops.quality_results
(
    run_id       String,
    checked_at   DateTime64(3, 'UTC'),
    workspace    LowCardinality(String),
    suite        LowCardinality(String),
    expectation  LowCardinality(String),
    column       String,
    severity     LowCardinality(String) COMMENT 'error stops the run before the marts, warning does not',
    success      Bool,
    observed     String,
    unexpected_count Nullable(UInt64),
    detail       String
)
ENGINE = MergeTree
ORDER BY (checked_at, suite, expectation)
TTL toDateTime(checked_at) + INTERVAL 400 DAY;

CREATE TABLE IF NOT EXISTS ops.dbt_results
(
    run_id      String,
    finished_at DateTime64(3, 'UTC'),
    layer       LowCardinality(String),
    node        String,
    resource_type LowCardinality(String),
    status      LowCardinality(String),
    rows        Nullable(Int64),
    seconds     Float64,
    message     String
)
ENGINE = MergeTree
ORDER BY (finished_at, node)
TTL toDateTime(finished_at) + INTERVAL 400 DAY;
