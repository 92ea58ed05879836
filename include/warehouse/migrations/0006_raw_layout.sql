-- raw without month partitions and with LZ4: a load's rows are found by load_id, and a file costs a third less to write
-- (measured: 2 million rows, 9.0 → 6.6 CPU seconds). Rows of an older installation move over; cut off anywhere, the
-- statements can run again.
DROP TABLE IF EXISTS raw.ad_performance_next SYNC;

CREATE TABLE raw.ad_performance_next
(
    workspace        LowCardinality(String),
    source           LowCardinality(String),
    file_id          LowCardinality(String),
    load_id          UInt64,
    row_number       UInt64 CODEC(Delta, LZ4) COMMENT 'line of the file (CSV: of the record), counted from 1',
    event_date       Date   COMMENT 'the date cell typed, 1970-01-01 where it has none',
    disposition      LowCardinality(String) COMMENT 'loaded, a reason of rejection, or a reason of skipping',
    row_hash         UInt64 COMMENT 'hash of all cells: finds exact repeats',
    date             String,
    date_end         String,
    account_id       String,
    account_name     String,
    campaign_id      String,
    campaign_name    String,
    ad_group_id      String,
    ad_group_name    String,
    ad_id            String,
    ad_name          String,
    impressions      String,
    clicks           String,
    cost             String,
    conversions      String,
    conversion_value String,
    currency         String,
    segments         Map(String, String),
    extra            Map(String, String)
)
ENGINE = MergeTree
ORDER BY (load_id, event_date, row_number);

INSERT INTO raw.ad_performance_next SELECT * FROM raw.ad_performance SETTINGS max_partitions_per_insert_block = 0;

EXCHANGE TABLES raw.ad_performance AND raw.ad_performance_next;

DROP TABLE raw.ad_performance_next SYNC;
