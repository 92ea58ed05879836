-- What each node ran, beside its status, rows and seconds. The dates of a build are in its environment now.
ALTER TABLE ops.dbt_results
    ADD COLUMN IF NOT EXISTS unique_id String AFTER node,
    ADD COLUMN IF NOT EXISTS sql String COMMENT 'as compiled; kept for 60 days' CODEC(ZSTD(3))
        TTL toDateTime(finished_at) + INTERVAL 60 DAY,
    COMMENT COLUMN rows 'that a model wrote, or that fail a test; NULL where nobody counts';

DROP TABLE IF EXISTS ops.build_requests;
