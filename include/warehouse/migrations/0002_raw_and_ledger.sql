-- Rows as sent: every record of every file, as text, under canonical column names. The header as sent is in
-- ops.file_ledger.column_map; columns that the source's spec does not know are kept in `extra`.
-- A load writes under a load_id of its own; only the ledger row, written last, makes that load visible.
CREATE TABLE IF NOT EXISTS raw.ad_performance
(
    workspace        LowCardinality(String),
    source           LowCardinality(String),
    file_id          String CODEC(ZSTD(1)),
    load_id          UInt64 CODEC(ZSTD(1)),
    row_number       UInt64 CODEC(Delta, ZSTD(1)) COMMENT 'line of the file (CSV: of the record), counted from 1',
    event_date       Date   COMMENT 'the date cell typed, 1970-01-01 where it has none; used to find rows, never to report',
    disposition      LowCardinality(String) COMMENT 'loaded, a reason of rejection, or a reason of skipping',
    row_hash         UInt64 COMMENT 'hash of all cells: finds exact repeats',
    date             String CODEC(ZSTD(1)),
    date_end         String CODEC(ZSTD(1)),
    account_id       String CODEC(ZSTD(1)),
    account_name     String CODEC(ZSTD(1)),
    campaign_id      String CODEC(ZSTD(1)),
    campaign_name    String CODEC(ZSTD(1)),
    ad_group_id      String CODEC(ZSTD(1)),
    ad_group_name    String CODEC(ZSTD(1)),
    ad_id            String CODEC(ZSTD(1)),
    ad_name          String CODEC(ZSTD(1)),
    impressions      String CODEC(ZSTD(1)),
    clicks           String CODEC(ZSTD(1)),
    cost             String CODEC(ZSTD(1)),
    conversions      String CODEC(ZSTD(1)),
    conversion_value String CODEC(ZSTD(1)),
    currency         String CODEC(ZSTD(1)),
    segments         Map(String, String) CODEC(ZSTD(1)),
    extra            Map(String, String) CODEC(ZSTD(1))
)
ENGINE = MergeTree
PARTITION BY toYYYYMM(event_date)
ORDER BY (load_id, event_date, row_number);

-- One row a file and attempt. status = 'loaded' commits the rows that carry its load_id.
CREATE TABLE IF NOT EXISTS ops.file_ledger
(
    file_id        String COMMENT 'workspace and content, hashed',
    load_id        UInt64 COMMENT 'the attempt: raw rows carry it',
    export_id      UInt64 COMMENT 'the same for all files of one export',
    workspace      LowCardinality(String),
    source         LowCardinality(String),
    uri            String,
    batch          String COMMENT 'folder of an export that comes in several files, else empty',
    size_bytes     UInt64,
    sha256         String,
    etag           String COMMENT 'what the bucket said of the file when it was listed',
    exported_at    Nullable(DateTime64(3, 'UTC')),
    received_at    DateTime64(3, 'UTC'),
    loaded_at      DateTime64(6, 'UTC'),
    export_order   DateTime64(3, 'UTC') COMMENT 'exported_at, else received_at: the newest export stands',
    status         LowCardinality(String) COMMENT 'loaded, duplicate, rejected or failed',
    format         LowCardinality(String),
    shape          LowCardinality(String) COMMENT 'the export shape of the spec, for example google_ads_ui_csv',
    encoding       LowCardinality(String),
    grain          LowCardinality(String) COMMENT 'account, campaign, ad_group or ad',
    rows_read      UInt64,
    rows_loaded    UInt64,
    rows_rejected  UInt64,
    rows_skipped   UInt64,
    rows_declared  Nullable(UInt64),
    skipped        Map(String, UInt64) COMMENT 'reason of skipping to rows',
    rejected       Map(String, UInt64) COMMENT 'reason of rejection to rows',
    date_min       Nullable(Date),
    date_max       Nullable(Date),
    column_map     Map(String, String) COMMENT 'canonical column to the header as sent',
    unit_divisor   Map(String, UInt32) COMMENT 'canonical column to its divisor, 1000000 for micros',
    decimal_marks  Map(String, String) COMMENT 'canonical column to the decimal mark of this file',
    id_formats     Map(String, String) COMMENT 'canonical column to the format of its ids, for example digits',
    date_style     LowCardinality(String) COMMENT 'iso, compact, ymd_slash, mdy or dmy',
    missing_is_zero Bool COMMENT 'an absent metric of a present column means 0 (JSON exports)',
    conversion_tiers Array(Array(String)) COMMENT 'action types to take conversions from, first tier that has any',
    currency_default String COMMENT 'currency where the row has none (from the header or the spec)',
    restatement_days UInt16 COMMENT 'days for which the platform still changes its numbers',
    warnings       Array(String),
    error          String COMMENT 'what is wrong and what to do, in one sentence',
    run_id         String
)
ENGINE = MergeTree
ORDER BY (workspace, file_id, loaded_at);

-- What each load covers, at the grain at which a newer export replaces an older one. Visible with its load.
CREATE TABLE IF NOT EXISTS ops.load_coverage
(
    load_id     UInt64,
    export_id   UInt64,
    file_id     String,
    workspace   LowCardinality(String),
    source      LowCardinality(String),
    grain       LowCardinality(String),
    account_id  String COMMENT 'as typed in staging; empty where the file names none',
    date        Date,
    rows        UInt64,
    loaded_at   DateTime64(6, 'UTC'),
    export_order DateTime64(3, 'UTC')
)
ENGINE = MergeTree
PARTITION BY toYYYYMM(date)
ORDER BY (date, workspace, source, account_id, load_id);

CREATE TABLE IF NOT EXISTS ops.load_rejects
(
    load_id    UInt64,
    workspace  LowCardinality(String),
    file_id    String,
    row_number UInt64,
    reason     LowCardinality(String),
    detail     String,
    raw_text   String
)
ENGINE = MergeTree
ORDER BY (load_id, row_number);

-- Rows kept apart with their reason. A load that did not commit shows nothing.
CREATE VIEW IF NOT EXISTS ops.rejected_rows AS
SELECT workspace, file_id, row_number, reason, detail, raw_text
FROM ops.load_rejects
WHERE load_id IN (SELECT load_id FROM ops.file_ledger WHERE status IN ('loaded', 'rejected'));

-- The loads that count: one a file, the first that committed.
CREATE VIEW IF NOT EXISTS ops.current_loads AS
SELECT *
FROM ops.file_ledger
WHERE status = 'loaded'
ORDER BY loaded_at
LIMIT 1 BY file_id;

-- Which days and sources are in, from which file: the coverage calendar.
CREATE VIEW IF NOT EXISTS ops.file_coverage AS
SELECT c.*
FROM ops.load_coverage AS c
WHERE c.load_id IN (SELECT load_id FROM ops.current_loads);
