-- What a file's header and spec said of it, for staging and for telling what changed since the export before.
ALTER TABLE ops.file_ledger
    ADD COLUMN IF NOT EXISTS headers Array(String) COMMENT 'all headers as sent',
    ADD COLUMN IF NOT EXISTS null_tokens Array(String) COMMENT 'cells of ids and names that mean nothing in this shape',
    ADD COLUMN IF NOT EXISTS event_tiers Map(String, Array(Array(String))) COMMENT 'conversion event to its tiers',
    ADD COLUMN IF NOT EXISTS event_columns Map(String, Array(String)) COMMENT 'conversion event to the headers of its conversions and value in `extra`';

CREATE OR REPLACE VIEW ops.current_loads AS
SELECT *
FROM ops.file_ledger
WHERE status = 'loaded'
ORDER BY loaded_at
LIMIT 1 BY file_id;

-- Of files that two loaders took at once, only the load that counts shows its rejects.
CREATE OR REPLACE VIEW ops.rejected_rows AS
SELECT workspace, file_id, row_number, reason, detail, raw_text
FROM ops.load_rejects
WHERE load_id IN (SELECT load_id FROM ops.current_loads);

-- What a newer export changed: one row a day, entity and metric whose value moved, noted when staging takes it over.
-- Noted twice after a crash, a change is still one row: the key names the export.
CREATE TABLE IF NOT EXISTS ops.restatement_log
(
    workspace     LowCardinality(String),
    platform      LowCardinality(String),
    grain         LowCardinality(String),
    account_id    Nullable(String),
    date          Date,
    entity_id     String COMMENT 'id of the finest level of the grain, else its name',
    entity_name   Nullable(String),
    metric        LowCardinality(String) COMMENT 'impressions, clicks, cost, conversions or conversion_value',
    before        Nullable(Decimal(38, 6)) COMMENT 'NULL where the older export did not list the entity',
    after         Nullable(Decimal(38, 6)) COMMENT 'NULL where the newer export no longer lists it',
    currency      LowCardinality(Nullable(String)),
    exported_before DateTime64(3, 'UTC'),
    exported_after  DateTime64(3, 'UTC'),
    restated_at   DateTime64(3, 'UTC')
)
ENGINE = ReplacingMergeTree(restated_at)
PARTITION BY toYYYYMM(date)
ORDER BY (workspace, date, platform, grain, ifNull(account_id, ''), entity_id, metric, exported_before, exported_after);

CREATE VIEW IF NOT EXISTS ops.restatements AS SELECT * FROM ops.restatement_log FINAL;

-- An identifier: text; format 'digits' keeps its digits only (Google writes customer ids as 123-456-7890).
CREATE OR REPLACE FUNCTION insightflow_id AS (x, format) ->
    if(insightflow_is_null(x), NULL,
        multiIf(
            format != 'digits', trimBoth(x),
            match(x, '^[0-9-]+$'), replaceAll(x, '-', ''),
            replaceRegexpAll(x, '[^0-9]', '')));

-- Text to Nullable(Decimal(38, 6)): NULL for "no value", for what is no number, and for what stays ambiguous.
-- mark: decimal mark of the column, '.' or ',', or '' where it is not known. Plain numbers, and those with thousands in
-- threes, are read at a glance; exponents are what connectors write of floats.
CREATE OR REPLACE FUNCTION insightflow_number AS (x, mark) ->
    multiIf(
        mark = '.' AND match(x, '^[0-9]{1,12}([.][0-9]+)?$'), toDecimal64OrNull(x, 6),
        mark = ',' AND match(x, '^([1-9][0-9]{0,2}([.][0-9]{3}){1,3}|[0-9]{1,12})(,[0-9]+)?$'),
            toDecimal64OrNull(replaceAll(replaceAll(x, '.', ''), ',', '.'), 6),
        mark = '.' AND match(x, '^[1-9][0-9]{0,2}(,[0-9]{3}){1,3}([.][0-9]+)?$'),
            toDecimal64OrNull(replaceAll(x, ',', ''), 6),
        match(x, '^[+-]?[0-9]+([.][0-9]+)?$') AND (mark = '.' OR NOT match(x, '^[+-]?[1-9][0-9]{0,2}[.][0-9]{3}$')),
            toDecimal128OrNull(x, 6),
        match(x, '^[+-]?[0-9]+([.][0-9]+)?[eE][+-]?[0-9]{1,2}$'), toDecimal128OrNull(x, 6),
        insightflow_number_slow(x, mark));

CREATE OR REPLACE FUNCTION insightflow_iso_date AS (x) ->
    if(match(x, '^[0-9]{4}-[0-9]{2}-[0-9]{2}([ T|].*)?$') AND toString(toDateOrZero(left(x, 10))) = left(x, 10),
        toDateOrNull(left(x, 10)), NULL);

-- Two digits of a year are of this century.
CREATE OR REPLACE FUNCTION insightflow_date_of_parts AS (year, month, day) ->
    insightflow_iso_date(concat(if(length(year) = 2, '20', ''), year, '-', leftPad(month, 2, '0'), '-', leftPad(day, 2, '0')));

-- Cells that are dates of more kinds.
-- A date cell as Nullable(Date). An ISO date is one under every style. style: iso (2025-01-31 or 2025-1-31, also with a time), compact (20250131), ymd_slash
-- (2025/01/31), mdy (1/31/2025), dmy (31/1/2025, 31.1.2025), named (Jan 31, 2025; 31 January 2025). A day that the
-- calendar does not have is NULL.
CREATE OR REPLACE FUNCTION insightflow_date AS (x, style) ->
    multiIf(
        match(x, '^[0-9]{4}-[0-9]{2}-[0-9]{2}'), insightflow_iso_date(x),
        match(x, '^\\s*[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}([ T|].*)?$'), insightflow_date_of_parts(
            extract(x, '^\\s*([0-9]{4})-'), extract(x, '^\\s*[0-9]{4}-([0-9]{1,2})-'),
            extract(x, '^\\s*[0-9]{4}-[0-9]{1,2}-([0-9]{1,2})')),
        style = 'ymd_slash', insightflow_date_of_parts(
            extract(x, '^\\s*([0-9]{4})/'), extract(x, '^\\s*[0-9]{4}/([0-9]{1,2})/'),
            extract(x, '^\\s*[0-9]{4}/[0-9]{1,2}/([0-9]{1,2})([ T|].*)?\\s*$')),
        style = 'compact', insightflow_iso_date(
            replaceRegexpOne(trimBoth(x), '^([0-9]{4})([0-9]{2})([0-9]{2})$', '\\1-\\2-\\3')),
        style = 'mdy', insightflow_date_of_parts(
            extract(x, '^\\s*[0-9]{1,2}/[0-9]{1,2}/([0-9]{4}|[0-9]{2})([ T|,].*)?\\s*$'),
            extract(x, '^\\s*([0-9]{1,2})/'), extract(x, '^\\s*[0-9]{1,2}/([0-9]{1,2})/')),
        style = 'dmy', insightflow_date_of_parts(
            extract(x, '^\\s*[0-9]{1,2}[/.-][0-9]{1,2}[/.-]([0-9]{4}|[0-9]{2})([ T|,].*)?\\s*$'),
            extract(x, '^\\s*[0-9]{1,2}[/.-]([0-9]{1,2})[/.-]'), extract(x, '^\\s*([0-9]{1,2})[/.-]')),
        style = 'named' AND match(x, '^\\s*([A-Za-z]{3,9}[.]?\\s+[0-9]{1,2},?\\s+[0-9]{4}|[0-9]{1,2}[.]?[ -][A-Za-z]{3,9}[.]?,?[ -][0-9]{4})\\s*$'),
            insightflow_date_of_parts(
                extract(x, '([0-9]{4})\\s*$'),
                toString(indexOf(
                    ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'],
                    lower(left(extract(x, '[A-Za-z]{3,9}'), 3)))),
                extract(x, '(?:^|\\D)([0-9]{1,2})(?:\\D)')),
        NULL);
